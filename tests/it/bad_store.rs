//! A damaged store: what is damaged is named and never served; what a backup holds comes back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::support::{Hone, Place, Study};

/// Positions that are damaged, each in a copy of its own.
const DAMAGES: usize = 24;

/// A store with a finished study, and a backup of it.
fn prepare(place: &Place) -> (Hone, String) {
    let hone = Hone::new(place);
    let folder = Study::new("kept", 12, "hone report --step 1 loss=\"$2\"; hone report loss=\"$2\"").write(place);
    hone.run(&["run", &folder.display().to_string()]).ok();
    hone.run(&["store", "backup", &place.path("backup").display().to_string()]).ok();
    let trials = trials(&hone).expect("the trials");
    (hone, trials)
}

/// Everything that the store says of its trials; nothing when it refuses, with its damage named.
fn trials(hone: &Hone) -> Option<String> {
    let output = hone.run(&["study", "export", "kept", "--output", "json"]);
    if output.code == 0 {
        return Some(output.stdout);
    }
    assert_eq!(output.code, 74, "{output:?}");
    assert!(output.stderr.contains(&hone.data().display().to_string()), "the damaged file is not named: {output:?}");
    assert!(output.stderr.contains("store restore"), "no way out: {output:?}");
    None
}

/// The largest file of the database: where the events are.
fn database(data: &Path) -> PathBuf {
    let mut files: Vec<(u64, PathBuf)> = Vec::new();
    let mut folders = vec![data.join("journal")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the journal").flatten() {
            let meta = entry.metadata().expect("a file");
            if meta.is_dir() { folders.push(entry.path()) } else { files.push((meta.len(), entry.path())) }
        }
    }
    files.sort();
    files.pop().expect("a database").1
}

/// Damages a copy of the store, and checks that it is found, or that nothing is missing.
fn damage(place: &Place, hone: &Hone, number: usize, expected: &str, harm: impl FnOnce(&Path)) -> bool {
    let copy = hone.with_data(format!("copy-{number}"));
    let status = std::process::Command::new("cp").arg("-r").arg(hone.data()).arg(copy.data()).status().expect("cp");
    assert!(status.success());
    harm(&database(copy.data()));
    let found = trials(&copy);
    let is_found = found.is_none();
    assert!(found.is_none_or(|found| found == expected), "damage {number} changed what is shown");
    fs::remove_dir_all(copy.data()).expect("the copy");
    assert!(place.path("backup").exists());
    is_found
}

/// How far the database is written; the rest of the file is zeros.
fn written(file: &Path) -> u64 {
    let bytes = fs::read(file).expect("the database");
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at as u64 + 1)
}

#[test]
fn a_truncated_journal_is_named_or_harmless_and_a_backup_brings_everything_back() {
    let place = Place::new();
    let (hone, expected) = prepare(&place);
    let mut found = 0;
    for number in 0..DAMAGES {
        found += usize::from(damage(&place, &hone, number, &expected, |file| {
            let length = written(file) * number as u64 / DAMAGES as u64;
            let file = fs::OpenOptions::new().write(true).open(file).expect("the database");
            file.set_len(length).expect("truncated");
        }));
    }
    assert!(found > DAMAGES / 2, "{found} of {DAMAGES} truncations were found");
    let restored = hone.with_data("restored");
    restored.run(&["store", "restore", &place.path("backup").display().to_string()]).ok();
    assert_eq!(trials(&restored).as_deref(), Some(expected.as_str()));
    restored.run(&["store", "verify", "--deep"]).ok();
}

#[test]
fn a_flipped_bit_in_the_journal_is_named_or_harmless() {
    let place = Place::new();
    let (hone, expected) = prepare(&place);
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut found = 0;
    for number in 0..DAMAGES {
        found += usize::from(damage(&place, &hone, number, &expected, |file| {
            let mut bytes = fs::read(file).expect("the database");
            let at = random.random_range(0..written(file)) as usize;
            bytes[at] ^= 1 << random.random_range(0..8_u8);
            fs::write(file, bytes).expect("the database");
        }));
    }
    assert!(found > 0, "no flipped bit was found");
}

#[test]
fn verify_names_the_damage_with_exit_code_74() {
    let place = Place::new();
    let (hone, _) = prepare(&place);
    hone.run(&["store", "verify"]).ok();
    let file = database(hone.data());
    fs::OpenOptions::new().write(true).open(&file).expect("the database").set_len(100).expect("truncated");
    let output = hone.run(&["store", "verify"]);
    assert_eq!(output.code, 74, "{output:?}");
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(said.contains("journal"), "{said}");
}
