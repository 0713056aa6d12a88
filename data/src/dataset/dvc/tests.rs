use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::text::{json, yaml};
use super::*;
use crate::blobs::BlobStore;
use crate::dataset::{Index, Manifest, Progress, take, take_files};

/// A repository as `dvc add data` of DVC 3.67 has made it, with the files of the field's notes.
const DIR_MD5: &str = "6ca9db90047cb61f147e52c8214a8527.dir";
const DVC_FILE: &str = "outs:\n- md5: 6ca9db90047cb61f147e52c8214a8527.dir\n  size: 13\n  nfiles: 4\n  hash: md5\n  path: data\n";

/// The files whose hashes DVC has made: `a.txt`, an empty one, one below, one with a letter beyond ASCII.
const FILES: [(&str, &str); 4] = [("a.txt", "hello\n"), ("empty", ""), ("sub/b.txt", "bb\n"), ("é.bin", "\0\u{1}\u{2}\u{3}")];

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn snapshot(root: &Path, store: &BlobStore) -> Manifest {
    let taken = take(root, &mut Index::default(), &Progress::default()).unwrap();
    for piece in taken.pieces.values() {
        store.put(&mut piece.open().unwrap()).unwrap();
    }
    taken.manifest
}

struct Bench {
    dir: tempfile::TempDir,
    store: BlobStore,
}

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("repo/.dvc")).unwrap();
        let store = BlobStore::open(&dir.path().join("blobs"), 1 << 30).unwrap();
        Bench { dir, store }
    }

    fn repo(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    fn repository(&self) -> Repository {
        Repository::around(&self.repo()).unwrap()
    }

    /// Exports these files as `data`.
    fn export(&self, files: &[(&str, &str)]) -> (Manifest, Exported) {
        let root = self.dir.path().join("data");
        let _ = fs::remove_dir_all(&root);
        files.iter().for_each(|(path, content)| write(&root, path, content));
        let manifest = snapshot(&root, &self.store);
        let exported = export(&manifest, false, &self.repository(), &mut &self.store).unwrap();
        (manifest, exported)
    }

    fn files(&self, out: &Out) -> Result<BTreeMap<String, PathBuf>, DvcError> {
        let files = out.files(&self.repository(), &self.repo())?;
        Ok(files.into_iter().map(|(path, file)| (path.to_string(), file)).collect())
    }
}

fn out(md5: &str) -> Out {
    Out { path: "data".to_owned(), md5: md5.to_owned(), older: false }
}

#[test]
fn a_folder_is_written_as_dvc_writes_it_and_read_back() {
    let bench = Bench::new();
    let (manifest, exported) = bench.export(&FILES);
    let cache = bench.repo().join(".dvc/cache/files/md5");
    let text = fs::read_to_string(cache.join(&exported.md5[..2]).join(&exported.md5[2..])).unwrap();
    let md5 = |content: &str| super::read::hex(&<md5::Md5 as md5::Digest>::digest(content.as_bytes()));
    let item = |(path, content): (&str, &str)| format!("{{\"md5\": \"{}\", \"relpath\": \"{path}\"}}", md5(content));
    let expected = [("a.txt", "hello\n"), ("empty", ""), ("sub/b.txt", "bb\n"), ("\\u00e9.bin", "\0\u{1}\u{2}\u{3}")].map(item);
    assert_eq!(text, format!("[{}]", expected.join(", ")));
    assert_eq!((exported.size, exported.files), (13, Some(4)));
    assert_eq!(exported.md5, format!("{}.dir", md5(&text)));
    let mode = fs::metadata(cache.join("b1").join("946ac92492d2347c6235b4d2611184")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o444);

    fs::write(bench.repo().join("data.dvc"), exported.dvc_file("data")).unwrap();
    let read = out_of(&bench.repo().join("data.dvc"), None).unwrap();
    let files = read.files(&bench.repository(), &bench.repo()).unwrap();
    let taken = take_files(files, &mut Index::default(), &Progress::default()).unwrap();
    assert_eq!(taken.manifest, manifest);
}

#[test]
fn the_text_of_a_dvc_file_is_dvcs_own() {
    let exported = Exported { md5: DIR_MD5.to_owned(), size: 13, files: Some(4), executable: false };
    assert_eq!(exported.dvc_file("data"), DVC_FILE);
    let file = Exported { md5: "26ab0db90d72e28ad0ba1e22ee510510".to_owned(), size: 2, files: None, executable: true };
    assert_eq!(
        file.dvc_file("exe"),
        "outs:\n- md5: 26ab0db90d72e28ad0ba1e22ee510510\n  size: 2\n  isexec: true\n  hash: md5\n  path: exe\n"
    );
}

