use super::*;
use crate::unpack::{UnpackLimits, unpack};
use std::os::unix::fs::symlink;

const LIMITS: UnpackLimits = UnpackLimits { max_entries: 1000, max_bytes: 1 << 20 };

fn options() -> PackOptions {
    PackOptions { max_bytes: 1 << 20, include: Vec::new(), leave_out: Vec::new() }
}

/// A folder with these files; the content of each is its own name.
fn folder(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    dir
}

fn packed(dir: &Path) -> Vec<u8> {
    let mut archive = Vec::new();
    pack(dir, &options(), &mut archive).unwrap();
    archive
}

/// Names of everything packed, as the archive has them.
fn names(archive: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| String::from_utf8(entry.path_bytes().into_owned()).unwrap()).collect()
}

#[test]
fn a_folder_comes_back_as_it_was() {
    let long = format!("deep/{}/{}.txt", "d".repeat(120), "f".repeat(120));
    let dir = folder(&["train.py", "bin/run", "data/x.csv", &long]);
    fs::create_dir(dir.path().join("empty")).unwrap();
    fs::set_permissions(dir.path().join("bin/run"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("../data/x.csv", dir.path().join("bin/data")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("unpacked");
    unpack(&mut &*packed(dir.path()), &target, &LIMITS).unwrap();
    assert_eq!(fs::read_to_string(target.join("train.py")).unwrap(), "train.py");
    assert_eq!(fs::read_to_string(target.join(&long)).unwrap(), long);
    assert_eq!(fs::read_to_string(target.join("bin/data")).unwrap(), "data/x.csv");
    assert!(target.join("empty").is_dir());
    let mode = |name: &str| fs::metadata(target.join(name)).unwrap().permissions().mode() & 0o100;
    assert_eq!((mode("bin/run"), mode("train.py")), (0o100, 0));
    assert_eq!(packed(&target), packed(dir.path()));
}

#[test]
fn the_bytes_depend_on_the_files_alone() {
    let files = ["b", "a/z", "a-b", "a/b", "c.txt"];
    let mut reversed = files;
    reversed.reverse();
    let (one, other) = (folder(&files), folder(&reversed));
    let file = File::open(other.path().join("b")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    fs::set_permissions(other.path().join("b"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(packed(one.path()), packed(other.path()));
    fs::write(other.path().join("b"), "B").unwrap();
    assert_ne!(packed(one.path()), packed(other.path()));
}

#[test]
fn ignored_files_are_left_out() {
    let dir =
        folder(&["keep.py", "notes.txt", "sub/notes.txt", "sub/data.bin", ".hidden", ".git/HEAD", "target/x", "sub/target/y"]);
    fs::write(dir.path().join(".honeignore"), "*.txt\n!sub/notes.txt\n/sub/*.bin\n").unwrap();
    fs::write(dir.path().join(".gitignore"), "keep.py\n").unwrap();
    let kept = [".gitignore", ".hidden", ".honeignore", "keep.py", "sub/", "sub/notes.txt"];
    assert_eq!(names(&packed(dir.path())), kept);
    let include = PackOptions { include: vec!["target".to_owned()], ..options() };
    let mut archive = Vec::new();
    pack(dir.path(), &include, &mut archive).unwrap();
    assert!(names(&archive).contains(&"target/x".to_owned()));
}

#[test]
fn a_folder_that_is_too_large_names_its_largest_files() {
    let dir = folder(&["small"]);
    for (name, size) in [("big.bin", 900_000), ("data/bigger.bin", 1_000_000)] {
        fs::create_dir_all(dir.path().join("data")).unwrap();
        fs::write(dir.path().join(name), vec![0; size]).unwrap();
    }
    let mut archive = Vec::new();
    let error = pack(dir.path(), &options(), &mut archive).unwrap_err();
    assert!(archive.is_empty());
    let text = error.to_string();
    let named = text.find("`data/bigger.bin` (1000000 bytes), `big.bin` (900000 bytes)");
    assert!(named.is_some() && text.contains(".honeignore"), "{text}");
}

#[test]
fn links_that_lead_out_and_special_files_are_refused_by_name() {
    for target in ["/etc/passwd", "../outside", "sub/../../outside"] {
        let dir = folder(&["sub/x"]);
        symlink(target, dir.path().join("link")).unwrap();
        let error = pack(dir.path(), &options(), &mut Vec::new()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`link`") && text.contains(target), "{text}");
    }
    let dir = folder(&["x"]);
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    let error = pack(dir.path(), &options(), &mut Vec::new()).unwrap_err();
    assert!(matches!(&error, PackError::Special { path } if path.as_str() == "socket"), "{error}");
}

#[test]
fn a_missing_folder_and_a_bad_ignore_file_are_named() {
    let error = pack(Path::new("/nonexistent/source"), &options(), &mut Vec::new()).unwrap_err();
    assert!(matches!(error, PackError::Io { .. }), "{error}");
    let dir = folder(&["x"]);
    fs::write(dir.path().join(".honeignore"), "a[z-a]\n").unwrap();
    let error = pack(dir.path(), &options(), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains(".honeignore"), "{error}");
}

#[test]
fn a_file_that_becomes_shorter_is_noticed() {
    let dir = folder(&["x"]);
    let path = RelativePath::parse("x").unwrap();
    let entry = Entry { path, kind: Kind::File { size: 5, executable: false } };
    let mut archive = Vec::new();
    let mut builder = Builder::new(&mut archive as &mut dyn Write);
    let error = append(dir.path(), &entry, &mut builder).unwrap_err();
    assert!(matches!(error, PackError::Changed { .. }), "{error}");
}

#[test]
fn a_folder_becomes_one_blob() {
    let dir = folder(&["source/a", "source/b"]);
    let store = BlobStore::open(&dir.path().join("blobs"), 100_000).unwrap();
    let (stored, packed) = pack_into(&store, &dir.path().join("source"), &options()).unwrap();
    assert_eq!(packed, Packed { entries: 2, bytes: 2 * 8 });
    let (again, _) = pack_into(&store, &dir.path().join("source"), &options()).unwrap();
    assert_eq!((again.hash, again.new), (stored.hash, false));
    unpack(&mut store.open_blob(&stored.hash).unwrap(), &dir.path().join("out"), &LIMITS).unwrap();
    assert!(dir.path().join("out/b").is_file());
    fs::write(dir.path().join("source/b"), vec![1; 200_000]).unwrap();
    let error = pack_into(&store, &dir.path().join("source"), &options()).unwrap_err();
    assert!(matches!(error, PackError::Blob(BlobError::TooLarge { .. })), "{error}");
}

#[test]
fn a_name_that_is_left_out_is_left_out_at_the_top_only() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("study.toml"), "a").unwrap();
    std::fs::write(folder.path().join("sub/study.toml"), "b").unwrap();
    let options = PackOptions { leave_out: vec!["study.toml".to_owned()], ..options() };
    let mut archive = Vec::new();
    let packed = pack(folder.path(), &options, &mut archive).unwrap();
    assert_eq!((packed.entries, packed.bytes), (2, 1));
}
