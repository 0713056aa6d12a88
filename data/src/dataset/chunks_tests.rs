use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Bytes that look random and depend on the seed alone.
pub(in crate::dataset) fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn chunks_of(bytes: &[u8]) -> Vec<Chunk> {
    let (hash, size, chunks) = hash_content(&mut &*bytes, bytes.len() as u64).unwrap();
    assert_eq!((hash, size), (Hash::of(bytes), bytes.len() as u64));
    chunks
}

/// Gives a few bytes at a time, as a slow disk may.
struct Sips<'a>(&'a [u8], usize);

impl Read for Sips<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let wanted = into.len().min(self.1);
        self.0.read(&mut into[..wanted])
    }
}

#[test]
fn a_small_file_is_whole_and_a_larger_one_is_cut_into_what_it_was() {
    assert!(chunks_of(&noise(1, WHOLE_BYTES as usize)).is_empty());
    let bytes = noise(2, (WHOLE_BYTES * 3) as usize);
    let chunks = chunks_of(&bytes);
    let (mut at, sizes) = (0, CHUNK_BYTES);
    for (index, chunk) in chunks.iter().enumerate() {
        let size = chunk.size as usize;
        assert!(size <= sizes.2 && (size >= sizes.0 || index + 1 == chunks.len()), "{size}");
        assert_eq!(chunk.hash, Hash::of(&bytes[at..at + size]));
        at += size;
    }
    assert_eq!(at, bytes.len());
}

/// The cuts are part of the format: other ones would give the same data another id.
#[test]
fn the_cuts_are_those_of_every_build() {
    let sizes: Vec<u32> = chunks_of(&noise(7, 6 << 20)).iter().map(|chunk| chunk.size).collect();
    assert_eq!(sizes, [1_361_840, 677_247, 1_375_035, 2_692_258, 185_076]);
}

#[test]
fn a_row_in_front_moves_few_cuts() {
    let before = noise(3, 32 << 20);
    let mut after = b"one more row\n".to_vec();
    after.extend_from_slice(&before);
    let known: BTreeSet<Hash> = chunks_of(&before).iter().map(|chunk| chunk.hash).collect();
    let chunks = chunks_of(&after);
    let new: u64 = chunks.iter().filter(|chunk| !known.contains(&chunk.hash)).map(|chunk| u64::from(chunk.size)).sum();
    assert!(new <= 2 * CHUNK_BYTES.2 as u64, "{new} bytes of {} are new", after.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn cuts_do_not_depend_on_how_the_bytes_come(seed in any::<u64>(), size in 4_200_000_usize..6_000_000, sip in 1_usize..200_000) {
        let bytes = noise(seed, size);
        let sipped = hash_content(&mut Sips(&bytes, sip.max(977)), size as u64).unwrap();
        prop_assert_eq!(sipped.2, chunks_of(&bytes));
    }

    #[test]
    fn bytes_put_into_the_middle_move_only_the_cuts_near_them(seed in any::<u64>(), at in 0_usize..12 << 20, more in 1_usize..5_000) {
        let before = noise(seed, 12 << 20);
        let mut after = before.clone();
        after.splice(at..at, noise(!seed, more));
        let known: BTreeSet<Hash> = chunks_of(&before).iter().map(|chunk| chunk.hash).collect();
        let chunks = chunks_of(&after);
        let new: u64 = chunks.iter().filter(|chunk| !known.contains(&chunk.hash)).map(|chunk| u64::from(chunk.size)).sum();
        // What follows finds its old cuts again within a few chunks.
        prop_assert!(new <= 3 * CHUNK_BYTES.2 as u64 / 2 + (4 << 20), "{} bytes are new", new);
    }
}