/// As DVC 3.67 has written these names.
#[test]
fn names_are_quoted_where_dvc_quotes_them() {
    for plain in ["a, b", "it's", "é", "q\"uote", "y", "no", "?q", "1:30", "-x", "a:b", "x#y", "12:30:45", "0o9", "word"] {
        assert_eq!(yaml(plain), plain);
    }
    for quoted in [
        "- dash",
        "123",
        "true",
        "null",
        "2024-01-01",
        "@at",
        "[x]",
        "ends:",
        "#c",
        "1e5",
        "0x1F",
        "~",
        "%p",
        "`b",
        ".5",
        "1_000",
        "=",
        "<<",
        "!t",
        "&a",
        "*s",
        "|p",
        ">g",
        "tr ",
        "my file: x #1.txt",
        "",
        "-1.5",
        "+3",
        ".inf",
        "-",
        "?",
        "--- x",
    ] {
        assert_eq!(yaml(quoted), format!("'{quoted}'"));
    }
    assert_eq!(yaml("tab\there"), "\"tab\\there\"");
    assert_eq!(yaml("it's: q"), "\"it's: q\"");
    assert_eq!(json("é\u{1f600}\"\\\n\u{7f}"), "\"\\u00e9\\ud83d\\ude00\\\"\\\\\\n\\u007f\"");
}

#[test]
fn what_the_cache_lacks_is_taken_from_remotes_and_the_workspace() {
    let bench = Bench::new();
    let (_, exported) = bench.export(&FILES);
    let out = out(&exported.md5);
    // The cache of DVC 2 had no folders around it.
    let cache = bench.repo().join(".dvc/cache");
    fs::rename(cache.join("files/md5"), bench.dir.path().join("remote")).unwrap();
    assert!(matches!(bench.files(&out), Err(DvcError::Missing { .. })));
    fs::write(bench.repo().join(".dvc/config"), "[core]\n    remote = near\n['remote \"near\"']\n    url = ../../remote\n")
        .unwrap();
    assert_eq!(bench.files(&out).unwrap().len(), 4);
    let hello = bench.dir.path().join("remote/b1/946ac92492d2347c6235b4d2611184");
    fs::remove_file(&hello).unwrap();
    assert!(bench.files(&out).unwrap_err().to_string().contains("`data/a.txt` (b1946ac92492d2347c6235b4d2611184)"));
    write(&bench.repo(), "data/a.txt", "hello\n");
    assert_eq!(bench.files(&out).unwrap()["a.txt"], bench.repo().join("data/a.txt"));
    write(&bench.repo(), "data/a.txt", "hallo\n");
    assert!(matches!(bench.files(&out), Err(DvcError::Missing { .. })));
}

#[test]
fn a_cache_of_another_place_is_found() {
    let bench = Bench::new();
    let elsewhere = bench.dir.path().join("elsewhere");
    fs::write(bench.repo().join(".dvc/config.local"), format!("[cache]\n    dir = {}\n", elsewhere.display())).unwrap();
    let (_, exported) = bench.export(&FILES);
    assert!(elsewhere.join("files/md5").is_dir() && !bench.repo().join(".dvc/cache").exists());
    assert_eq!(bench.files(&out(&exported.md5)).unwrap().len(), 4);
}

#[test]
fn contents_that_are_not_what_they_are_called_are_refused() {
    let bench = Bench::new();
    let (_, exported) = bench.export(&FILES);
    let cache = bench.repo().join(".dvc/cache/files/md5");
    let hello = cache.join("b1/946ac92492d2347c6235b4d2611184");
    fs::remove_file(&hello).unwrap();
    fs::write(&hello, "other").unwrap();
    assert!(matches!(bench.files(&out(&exported.md5)), Err(DvcError::Mismatch { .. })));
    let listed = cache.join(&exported.md5[..2]).join(&exported.md5[2..]);
    fs::remove_file(&listed).unwrap();
    fs::write(&listed, "[{\"md5\": \"x\", \"relpath\": \"../../etc/passwd\"}]").unwrap();
    assert!(matches!(bench.files(&out(&exported.md5)), Err(DvcError::Mismatch { .. })));
}

#[test]
fn a_manifest_that_leaves_its_folder_is_refused() {
    let bench = Bench::new();
    let text = "[{\"md5\": \"b1946ac92492d2347c6235b4d2611184\", \"relpath\": \"../x\"}]";
    let md5 = super::read::hex(&<md5::Md5 as md5::Digest>::digest(text.as_bytes()));
    let cache = bench.repo().join(".dvc/cache/files/md5").join(&md5[..2]);
    fs::create_dir_all(&cache).unwrap();
    fs::write(cache.join(format!("{}.dir", &md5[2..])), text).unwrap();
    assert!(matches!(bench.files(&out(&format!("{md5}.dir"))), Err(DvcError::Path(_))));
}

