use super::*;

fn store() -> (tempfile::TempDir, SnapshotStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(&dir.path().join("snapshots")).unwrap();
    (dir, store)
}

fn head(sequence: u64) -> Head {
    Head { sequence, chain: Chain::GENESIS.next(sequence, b"head") }
}

/// Writes the snapshot `sequence`, with a segment shared by all and one of its own.
fn write(store: &SnapshotStore, sequence: u64) -> [SegmentId; 2] {
    let own = store.put_segment(&sequence.to_le_bytes()).unwrap();
    let segments = [store.put_segment(b"shared").unwrap(), own];
    store.write(head(sequence), &segments, b"body").unwrap();
    segments
}

fn flip(file: &Path, byte: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[byte] ^= 4;
    fs::write(file, bytes).unwrap();
}

#[test]
fn the_newest_snapshot_comes_back_as_it_was_written() {
    let (_dir, store) = store();
    assert!(store.latest_valid().unwrap().snapshot.is_none());
    write(&store, 9);
    let segments = write(&store, 10).to_vec();
    let found = store.latest_valid().unwrap();
    let expected = Snapshot { head: head(10), segments: segments.clone(), body: b"body".to_vec() };
    assert_eq!(found.snapshot, Some(expected));
    assert!(found.rejected.is_empty());
    assert_eq!(store.segment(segments[1]).unwrap(), 10_u64.to_le_bytes());
    assert_eq!(store.verify().unwrap(), [head(10), head(9)]);
}

#[test]
fn two_snapshots_and_their_segments_are_kept() {
    let (_dir, store) = store();
    let first = write(&store, 1);
    write(&store, 2);
    write(&store, 3);
    assert_eq!(store.newest_first().unwrap().len(), 2);
    assert!(matches!(store.segment(first[1]), Err(JournalError::Corrupt { .. })));
    assert_eq!(store.segment(first[0]).unwrap(), b"shared");
    assert_eq!(fs::read_dir(store.segments()).unwrap().count(), 3);
}

#[test]
fn a_damaged_snapshot_is_passed_over_and_reported() {
    for damage in ["body", "segment", "missing segment", "renamed"] {
        let (_dir, store) = store();
        write(&store, 1);
        let segments = write(&store, 2);
        let newest = store.newest_first().unwrap()[0].clone();
        match damage {
            "body" => flip(&newest, 70),
            "segment" => flip(&store.segment_file(segments[1]), 0),
            "missing segment" => fs::remove_file(store.segment_file(segments[1])).unwrap(),
            _ => fs::rename(&newest, newest.with_file_name(file_name(7))).unwrap(),
        }
        let found = store.latest_valid().unwrap();
        assert_eq!(found.snapshot.map(|snapshot| snapshot.head), Some(head(1)), "{damage}");
        assert_eq!(found.rejected.len(), 1, "{damage}");
        assert!(store.verify().is_err(), "{damage}");
    }
}

#[test]
fn a_damaged_snapshot_does_not_take_the_place_of_a_whole_one() {
    let (_dir, store) = store();
    write(&store, 1);
    write(&store, 2);
    flip(&store.newest_first().unwrap()[0], 70);
    write(&store, 3);
    let whole: Vec<_> = store.newest_first().unwrap().iter().filter_map(|file| store.load(file).ok()).collect();
    assert_eq!(whole.iter().map(|snapshot| snapshot.head.sequence).collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn every_flipped_bit_and_truncation_of_a_snapshot_is_noticed() {
    let bytes = encode(head(3), &[SegmentId::of(b"x")], b"body");
    let file = Path::new("x.snapshot");
    assert!(decode(file, &bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(decode(file, &bytes[..length]).is_err());
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(file, &flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn a_newer_snapshot_format_is_refused_by_name() {
    let (_dir, store) = store();
    let mut bytes = encode(head(3), &[], b"");
    bytes[8] = 9;
    let end = bytes.len() - HASH;
    let hash = blake3::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(hash.as_bytes());
    fs::write(store.dir.join(file_name(3)), bytes).unwrap();
    assert!(matches!(store.latest_valid(), Err(JournalError::NewerFormat { found: 9, .. })));
}

#[test]
fn leftovers_of_a_crash_are_removed() {
    let (dir, store) = store();
    let leftover = store.segments().join(".hone-tmp-1");
    fs::write(&leftover, b"half").unwrap();
    SnapshotStore::open(&dir.path().join("snapshots")).unwrap();
    assert!(!leftover.exists());
}
