//! Durations and sizes as people write them: `90s`, `1h30m`, `500MB`, `1GiB`.
//!
//! One or more numbers, each with a unit, from large units to small ones. What `format_*` writes, `parse_*` reads
//! back exactly.

use crate::ids::Micros;

/// The longest duration that is accepted, ten years: deadlines stay far from the end of [`Micros`].
pub const MAX_DURATION: Micros = 3_650 * 86_400 * 1_000_000;

const TIMES: &[(&str, u64)] =
    &[("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];

const SIZES: &[(&str, u64)] = &[
    ("PiB", 1 << 50),
    ("PB", 1_000_000_000_000_000),
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// Parses a duration such as `90s`, `1h30m` or `1.5h`.
///
/// # Errors
/// A sentence that says what is wrong and how to write it.
pub fn parse_duration(text: &str) -> Result<Micros, String> {
    let total = sum(text, time_unit)?.ok_or_else(|| too_much(text, "long; at most `3650d`"))?;
    let micros = i64::try_from(total).ok().filter(|micros| *micros <= MAX_DURATION);
    micros.ok_or_else(|| too_much(text, "long; at most `3650d`"))
}

/// Parses a size such as `500MB` (thousands), `64MiB` (1,024s) or `1.5GiB`, in bytes.
///
/// # Errors
/// A sentence that says what is wrong and how to write it.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let total = sum(text, size_unit)?;
    // The journal and JSON readers hold sizes as signed numbers.
    let bytes = total.filter(|bytes| i64::try_from(*bytes).is_ok());
    bytes.ok_or_else(|| too_much(text, "large; at most `8191PiB`"))
}

/// Writes a duration exactly, without needless parts: `90s` as `1m30s`.
pub fn format_duration(micros: Micros) -> String {
    if micros == 0 {
        return "0s".to_owned();
    }
    let mut left = micros.unsigned_abs();
    let mut out = String::from(if micros < 0 { "-" } else { "" });
    for (unit, factor) in TIMES {
        if left >= *factor {
            out.push_str(&format!("{}{unit}", left / factor));
            left %= factor;
        }
    }
    out
}

/// Writes a size exactly, in the largest unit that divides it: `1073741824` as `1GiB`.
pub fn format_size(bytes: u64) -> String {
    let unit = SIZES.iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    let (name, factor) = unit.unwrap_or(&("B", 1));
    format!("{}{name}", bytes / factor)
}

/// Adds up the parts of `text`; `None` when the sum does not fit.
fn sum(text: &str, unit: fn(&str, &str) -> Result<u64, String>) -> Result<Option<u64>, String> {
    let mut rest = text.trim();
    let (mut total, mut last) = (Some(0_u64), u64::MAX);
    if rest.is_empty() {
        unit(rest, "")?;
    }
    while !rest.is_empty() {
        let (number, tail) = split_before(rest, |c| !c.is_ascii_digit() && c != '.');
        let (name, tail) = split_before(tail.trim_start(), |c| c.is_ascii_digit() || c == '.');
        let factor = unit(text, name.trim_end())?;
        if factor >= last {
            return Err(format!("`{}` does not go from large units to small ones", shown(text)));
        }
        let part = scaled(number, factor).ok_or_else(|| format!("`{}` is not a number with a unit", shown(text)))?;
        total = total.zip(part).and_then(|(total, part)| total.checked_add(part));
        (rest, last) = (tail, factor);
    }
    Ok(total)
}

fn split_before(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

/// Multiplies a decimal number with a unit, dropping what is finer than one. The outer `None`: not a number; the
/// inner one: too large.
fn scaled(number: &str, factor: u64) -> Option<Option<u64>> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 18 {
        return None;
    }
    let Ok(whole) = whole.parse::<u64>() else { return Some(None) };
    let tenths = 10_u128.pow(fraction.len() as u32);
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor) / tenths;
    let total = u128::from(whole) * u128::from(factor) + part;
    Some(u64::try_from(total).ok())
}

fn time_unit(text: &str, name: &str) -> Result<u64, String> {
    if let Some((_, factor)) = TIMES.iter().find(|(unit, _)| *unit == name) {
        return Ok(*factor);
    }
    let text = shown(text);
    Err(match name {
        "" if text.is_empty() => "a duration is missing; write for example `90s`, `5m` or `1h30m`".to_owned(),
        "" => format!("`{text}` has no unit; write for example `90s`, `5m` or `1h30m`"),
        _ => format!("`{text}` is not a duration: the units are `d`, `h`, `m`, `s`, `ms` and `us`, as in `1h30m`"),
    })
}

fn size_unit(text: &str, name: &str) -> Result<u64, String> {
    if let Some((_, factor)) = SIZES.iter().find(|(unit, _)| unit.eq_ignore_ascii_case(name)) {
        return Ok(*factor);
    }
    let text = shown(text);
    Err(match name {
        "" if text.is_empty() => "a size is missing; write for example `500MB` or `1GiB`".to_owned(),
        "" => format!("`{text}` has no unit; write for example `500MB` or `1GiB`"),
        "K" | "k" | "M" | "G" | "T" | "P" => {
            format!("`{text}` can mean two sizes; write `{text}B` (thousands) or `{text}iB` (1,024s)")
        }
        _ => format!("`{text}` is not a size: the units are `B`, `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB` and so on"),
    })
}

fn too_much(text: &str, how: &str) -> String {
    format!("`{}` is too {how}", shown(text))
}

/// What was written, short and without control characters.
fn shown(text: &str) -> String {
    super::diagnostic::shown(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SECOND;

    #[test]
    fn durations_add_up_their_parts() {
        for (text, micros) in [
            ("90s", 90 * SECOND),
            ("5m", 300 * SECOND),
            ("1h30m", 5_400 * SECOND),
            ("1h 30m", 5_400 * SECOND),
            ("1.5h", 5_400 * SECOND),
            ("2d", 172_800 * SECOND),
            ("250ms", 250_000),
            ("1s500ms", 1_500_000),
            ("7us", 7),
            ("0s", 0),
            ("3650d", MAX_DURATION),
        ] {
            assert_eq!(parse_duration(text), Ok(micros), "{text}");
        }
    }

    #[test]
    fn sizes_tell_thousands_from_1024s() {
        for (text, bytes) in [
            ("500MB", 500_000_000),
            ("1GiB", 1 << 30),
            ("1.5GiB", 3 << 29),
            ("64 KiB", 65_536),
            ("10kb", 10_000),
            ("12B", 12),
            ("0B", 0),
            ("8191PiB", 8191 << 50),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn mistakes_say_how_to_write_it() {
        for (text, message) in [
            ("", "a duration is missing; write for example `90s`, `5m` or `1h30m`"),
            ("90", "`90` has no unit; write for example `90s`, `5m` or `1h30m`"),
            ("5 min", "`5 min` is not a duration: the units are `d`, `h`, `m`, `s`, `ms` and `us`, as in `1h30m`"),
            ("-5m", "`-5m` is not a duration: the units are `d`, `h`, `m`, `s`, `ms` and `us`, as in `1h30m`"),
            ("30m1h", "`30m1h` does not go from large units to small ones"),
            ("5m5m", "`5m5m` does not go from large units to small ones"),
            ("1.2.3s", "`1.2.3s` is not a number with a unit"),
            ("m", "`m` is not a number with a unit"),
            ("4000d", "`4000d` is too long; at most `3650d`"),
            ("99999999999999999999999d", "`99999999999999999999999d` is too long; at most `3650d`"),
        ] {
            assert_eq!(parse_duration(text), Err(message.to_owned()));
        }
        for (text, message) in [
            (" ", "a size is missing; write for example `500MB` or `1GiB`"),
            ("500", "`500` has no unit; write for example `500MB` or `1GiB`"),
            ("2G", "`2G` can mean two sizes; write `2GB` (thousands) or `2GiB` (1,024s)"),
            ("2 gigs", "`2 gigs` is not a size: the units are `B`, `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB` and so on"),
            ("8192PiB", "`8192PiB` is too large; at most `8191PiB`"),
        ] {
            assert_eq!(parse_size(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for micros in [0, 1, 999, 1_000, 1_500_000, 90 * SECOND, 5_400 * SECOND, 90_061 * SECOND, MAX_DURATION] {
            assert_eq!(parse_duration(&format_duration(micros)), Ok(micros));
        }
        for bytes in [0, 1, 999, 1_000, 1_024, 1_500_000, 500_000_000, 1 << 30, 5 << 40, (1 << 53) + 1] {
            assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn writing_is_short() {
        assert_eq!(format_duration(90 * SECOND), "1m30s");
        assert_eq!(format_duration(-90 * SECOND), "-1m30s");
        assert_eq!(format_size(64 << 20), "64MiB");
        assert_eq!(format_size(500_000_000), "500MB");
        assert_eq!(format_size(1_234), "1234B");
    }
}