#[test]
fn files_of_dvc_2_may_be_called_by_their_unix_text() {
    let bench = Bench::new();
    let cache = bench.repo().join(".dvc/cache/b1");
    fs::create_dir_all(&cache).unwrap();
    fs::write(cache.join("946ac92492d2347c6235b4d2611184"), "hello\r\n").unwrap();
    fs::write(bench.repo().join("a.txt.dvc"), "outs:\n- md5: b1946ac92492d2347c6235b4d2611184\n  path: a.txt\n  size: 7\n")
        .unwrap();
    let older = out_of(&bench.repo().join("a.txt.dvc"), None).unwrap();
    assert!(older.older);
    assert_eq!(bench.files(&older).unwrap().keys().collect::<Vec<_>>(), ["a.txt"]);
    let newer = Out { older: false, ..older };
    assert!(matches!(bench.files(&newer), Err(DvcError::Mismatch { .. })));
}

#[test]
fn files_that_are_none_of_dvcs_are_refused() {
    let bench = Bench::new();
    let file = bench.repo().join("x.dvc");
    let refusal = |text: &str, wanted: Option<&str>| {
        fs::write(&file, text).unwrap();
        out_of(&file, wanted).unwrap_err().to_string()
    };
    assert!(refusal("outs: [", None).contains("no file of DVC"));
    assert!(refusal("deps: []\n", None).contains("no `outs`"));
    assert!(refusal("outs:\n- path: a\n  etag: x\n", None).contains("`a` has no `md5`"));
    assert!(refusal("outs:\n- path: a\n  md5: ../x\n", None).contains("which is none"));
    assert!(refusal("outs:\n- path: a\n  md5: b1946ac92492d2347c6235b4d2611184\n  hash: sha\n", None).contains("`sha`"));
    let two = "outs:\n- path: a\n  md5: b1946ac92492d2347c6235b4d2611184\n- path: b\n  md5: d41d8cd98f00b204e9800998ecf8427e\n";
    assert!(refusal(two, None).contains("has `a`, `b`, and one has to be named with `--out`"));
    assert!(refusal(two, Some("c")).contains("`c` is none of them"));
    assert_eq!(out_of(&file, Some("b")).unwrap().md5, "d41d8cd98f00b204e9800998ecf8427e");
    assert!(matches!(Repository::around(bench.dir.path()), Err(DvcError::NoRepository { .. })));
}

/// As DVC 3.67 has written it, with a long command that it folds.
const LOCK: &str = "schema: '2.0'\nstages:\n  prep:\n    cmd: mkdir -p pipe/out && echo 1 > pipe/out/a && echo 2 > pipe/single && \n      echo \"a long command\"\n    deps:\n    - path: data\n      hash: md5\n      md5: c7a2a7f93cdd9523d945c92b24d12f7f.dir\n      size: 10\n      nfiles: 4\n    outs:\n    - path: pipe/out\n      hash: md5\n      md5: 978ca45691cd12e610fb0788867f8252.dir\n      size: 2\n      nfiles: 1\n    - path: pipe/single\n      hash: md5\n      md5: 26ab0db90d72e28ad0ba1e22ee510510\n      size: 2\n  next:\n    cmd: 'true'\n";

#[test]
fn an_out_of_a_pipeline_is_read_and_replaced_and_nothing_else_changes() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dvc.lock");
    fs::write(&file, LOCK).unwrap();
    assert_eq!(lock_out(&file, None, Some("pipe/single")).unwrap().md5, "26ab0db90d72e28ad0ba1e22ee510510");
    assert!(lock_out(&file, None, None).unwrap_err().to_string().contains("`pipe/out`, `pipe/single`"));
    assert!(lock_out(&file, Some("next"), None).unwrap_err().to_string().contains("no outs"));
    let exported = Exported { md5: DIR_MD5.to_owned(), size: 13, files: Some(4), executable: false };
    let expected = LOCK.replace(
        "md5: 26ab0db90d72e28ad0ba1e22ee510510\n      size: 2\n",
        &format!("md5: {DIR_MD5}\n      size: 13\n      nfiles: 4\n"),
    );
    assert_eq!(replace_out(LOCK, "prep", "pipe/single", &exported), Ok(expected));
    let single = Exported { md5: "d41d8cd98f00b204e9800998ecf8427e".to_owned(), size: 0, files: None, executable: false };
    let expected = LOCK.replace(
        "md5: 978ca45691cd12e610fb0788867f8252.dir\n      size: 2\n      nfiles: 1\n",
        "md5: d41d8cd98f00b204e9800998ecf8427e\n      size: 0\n",
    );
    assert_eq!(replace_out(LOCK, "prep", "pipe/out", &single), Ok(expected));
    assert_eq!(replace_out(LOCK, "gone", "x", &single), Err("it has no stage `gone`".to_owned()));
    assert_eq!(replace_out(LOCK, "next", "x", &single), Err("its stage `next` has no out `x`".to_owned()));
}
