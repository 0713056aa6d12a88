//! The file that a store is opened by, as another version would have written it.

/// The same manifest with another format number and a checksum that fits.
pub fn with_format(manifest: &[u8], format: u32) -> Vec<u8> {
    let text = std::str::from_utf8(manifest).expect("the manifest is text");
    let lines: Vec<&str> = text.lines().collect();
    let (_checksum, body) = lines.split_last().expect("a checksum");
    let (_first, rest) = body.split_first().expect("a first line");
    let rest: String = rest.iter().map(|line| format!("{line}\n")).collect();
    let body = format!("hone-store {format}\n{rest}");
    format!("{body}crc32c {:08x}\n", crc32c::crc32c(body.as_bytes())).into_bytes()
}
