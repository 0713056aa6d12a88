//! Reads the raw database file for chunks, without sled, before sled touches it.
//!
//! sled takes damage in the middle of its log for the torn end of it, and overwrites what follows.
//! A commit is only begun after the one before it was synced, so a whole chunk of commit n anywhere
//! in the file proves that everything before commit n was durable. That proof is taken first.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use memchr::memmem;
use uuid::Uuid;

use super::Head;
use super::chunk::{Chunk, MAGIC, MAX_CHUNK};

/// Bytes read at a time; several chunks, small beside the process.
const WINDOW: usize = 4 << 20;

/// The chunks found in a raw file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The point before the latest commit of which a whole chunk was found: all up to it was durable.
    pub durable: Option<Head>,
    /// First and last event of every whole chunk, in no order, stale copies included.
    ranges: Vec<(u64, u64)>,
}

impl Scan {
    /// The last event up to which, from `oldest` on, every event has a whole copy in the file.
    #[must_use]
    pub fn good_until(mut self, oldest: u64) -> u64 {
        self.ranges.sort_unstable();
        let mut good = oldest - 1;
        for (first, last) in self.ranges {
            if first > good + 1 {
                break;
            }
            good = good.max(last);
        }
        good
    }

    fn add(&mut self, chunk: &Chunk<'_>) {
        let before = chunk.header.before_commit();
        if self.durable.is_none_or(|known| before.sequence >= known.sequence) {
            self.durable = Some(before);
        }
        self.ranges.push((chunk.header.first, chunk.header.last()));
    }
}

/// Finds the chunks in `file`; none when there is no file.
///
/// With `store` given, chunks of other stores do not count.
///
/// # Errors
/// Whatever the operating system says about reading it.
pub fn scan(file: &Path, store: Option<Uuid>) -> io::Result<Scan> {
    let mut found = Scan::default();
    let mut file = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        opened => opened?,
    };
    let mut window = Vec::with_capacity(WINDOW + MAX_CHUNK);
    while (&mut file).take(WINDOW as u64).read_to_end(&mut window)? > 0 {
        scan_window(&window, store, &mut found);
        // A chunk across the border is seen whole in the next window.
        let keep = window.len().min(MAX_CHUNK);
        window.drain(..window.len() - keep);
    }
    Ok(found)
}

fn scan_window(window: &[u8], store: Option<Uuid>, found: &mut Scan) {
    for at in memmem::find_iter(window, &MAGIC) {
        let Some(chunk) = Chunk::find(&window[at..]) else {
            continue;
        };
        if store.is_none_or(|store| store == chunk.header.store) {
            found.add(&chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::chunk::encode_commit;

    fn commits(store: Uuid, count: usize) -> (Vec<Vec<u8>>, Vec<Head>) {
        let mut heads = vec![Head::GENESIS];
        let mut chunks = Vec::new();
        for number in 0..count {
            let payload = vec![number as u8; 30_000];
            let encoded = encode_commit(store, heads[number], [&payload].into_iter());
            heads.push(encoded.end);
            chunks.push(encoded.chunks[0].1.clone());
        }
        (chunks, heads)
    }

    fn scanned(bytes: &[u8], store: Option<Uuid>) -> Option<Head> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        scan(file.path(), store).unwrap().durable
    }

    #[test]
    fn the_latest_commit_is_found_at_any_place_and_across_windows() {
        let (chunks, heads) = commits(Uuid::nil(), 3);
        for gap in [0, 1, WINDOW - 70_000, WINDOW - 45_000, WINDOW, 2 * WINDOW - 30_000] {
            let mut bytes = vec![1_u8; gap];
            bytes.extend(chunks[2].iter().chain(&chunks[0]));
            assert_eq!(scanned(&bytes, None), Some(heads[2]), "gap {gap}");
        }
    }

    #[test]
    fn a_damaged_chunk_proves_nothing() {
        let (mut chunks, heads) = commits(Uuid::nil(), 2);
        chunks[1][200] ^= 1;
        assert_eq!(scanned(&chunks.concat(), None), Some(heads[0]));
    }

    #[test]
    fn the_first_event_without_a_whole_copy_ends_what_is_good() {
        let ranges = vec![(7, 9), (1, 3), (4, 6), (1, 1), (11, 12)];
        let scan = |ranges: &[_]| Scan { durable: None, ranges: ranges.to_vec() };
        assert_eq!(scan(&ranges).good_until(1), 9);
        assert_eq!(scan(&ranges).good_until(11), 12);
        assert_eq!(scan(&[]).good_until(5), 4);
    }

    #[test]
    fn chunks_of_another_store_do_not_count() {
        let (chunks, _) = commits(Uuid::from_u128(1), 2);
        assert_eq!(scanned(&chunks.concat(), Some(Uuid::from_u128(2))), None);
        assert_eq!(scan(Path::new("/nonexistent"), None).unwrap(), Scan::default());
    }
}
