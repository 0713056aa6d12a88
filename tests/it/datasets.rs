//! `hone dataset`: versions of data from a folder to trials, and what stops or damages them.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::Value;

use crate::support::{Hone, Place, Study};

fn show(hone: &Hone, dataset: &str) -> Value {
    hone.run(&["dataset", "show", dataset, "--output", "json"]).json()
}

fn noise(seed: u8, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

/// Files below the blob store.
fn blobs(hone: &Hone) -> usize {
    let shards = fs::read_dir(hone.data().join("blobs")).expect("blobs").flatten();
    let shards = shards.filter(|shard| shard.file_name() != "tmp" && shard.path().is_dir());
    shards.map(|shard| fs::read_dir(shard.path()).expect("a shard").count()).sum()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("`{}`: {error}", path.display()))
}

#[test]
fn a_folder_becomes_versions_that_are_listed_fetched_verified_and_removed() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write("files/b/x.bin", noise(1, 6 << 20));
    place.write("files/a.txt", "one");
    let added = hone.run(&["dataset", "add", "scans", "files", "--note", "first"]).ok();
    assert!(added.starts_with("added scans@1: 2 files"), "{added}");
    assert!(hone.run(&["dataset", "add", "scans", "files"]).ok().starts_with("nothing new: scans@1"), "unchanged data");
    let before = blobs(&hone);
    place.write("files/a.txt", "two");
    hone.run(&["dataset", "add", "scans", "files"]).ok();
    assert_eq!(blobs(&hone) - before, 2, "one changed file and the manifest; the rest is shared");
    let (first, second) = (show(&hone, "scans@1"), show(&hone, "scans"));
    assert_eq!((&first["note"], &second["parent"], &second["version"]), (&"first".into(), &"scans@1".into(), &2.into()));
    let listed = hone.run(&["dataset", "ls", "scans", "--output", "csv"]).ok();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert_eq!(hone.run(&["dataset", "ls", "-o", "json"]).json().as_array().map(Vec::len), Some(1));

    hone.run(&["dataset", "fetch", "scans@1", "back"]).ok();
    assert_eq!(place.read("back/a.txt"), "one");
    assert_eq!(read(&place.path("back/b/x.bin")), noise(1, 6 << 20));
    assert!(hone.run(&["dataset", "fetch", "scans@1", "back"]).fails(4).contains("exists already"));
    hone.run(&["dataset", "verify", "scans@1", "--in", "back"]).ok();
    assert!(hone.run(&["dataset", "verify", "scans@2", "--in", "back"]).stdout.contains("`a.txt` has changed"));
    hone.run(&["dataset", "verify", "scans@2"]).ok();

    assert!(hone.run(&["dataset", "rm", "scans@1"]).fails(4).contains("successor `scans@2`"));
    hone.run(&["dataset", "rm", "scans@1", "--force"]).ok();
    assert!(hone.run(&["dataset", "show", "scans@1"]).fails(3).contains("no version 1"));
    hone.run(&["dataset", "rm", "scans"]).ok();
    assert!(hone.run(&["dataset", "ls"]).ok().contains("no datasets"));
    assert_eq!(hone.run(&["dataset", "ls", "-o", "csv"]).ok().lines().count(), 1);
}

#[test]
fn what_somebody_has_pinned_stays_until_they_let_go() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write("files/a.txt", "one");
    hone.run(&["dataset", "add", "scans", "files"]).ok();
    assert_eq!(hone.run(&["dataset", "pin", "scans", "paper"]).ok(), "pinned scans@1\n");
    let refused = hone.run(&["dataset", "rm", "scans", "--force"]).fails(4);
    assert!(refused.contains("named by user `paper`") && refused.contains("hone dataset unpin"), "{refused}");
    assert_eq!(show(&hone, "scans")["named_by"][0]["kind"], "user");
    assert!(hone.run(&["dataset", "unpin", "scans", "thesis"]).fails(3).contains("no pin `thesis`"));
    hone.run(&["dataset", "unpin", "scans@1", "paper"]).ok();
    hone.run(&["dataset", "rm", "scans"]).ok();
}

