//! The log of a run: a sequence of records in the manner of LevelDB, in blocks of 32 KiB.
//!
//! ```text
//! `:W&B` and three bytes more │ record │ record │ … │ zeros up to the end of the block │ record │ …
//! record: CRC-32 of kind and content (4) │ length (2) │ kind (1) │ content      numbers little-endian
//! kind:   1 whole, 2 beginning, 3 middle, 4 end of one that lies in several blocks
//! ```

/// The first bytes of every log.
pub const MAGIC: &[u8] = b":W&B";
const FILE_HEADER: usize = 7;
const BLOCK: usize = 32 << 10;
const HEADER: usize = 7;

/// Returns all records. One that is cut off at the end, as in the log of a run that was killed, is left out.
///
/// # Errors
/// The bytes are no such log, or a record is damaged.
pub fn records(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if !bytes.starts_with(MAGIC) || bytes.len() < FILE_HEADER {
        return Err("it is no log of a run".to_owned());
    }
    let (mut records, mut record) = (Vec::new(), Vec::new());
    let mut at = FILE_HEADER;
    while let Some(header) = bytes.get(at..at + HEADER) {
        let kind = header[6];
        let left = BLOCK - at % BLOCK;
        if left < HEADER || kind == 0 {
            at += left;
            continue;
        }
        let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
        let Some(content) = bytes.get(at + HEADER..at + HEADER + length) else { break };
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&[kind]);
        checksum.update(content);
        if checksum.finalize().to_le_bytes() != header[..4] {
            return Err(format!("the record at byte {at} is damaged"));
        }
        record.extend_from_slice(content);
        if matches!(kind, 1 | 4) {
            records.push(std::mem::take(&mut record));
        }
        at += HEADER + length;
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log as it is written: long records are cut at the ends of blocks.
    fn log(contents: &[Vec<u8>]) -> Vec<u8> {
        let mut log = b":W&B\xe1\xbe\x00".to_vec();
        for content in contents {
            let mut rest = content.as_slice();
            let mut is_first = true;
            loop {
                let left = BLOCK - log.len() % BLOCK;
                if left < HEADER {
                    log.extend(vec![0; left]);
                    continue;
                }
                let (piece, behind) = rest.split_at(rest.len().min(left - HEADER));
                let kind = match (is_first, behind.is_empty()) {
                    (true, true) => 1,
                    (true, false) => 2,
                    (false, false) => 3,
                    (false, true) => 4,
                };
                let checksum = crc32fast::hash(&[&[kind], piece].concat()).to_le_bytes();
                log.extend(
                    [&checksum[..], &u16::try_from(piece.len()).expect("a length").to_le_bytes(), &[kind], piece].concat(),
                );
                (rest, is_first) = (behind, false);
                if rest.is_empty() {
                    break;
                }
            }
        }
        log
    }

    #[test]
    fn records_come_whole_also_over_several_blocks() {
        let contents = [vec![1; 10], vec![2; 3 * BLOCK], Vec::new(), vec![3; BLOCK - 200], vec![4; 300]];
        let log = log(&contents);
        assert_eq!(records(&log), Ok(contents.to_vec()));
        let first = FILE_HEADER + HEADER + 10;
        assert_eq!(records(&log[..first + 9]).map(|records| records.len()), Ok(1));
    }

    #[test]
    fn what_is_damaged_is_named() {
        let mut log = log(&[vec![1; 10], vec![2; 10]]);
        log[FILE_HEADER + HEADER + 10 + HEADER] ^= 1;
        assert_eq!(records(&log), Err(format!("the record at byte {} is damaged", FILE_HEADER + HEADER + 10)));
        assert!(records(b"x").is_err() && records(MAGIC).is_err());
    }
}
