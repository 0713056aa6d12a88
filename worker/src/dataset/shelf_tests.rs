use hone_data::dataset::{Index, Piece, Progress, take};

use super::*;

/// A worker's shelf, and what a coordinator has.
struct Bench {
    dir: tempfile::TempDir,
    shelf: Shelf,
}

struct Version {
    id: Hash,
    manifest: Manifest,
    pieces: BTreeMap<Hash, Piece>,
}

fn noise(seed: u8, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

impl Bench {
    fn new(limit: u64) -> Bench {
        let dir = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::open(&dir.path().join("datasets"), limit).expect("a shelf");
        Bench { dir, shelf }
    }

    /// A version of these files.
    fn version(&self, name: &str, files: &[(&str, &[u8])]) -> Version {
        let root = self.dir.path().join(name);
        for (path, content) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, content).expect("a file");
            let mode = if path.ends_with("run") { 0o755 } else { 0o644 };
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        }
        let taken = take(&root, &mut Index::default(), &Progress::default()).expect("a snapshot");
        Version { id: taken.manifest.id(), manifest: taken.manifest, pieces: taken.pieces }
    }

    /// Fetches what is missing; answers the bytes of it.
    fn fetch(&self, version: &Version) -> u64 {
        let mut fetched = 0;
        for entry in distinct(&version.manifest) {
            let Some(mut assembly) = self.shelf.assemble(&entry).expect("an assembly") else { continue };
            while let Some((hash, size)) = assembly.next() {
                assembly.add(&content(version, &hash)).expect("room");
                fetched += size;
            }
            self.shelf.finish(assembly).expect("an object");
        }
        self.shelf.build(&version.id, &version.manifest).expect("a tree");
        fetched
    }
}

fn content(version: &Version, hash: &Hash) -> Vec<u8> {
    let mut bytes = Vec::new();
    version.pieces[hash].open().expect("a file").read_to_end(&mut bytes).expect("its bytes");
    bytes
}

#[test]
fn a_version_is_laid_read_only_and_found_again() {
    let bench = Bench::new(1 << 30);
    let version = bench.version("one", &[("a/b.txt", b"text"), ("run", b"#!"), ("same", b"text"), ("big", &noise(1, 5 << 20))]);
    assert!(!bench.shelf.use_again(&version.id).expect("a look"));
    assert_eq!(bench.fetch(&version), 4 + 2 + (5 << 20), "what two files share is fetched once");
    let folder = bench.shelf.folder(&version.id);
    let back = take(&folder, &mut Index::default(), &Progress::default()).expect("a snapshot");
    assert_eq!(back.manifest, version.manifest);
    let mode = |path: &str| fs::metadata(folder.join(path)).expect("it").mode() & 0o777;
    assert_eq!((mode("a"), mode("a/b.txt"), mode("run"), mode("")), (0o555, 0o444, 0o555, 0o555));
    let again = Shelf::open(&bench.dir.path().join("datasets"), 1 << 30).expect("the same shelf");
    assert!(again.use_again(&version.id).expect("a look"));
}

#[test]
fn versions_share_the_files_that_they_share() {
    let bench = Bench::new(1 << 30);
    let (old, new) = (noise(1, 5 << 20), noise(2, 3 << 20));
    bench.fetch(&bench.version("one", &[("same", &old), ("x", b"1")]));
    let second = bench.version("two", &[("moved/same", &old), ("x", &new)]);
    assert_eq!(bench.fetch(&second), 3 << 20);
    let inode = |path: PathBuf| fs::metadata(path).expect("it").ino();
    let first = bench.version("one", &[]);
    assert_eq!(inode(bench.shelf.folder(&first.id).join("same")), inode(bench.shelf.folder(&second.id).join("moved/same")));
}

#[test]
fn an_interrupted_file_goes_on_behind_its_last_whole_chunk() {
    let bench = Bench::new(1 << 30);
    let version = bench.version("one", &[("big", &noise(1, 9 << 20))]);
    let entry = version.manifest.files()[0].clone();
    assert!(entry.chunks.len() > 3, "{}", entry.chunks.len());
    let mut assembly = bench.shelf.assemble(&entry).expect("an assembly").expect("nothing is there");
    for _ in 0..2 {
        let (hash, _) = assembly.next().expect("a chunk");
        assembly.add(&content(&version, &hash)).expect("room");
    }
    // Half a chunk, as a killed worker leaves it.
    assembly.file.write_all(b"half").expect("room");
    drop(assembly);
    let again = Shelf::open(&bench.dir.path().join("datasets"), 1 << 30).expect("the same shelf");
    let assembly = again.assemble(&entry).expect("an assembly").expect("not all is there");
    assert_eq!(assembly.next(), Some((entry.chunks[2].hash, u64::from(entry.chunks[2].size))));
    drop(assembly);
    let kept: u64 = entry.chunks[..2].iter().map(|chunk| u64::from(chunk.size)).sum();
    assert_eq!(bench.fetch(&version), entry.size - kept);
    // A chunk whose bytes were damaged on the disk is not believed.
    let other = bench.version("two", &[("big", &noise(3, 9 << 20))]);
    let entry = other.manifest.files()[0].clone();
    fs::write(bench.shelf.part(&name_of(&entry)), noise(9, 9 << 20)).expect("a part");
    assert_eq!(bench.fetch(&other), entry.size);
}