#[test]
fn what_is_wrong_with_the_data_is_named() {
    let place = Place::new();
    let hone = Hone::new(&place);
    fs::create_dir(place.path("empty")).expect("a folder");
    place.write("files/a", "x");
    assert!(hone.run(&["dataset", "add", "x", "nowhere"]).fails(2).contains("nowhere"));
    assert!(hone.run(&["dataset", "add", "x", "empty"]).fails(2).contains("no files"));
    assert!(hone.run(&["dataset", "add", "a/b", "files"]).fails(2).contains("`a/b` is no name"));
    assert!(hone.run(&["dataset", "add", "x", "files", "--made-from", "gone@1"]).fails(3).contains("`gone`"));
    std::os::unix::fs::symlink("nowhere", place.path("files/link")).expect("a link");
    assert!(hone.run(&["dataset", "add", "x", "files"]).fails(2).contains("link"));
    assert!(hone.run(&["dataset", "show", "x"]).fails(3).contains("no dataset"));
}

#[test]
fn backups_carry_datasets_and_damage_is_found() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write("files/x", noise(1, 5 << 20));
    hone.run(&["dataset", "add", "scans", "files"]).ok();
    let backup = place.path("backup").display().to_string();
    hone.run(&["store", "backup", &backup]).ok();
    let restored = hone.with_data("restored");
    restored.run(&["store", "restore", &backup]).ok();
    assert_eq!(show(&restored, "scans@1")["snapshot"], show(&hone, "scans@1")["snapshot"]);
    restored.run(&["dataset", "verify", "scans"]).ok();
    let exported = hone.run(&["store", "export"]).ok();
    assert!(exported.contains("\"Dataset\"") && exported.contains("scans"), "{exported}");

    let coordinator = hone.serve();
    hone.run(&["store", "verify"]).ok();
    let chunk = hone.run(&["dataset", "fetch", "scans", "back"]).ok();
    assert!(chunk.contains("fetched scans@1"));
    let largest = largest_blob(&hone);
    fs::write(&largest, "other").expect("changed");
    assert!(hone.run(&["dataset", "verify", "scans"]).fails(74).contains("damaged"));
    let refused = hone.run(&["dataset", "fetch", "scans", "again"]).fails(74);
    assert!(refused.contains("there is no blob"), "{refused}");
    assert!(!place.path("again").exists());
    // It was set aside, so it is missing.
    assert!(hone.run(&["store", "verify"]).fails(74).contains("damaged"));
    // The same data heals it: what is missing is uploaded again.
    hone.run(&["dataset", "add", "scans", "files"]).ok();
    hone.run(&["store", "verify", "--deep"]).ok();
    drop(coordinator);
}

fn largest_blob(hone: &Hone) -> std::path::PathBuf {
    let shards = fs::read_dir(hone.data().join("blobs")).expect("blobs").flatten();
    let files = shards.flat_map(|shard| fs::read_dir(shard.path()).into_iter().flatten().flatten());
    files.map(|file| file.path()).max_by_key(|path| fs::metadata(path).map_or(0, |blob| blob.len())).expect("a blob")
}

/// A killed upload leaves blobs that nothing names, and no version.
#[test]
fn a_killed_add_leaves_no_version_and_is_gone_on_with() {
    let place = Place::new();
    let hone = Hone::new(&place);
    for index in 0..400 {
        place.write(&format!("files/{index}"), noise(index as u8, 20_000 + index));
    }
    let coordinator = hone.serve();
    let mut kills = 0;
    for percent in [2, 10, 30, 60, 90] {
        let mut adding = hone.start(&["dataset", "add", "scans", "files"]);
        let wanted = 4 * percent;
        crate::support::until("some blobs are there", crate::support::wait::LONG, || {
            (blobs(&hone) >= wanted || !adding.is_running()).then_some(())
        });
        if adding.is_running() {
            adding.kill();
            kills += 1;
            let listed = hone.run(&["dataset", "ls", "-o", "json"]).json();
            assert!(listed.as_array().is_some_and(|all| all.len() <= 1), "{listed}");
            if listed[0]["version"] == 1 {
                // It had been added just before.
                hone.run(&["dataset", "verify", "scans"]).ok();
            }
        }
    }
    assert!(kills > 0, "nothing was killed in the middle");
    hone.run(&["dataset", "add", "scans", "files"]).ok();
    hone.run(&["dataset", "verify", "scans@1"]).ok();
    hone.run(&["store", "verify", "--deep"]).ok();
    drop(coordinator);
}

