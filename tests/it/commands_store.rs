//! `hone store`: checking, copying, restoring, exporting, while a coordinator runs and while none does.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Hone, Place, Study};

const SCRIPT: &str = "echo \"$HONE_TRIAL\" > \"$HONE_OUTPUT/out.txt\"; hone report --step 1 loss=\"$2\"; hone report loss=\"$2\"";

fn export(hone: &Hone) -> String {
    hone.run(&["study", "export", "stored", "--output", "json"]).ok()
}

#[test]
fn a_backup_of_a_running_store_restores_to_the_same_trials() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let coordinator = hone.serve();
    hone.run(&["run", &Study::new("stored", 6, SCRIPT).write(&place).display().to_string()]).ok();
    let backup = place.path("backup").display().to_string();
    hone.run(&["store", "verify", "--deep"]).ok();
    hone.run(&["store", "backup", &backup]).ok();
    assert_ne!(hone.run(&["store", "backup", &backup]).code, 0, "a backup is never overwritten");
    let trials = export(&hone);
    let restored = hone.with_data("restored");
    restored.run(&["store", "restore", &backup]).ok();
    assert_ne!(restored.run(&["store", "restore", &backup]).code, 0, "a store is never overwritten");
    assert_eq!(export(&restored), trials);
    restored.run(&["store", "verify", "--deep"]).ok();
    restored.run(&["trial", "outputs", "stored/3", "--to", "fetched"]).ok();
    assert_eq!(place.read("fetched/out.txt"), "3\n");
    drop(coordinator);
}

#[test]
fn what_is_no_backup_is_refused() {
    let place = Place::new();
    let hone = Hone::new(&place);
    place.write("not-a-backup/file", "text");
    let output = hone.run(&["store", "restore", &place.path("not-a-backup").display().to_string()]);
    assert!(output.code != 0 && output.stderr.contains("not-a-backup"), "{output:?}");
}

#[test]
fn events_are_exported_from_any_number_on() {
    let place = Place::new();
    let hone = Hone::new(&place);
    hone.run(&["run", &Study::new("stored", 5, SCRIPT).write(&place).display().to_string()]).ok();
    let all = hone.run(&["store", "export"]).ok();
    let events: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(events.len() > 15, "{all}");
    let some = hone.run(&["store", "export", "--from", "4", "--to", "events.jsonl"]);
    some.ok();
    let text = place.read("events.jsonl");
    let rest: Vec<&str> = all.lines().skip(3).collect();
    // The export itself may have added nothing but what its own coordinator did.
    let exported: BTreeSet<&str> = text.lines().collect();
    assert!(rest.iter().all(|line| exported.contains(line)), "events are missing");
}

#[test]
fn a_store_is_compacted_and_stays_whole() {
    let place = Place::new();
    let hone = Hone::new(&place);
    hone.run(&["run", &Study::new("stored", 6, SCRIPT).write(&place).display().to_string()]).ok();
    let before = export(&hone);
    hone.run(&["store", "compact"]).ok();
    assert_eq!(export(&hone), before);
    hone.run(&["store", "verify", "--deep"]).ok();
    let info = hone.run(&["store", "info", "--output", "json"]).json();
    assert_eq!((&info["studies"], &info["trials"]), (&1.into(), &6.into()), "{info}");
}

#[test]
fn a_missing_blob_is_found_by_verify() {
    let place = Place::new();
    let hone = Hone::new(&place);
    hone.run(&["run", &Study::new("stored", 2, SCRIPT).write(&place).display().to_string()]).ok();
    let trial = hone.run(&["trial", "show", "stored/1", "--output", "json"]).json();
    let hash = trial["outputs"][0]["hash"].as_str().expect("a hash").to_owned();
    let blob = find(hone.data(), &hash).expect("the blob is in the store");
    std::fs::write(&blob, "something else").expect("the blob");
    let output = hone.run(&["store", "verify", "--deep"]);
    assert_eq!(output.code, 74, "{output:?}");
    assert!(format!("{output:?}").contains(&hash), "{output:?}");
}

/// The file of a blob, whose name ends with the rest of its hash.
fn find(data: &std::path::Path, hash: &str) -> Option<std::path::PathBuf> {
    let mut folders = vec![data.join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).ok()?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if name.len() > 40 && hash.ends_with(&name) {
                return Some(entry.path());
            }
        }
    }
    None
}