#[test]
fn what_a_trial_changed_is_fetched_again() {
    let bench = Bench::new(1 << 30);
    let version = bench.version("one", &[("a", b"aaaa"), ("b", b"bbbb"), ("c/d", b"dddd")]);
    bench.fetch(&version);
    let folder = bench.shelf.folder(&version.id);
    // The same size: only its time tells.
    let path = folder.join("a");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("a mode");
    fs::write(&path, b"AAAA").expect("written");
    fs::set_permissions(&path, Permissions::from_mode(0o444)).expect("a mode");
    assert!(!bench.shelf.use_again(&version.id).expect("a look"));
    assert_eq!(bench.fetch(&version), 4, "the others are still good");
    assert_eq!(fs::read(folder.join("a")).expect("it"), b"aaaa");
    fs::set_permissions(folder.join("c"), Permissions::from_mode(0o755)).expect("a mode");
    fs::remove_file(folder.join("c/d")).expect("removed");
    assert!(!bench.shelf.use_again(&version.id).expect("a look"));
    assert_eq!(bench.fetch(&version), 4);
    assert!(bench.shelf.use_again(&version.id).expect("a look"));
}

/// A power cut may leave an object's name without its content.
#[test]
fn an_object_that_no_tree_has_is_hashed_before_it_is_used() {
    let bench = Bench::new(1 << 30);
    let version = bench.version("one", &[("a", b"aaaa")]);
    let entry = version.manifest.files()[0].clone();
    let mut assembly = bench.shelf.assemble(&entry).expect("an assembly").expect("nothing is there");
    assembly.add(b"aaaa").expect("room");
    bench.shelf.finish(assembly).expect("an object");
    assert!(bench.shelf.assemble(&entry).expect("a look").is_none());
    let object = bench.shelf.object(&name_of(&entry));
    fs::remove_file(&object).expect("removed");
    fs::write(&object, b"\0\0\0\0").expect("written");
    let file = File::open(&object).expect("it");
    file.set_permissions(Permissions::from_mode(0o444)).expect("a mode");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(TIME)).expect("a time");
    assert!(bench.shelf.assemble(&entry).expect("a look").is_some());
}

#[test]
fn wrong_chunks_make_no_file() {
    let bench = Bench::new(1 << 30);
    let version = bench.version("one", &[("a", b"aaaa")]);
    let entry = version.manifest.files()[0].clone();
    let mut assembly = bench.shelf.assemble(&entry).expect("an assembly").expect("nothing is there");
    assembly.add(b"bbbb").expect("room");
    assert!(bench.shelf.finish(assembly).is_err());
    assert!(bench.shelf.assemble(&entry).expect("a look").is_some_and(|assembly| assembly.done == 0));
}

#[test]
fn what_was_used_longest_ago_goes_first_and_what_is_in_use_stays() {
    let bench = Bench::new(2_500);
    let versions: Vec<Version> = (1..=3_u8)
        .map(|seed| bench.version(&seed.to_string(), &[("own", &noise(seed, 1_000)), ("shared", &noise(9, 100))]))
        .collect();
    for (age, version) in [(30, &versions[0]), (20, &versions[1]), (10, &versions[2])] {
        bench.fetch(version);
        let note = File::open(bench.shelf.tree(&version.id).join("manifest")).expect("a note");
        note.set_modified(SystemTime::now() - Duration::from_secs(age)).expect("a time");
    }
    let here = || versions.iter().map(|version| bench.shelf.tree(&version.id).exists()).collect::<Vec<_>>();
    // The first is in use, so the second goes.
    bench.shelf.evict(&[versions[0].id]).expect("evicted");
    assert_eq!(here(), [true, false, true]);
    assert_eq!(fs::read(bench.shelf.folder(&versions[0].id).join("shared")).expect("it"), noise(9, 100));
    // Within the limit nothing goes, also nothing that nobody uses.
    bench.shelf.evict(&[]).expect("evicted");
    assert_eq!(here(), [true, false, true]);
    let small = Shelf::open(&bench.dir.path().join("datasets"), 1_500).expect("the same shelf");
    small.evict(&[]).expect("evicted");
    assert_eq!(here(), [false, false, true]);
    let none = Shelf::open(&bench.dir.path().join("datasets"), 0).expect("the same shelf");
    none.evict(&[versions[2].id]).expect("evicted");
    assert_eq!(here(), [false, false, true], "what is in use stays, whatever the limit");
    none.evict(&[]).expect("evicted");
    assert_eq!(none.remove_stray_objects(u64::MAX).expect("counted"), 0);
}

#[test]
fn an_interrupted_tree_is_removed_at_the_start() {
    let bench = Bench::new(1 << 30);
    let version = bench.version("one", &[("a/b", b"aaaa")]);
    bench.fetch(&version);
    let new = bench.shelf.tree(&version.id).with_extension(NEW);
    fs::rename(bench.shelf.tree(&version.id), &new).expect("as if it were not complete");
    let again = Shelf::open(&bench.dir.path().join("datasets"), 1 << 30).expect("the same shelf");
    assert!(!new.exists());
    assert!(!again.use_again(&version.id).expect("a look"));
    assert_eq!(bench.fetch(&version), 0, "its files are still here");
}