/// Writes what it finds of its dataset, and tries to change it.
const READER: &str = r#"
echo "$HONE_DATASETS" > "$1/datasets-$HONE_TRIAL"
cat "$HONE_DATASET_SCANS/a.txt" > "$1/content-$HONE_TRIAL"
[ -w "$HONE_DATASET_SCANS/a.txt" ] && [ "$(id -u)" != 0 ] && echo writable >> "$1/faults"
stat -c %a "$HONE_DATASET_SCANS" "$HONE_DATASET_SCANS/a.txt" > "$1/modes-$HONE_TRIAL"
hone report loss="$2"
"#;

fn study_with(place: &Place, name: &str, trials: u64, datasets: &str) -> String {
    let study = Study::new(name, trials, READER).trial(&format!("datasets = {datasets}"));
    study.write(place).display().to_string()
}

#[test]
fn trials_read_the_version_that_their_study_was_created_with() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write("files/a.txt", "one");
    place.write("files/deep/b.bin", noise(1, 5 << 20));
    hone.run(&["dataset", "add", "scans", "files"]).ok();
    let file = study_with(&place, "reads", 3, "[\"scans\"]");
    hone.run(&["run", &file]).ok();
    assert_eq!(place.read("content-0"), "one");
    assert_eq!(place.read("modes-0"), "555\n444\n");
    let folders: Value = serde_json::from_str(&place.read("datasets-2")).expect("JSON");
    let folder = folders["scans"].as_str().expect("a folder").to_owned();
    assert_eq!(read(&Path::new(&folder).join("deep/b.bin")), noise(1, 5 << 20));
    assert_eq!(fs::metadata(&folder).expect("it").permissions().mode() & 0o222, 0);
    assert_eq!(place.read("faults"), "");

    // A newer version is another study's; this one's may not be removed.
    place.write("files/a.txt", "two");
    hone.run(&["dataset", "add", "scans", "files"]).ok();
    assert!(hone.run(&["dataset", "rm", "scans@1", "--force"]).fails(4).contains("study `reads`"));
    assert_eq!(show(&hone, "scans@1")["named_by"][0]["name"], "reads");
    let file = study_with(&place, "newer", 1, "{ scans = \"scans@2\" }");
    hone.run(&["run", &file]).ok();
    assert_eq!(place.read("content-0"), "two");
    hone.run(&["study", "rm", "reads"]).ok();
    hone.run(&["dataset", "rm", "scans@1", "--force"]).ok();
}

/// What is damaged at its source stays so, however often it is fetched.
#[test]
fn a_trial_whose_data_is_damaged_fails_and_says_so() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write("files/a.txt", "one");
    place.write("files/deep/b.bin", noise(1, 5 << 20));
    hone.run(&["dataset", "add", "scans", "files"]).ok();
    fs::write(largest_blob(&hone), "other").expect("changed");
    let file = study_with(&place, "reads", 1, "[\"scans\"]");
    hone.run(&["run", &file]).fails(5);
    let shown = hone.run(&["trial", "show", "reads/0"]).ok();
    assert!(shown.contains("`scans@1` could not be fetched") && shown.contains("damaged"), "{shown}");
    // The same data mends it.
    hone.run(&["dataset", "verify", "scans@1"]).fails(74);
    assert!(hone.run(&["dataset", "add", "scans", "files"]).ok().starts_with("nothing new"));
    hone.run(&["dataset", "verify", "scans@1"]).ok();
    hone.run(&["trial", "retry", "reads/0"]).ok();
    hone.run(&["run", &file]).ok();
    assert_eq!(place.read("content-1"), "one");
}

#[test]
fn a_study_of_a_dataset_that_is_not_there_is_refused_with_its_line() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write("files/a.txt", "one");
    hone.run(&["dataset", "add", "scans", "files"]).ok();
    let file = study_with(&place, "reads", 1, "[\"scanz\"]");
    for arguments in [vec!["study", "create", &file], vec!["run", &file, "--dry-run"]] {
        let refused = hone.run(&arguments).fails(2);
        assert!(refused.contains("there is no dataset `scanz`") && refused.contains("did you mean `scans`?"), "{refused}");
        assert!(refused.contains("datasets = [\"scanz\"]"), "{refused}");
    }
    let right = study_with(&place, "reads", 1, "[\"scans\"]");
    hone.run(&["run", &right, "--dry-run"]).ok();
    let file = study_with(&place, "reads", 1, "[\"scans@7\"]");
    assert!(hone.run(&["study", "create", &file]).fails(2).contains("no version 7"));
}
