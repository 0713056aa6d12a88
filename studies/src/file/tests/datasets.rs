//! `datasets` of `[trial]`.

use super::{check, edited, parse, shown, spec};
use crate::{
    dataset::DatasetReject,
    file::{merge_change, place_datasets, spec_to_toml},
};

const TIMEOUT: &str = "timeout = \"5m\"";

fn datasets(given: &str) -> Vec<(String, String)> {
    spec(&edited(TIMEOUT, &format!("datasets = {given}"))).trial.datasets.into_iter().collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect()
}

#[test]
fn an_array_keeps_the_names_and_a_table_gives_others() {
    assert_eq!(datasets("[\"faces\", \"digits@2\"]"), pairs(&[("digits", "digits@2"), ("faces", "faces")]));
    assert_eq!(datasets("{ train = \"digits@2\" }"), pairs(&[("train", "digits@2")]));
    assert_eq!(datasets("[]"), pairs(&[]));
}

#[test]
fn the_resolved_file_has_them_and_an_edited_one_may_not_change_them() {
    let old = spec(&edited(TIMEOUT, "datasets = { train = \"digits@2\" }"));
    assert!(spec_to_toml(&old).contains("datasets.train = \"digits@2\"\n"));
    assert_eq!(spec(&spec_to_toml(&old)), old);
    let refused = merge_change(&old, &spec(&edited(TIMEOUT, "datasets = { train = \"digits@3\" }"))).unwrap_err();
    assert!(refused[0].starts_with("trial.datasets.train: "), "{refused:?}");
}

#[test]
fn mistakes_are_named_where_they_stand() {
    check(&[
        (
            TIMEOUT,
            "datasets = \"digits\"",
            "study.toml:19:12: trial.datasets: expected an array of datasets, found the text `digits`\nhint: write `datasets = [\"digits@2\"]`, or `datasets = { train = \"digits@2\" }` to give it another name",
        ),
        (
            TIMEOUT,
            "datasets = [\"a/b\"]",
            "study.toml:19:13: trial.datasets[0]: `a/b` names no dataset\nhint: write a name, or a name and a version: `digits@2`",
        ),
        (
            TIMEOUT,
            "datasets = [\"a@1\", \"a@2\"]",
            "study.toml:19:20: trial.datasets[1]: `a` is there twice\nhint: give one another name: `datasets = { a = \"…\", other = \"…\" }`",
        ),
        (
            TIMEOUT,
            "datasets = { a-b = \"x\", a_b = \"x\" }",
            "study.toml:19:31: trial.datasets.a_b: `a-b` and `a_b` would both be `HONE_DATASET_A_B`\nhint: rename one",
        ),
        (
            TIMEOUT,
            "data = [\"a\"]",
            "study.toml:19:1: trial.data: unknown key `data`\nhint: did you mean `datasets`? `[trial]` knows `command`, `setup`, `setup_timeout`, `working_directory`, `environment`, `resources`, `timeout`, `grace`, `retries`, `crash_limit`, `metrics`, `metrics_from`, `datasets`, `keep`, `max_log` and `max_checkpoint`",
        ),
    ]);
}

#[test]
fn a_template_names_a_dataset_of_the_trial() {
    let file = edited(TIMEOUT, "datasets = [\"digits\"]");
    assert!(parse(&file.replace("\"20\"", "\"{dataset.digits}/a.csv\""), "study.toml").is_ok());
    let mistakes = parse(&file.replace("\"20\"", "\"{dataset.faces}\""), "study.toml").unwrap_err();
    assert_eq!(
        shown(&mistakes),
        "study.toml:17:42: trial.command[2]: `{dataset.faces}` names no dataset of the trial\nhint: `datasets` has `digits`"
    );
    let mistakes = parse(&edited("\"20\"", "\"{dataset.faces}\""), "study.toml").unwrap_err();
    assert_eq!(mistakes[0].hint.as_deref(), Some("name it: `datasets = [\"faces\"]`"));
    let mistakes = parse(&file.replace("retries = 2", "setup = [\"x\", \"{dataset.digits}\"]"), "study.toml").unwrap_err();
    assert!(shown(&mistakes).contains("does not exist in `setup`"), "{}", shown(&mistakes));
}

#[test]
fn what_the_store_lacks_is_told_with_its_place() {
    let reject = |given: &str| DatasetReject::NoSuchDataset { given: given.to_owned(), nearest: Some("digits".to_owned()) };
    let text = edited(TIMEOUT, "datasets = [\"faces\", \"digts@2\"]");
    let placed = place_datasets(&[("digts".to_owned(), reject("digts"))], &text, "study.toml");
    assert_eq!(shown(&placed), "study.toml:19:22: trial.datasets[1]: there is no dataset `digts`\nhint: did you mean `digits`?");
    let text = edited(TIMEOUT, "datasets = { train = \"digts@2\" }");
    let placed = place_datasets(&[("train".to_owned(), reject("digts"))], &text, "study.toml");
    assert!(shown(&placed).starts_with("study.toml:19:22: trial.datasets.train: "), "{}", shown(&placed));
}
