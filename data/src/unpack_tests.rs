use super::*;
use tar::{Builder, Header};

const LIMITS: UnpackLimits = UnpackLimits { max_entries: 10, max_bytes: 1000 };

/// One entry of a hostile archive: path, type, link target, content.
type Raw<'a> = (&'a str, EntryType, &'a str, &'a [u8]);

/// An archive with these entries, paths and all as given.
fn archive(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, kind, target, content) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn file<'a>(path: &'a str, content: &'a [u8]) -> Raw<'a> {
    (path, EntryType::Regular, "", content)
}

fn link<'a>(path: &'a str, target: &'a str) -> Raw<'a> {
    (path, EntryType::Symlink, target, b"")
}

/// Unpacks into a fresh folder and checks that a refusal leaves nothing behind.
fn unpacked(archive: &[u8]) -> Result<tempfile::TempDir, UnpackError> {
    let dir = tempfile::tempdir().unwrap();
    let result = unpack(&mut &*archive, &dir.path().join("in/target"), &LIMITS);
    assert!(matches!(result, Err(UnpackError::Io { .. })), "a missing parent is an error");
    fs::create_dir(dir.path().join("in")).unwrap();
    match unpack(&mut &*archive, &dir.path().join("in/target"), &LIMITS) {
        Ok(()) => Ok(dir),
        Err(error) => {
            assert_eq!(fs::read_dir(dir.path().join("in")).unwrap().count(), 0);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
            Err(error)
        }
    }
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    for path in ["/etc/x", "../x", "a/../../x", "a//x", "./x"] {
        let error = unpacked(&archive(&[file(path, b"x")])).unwrap_err();
        assert!(matches!(error, UnpackError::Path(_)), "{path}: {error}");
    }
}

#[test]
fn links_that_lead_out_are_refused() {
    for target in ["/etc", "..", "a/../../x", "../../x"] {
        let error = unpacked(&archive(&[link("link", target)])).unwrap_err();
        assert!(error.to_string().contains("`link`"), "{target}: {error}");
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let folder = ("d", EntryType::Directory, "", &b""[..]);
    for entries in [
        vec![folder, link("l", "d"), file("l/x", b"x")],
        vec![link("l", "missing"), file("l", b"x")],
        vec![link("l", "d"), ("l", EntryType::Directory, "", &b""[..])],
    ] {
        let error = unpacked(&archive(&entries)).unwrap_err();
        assert!(matches!(error, UnpackError::Entry { reason: "appears twice", .. }), "{error}");
    }
}

#[test]
fn devices_hard_links_and_doubles_are_refused() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::Link, EntryType::GNUSparse] {
        assert!(unpacked(&archive(&[("x", kind, "y", b"")])).is_err(), "{kind:?}");
    }
    assert!(unpacked(&archive(&[file("x", b"1"), file("x", b"2")])).is_err());
    assert!(unpacked(&archive(&[file("x", b"1"), file("x/y", b"2")])).is_err());
}

#[test]
fn limits_hold_before_anything_is_written() {
    let many: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"].map(|name| file(name, b"")).to_vec();
    assert!(unpacked(&archive(&many[..10])).is_ok());
    assert!(matches!(unpacked(&archive(&many)), Err(UnpackError::TooManyEntries { limit: 10 })));
    let large = [file("x", &[1; 600]), file("y", &[1; 401])];
    assert!(matches!(unpacked(&archive(&large)), Err(UnpackError::TooLarge { limit: 1000 })));
    let mut liar = archive(&[file("x", b"")]);
    liar.truncate(512);
    let header = Header::from_byte_slice(&liar[..512]).clone();
    let mut header = header;
    header.set_size(u64::MAX >> 1);
    header.set_cksum();
    assert!(matches!(unpacked(header.as_bytes()), Err(UnpackError::TooLarge { .. })));
}

#[test]
fn a_truncated_archive_leaves_nothing() {
    let whole = archive(&[file("x", &[7; 600]), file("y", b"y")]);
    for length in [100, 512, 900, 1200] {
        assert!(unpacked(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn an_existing_target_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let error = unpack(&mut &*archive(&[file("x", b"")]), dir.path(), &LIMITS).unwrap_err();
    assert!(matches!(error, UnpackError::Exists { .. }));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
