//! The user's guide names everything that a study file knows, and ready-made studies are correct.

use std::{fs, path::Path};

use crate::file::{keys, template};

const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/study-files.md"));

#[test]
fn every_key_is_in_the_guide() {
    for table in keys::TABLES {
        for key in table.keys {
            assert!(GUIDE.contains(&format!("`{key}`")), "the guide does not explain `{key}` of {}", table.place);
        }
    }
}

#[test]
fn every_placeholder_sampler_and_pruner_is_in_the_guide() {
    let placeholders = template::PLACEHOLDERS.iter().map(|name| format!("`{{{name}}}`"));
    let kinds = hone_search::SamplerConfig::KINDS.iter().chain(hone_search::PrunerConfig::KINDS);
    for name in placeholders.chain(kinds.map(|kind| format!("`{kind}`"))) {
        assert!(GUIDE.contains(&name), "the guide does not explain {name}");
    }
}

#[test]
fn every_study_in_the_guide_is_correct() {
    let blocks: Vec<&str> = GUIDE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let studies: Vec<&&str> = blocks.iter().filter(|block| block.contains("[trial]")).collect();
    assert!(studies.len() >= 2);
    studies.iter().for_each(|study| {
        super::spec(study);
    });
}

#[test]
fn every_ready_made_study_is_correct() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let folders = fs::read_dir(examples).expect("the examples are there");
    let files = folders.map(|folder| folder.expect("a folder").path().join("study.toml")).filter(|file| file.exists());
    let specs: Vec<_> = files.map(|file| super::spec(&fs::read_to_string(file).expect("readable"))).collect();
    assert!(specs.len() >= 3, "{}", specs.len());
}
