use std::os::unix::fs::symlink;

use super::*;

fn folder(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    dir
}

fn paths(root: &Path) -> Vec<String> {
    list(root).unwrap().into_iter().map(|found| found.path.to_string()).collect()
}

#[test]
fn files_come_by_their_whole_paths_and_folders_named_like_builds_are_data() {
    let dir = folder(&["b/2.png", "a.txt", "target/x", "b/10.png", "b.c", ".git/HEAD", ".hidden"]);
    assert_eq!(paths(dir.path()), [".hidden", "a.txt", "b.c", "b/10.png", "b/2.png", "target/x"]);
}

#[test]
fn a_file_alone_is_called_by_its_name() {
    let dir = folder(&["deep/a.csv"]);
    assert_eq!(paths(&dir.path().join("deep/a.csv")), ["a.csv"]);
}

#[test]
fn ignored_files_are_left_out() {
    let dir = folder(&["a.csv", "a.tmp", "sub/b.tmp", "sub/b.csv"]);
    fs::write(dir.path().join(".honeignore"), "*.tmp\n.honeignore\n").unwrap();
    assert_eq!(paths(dir.path()), ["a.csv", "sub/b.csv"]);
}

#[test]
fn links_stand_for_what_they_lead_to() {
    let (dir, elsewhere) = (folder(&["a"]), folder(&["data/x", "data/y"]));
    symlink(elsewhere.path().join("data"), dir.path().join("linked")).unwrap();
    symlink("a", dir.path().join("b")).unwrap();
    assert_eq!(paths(dir.path()), ["a", "b", "linked/x", "linked/y"]);
    let found = list(dir.path()).unwrap();
    assert_eq!(found[1].stamp.size, 1);
}

#[test]
fn links_that_lead_nowhere_are_named() {
    let dir = folder(&["a"]);
    symlink("gone", dir.path().join("broken")).unwrap();
    let error = list(dir.path()).unwrap_err();
    assert!(error.to_string().contains("broken"), "{error}");
    fs::remove_file(dir.path().join("broken")).unwrap();
    symlink("..", dir.path().join("circle")).unwrap();
    let deep = folder(&["x/a"]);
    symlink("..", deep.path().join("x/circle")).unwrap();
    let error = list(deep.path()).unwrap_err();
    assert!(matches!(error, DatasetError::Link { .. }), "{error:?}");
    assert!(error.to_string().contains("circle"), "{error}");
}

#[test]
fn what_is_missing_empty_or_special_is_told_apart() {
    let dir = folder(&[]);
    assert!(matches!(list(&dir.path().join("gone")), Err(DatasetError::Missing { .. })));
    assert!(matches!(list(dir.path()), Err(DatasetError::Empty { .. })));
    let socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    assert!(matches!(list(dir.path()), Err(DatasetError::Special { .. })));
    drop(socket);
}
