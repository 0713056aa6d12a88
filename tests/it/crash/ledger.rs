//! Compares a finished study with what the witnesses know.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::witness::Seen;
use crate::support::{Hone, Place};

/// Checks one study; `trials` is its budget.
pub fn check_study(place: &Place, hone: &Hone, study: &str, trials: u64, seen: &Seen) {
    let shown = hone.run(&["study", "show", study, "--output", "json"]).json();
    assert_eq!(shown["state"], "finished", "{study}");
    assert_eq!(shown["counts"]["counted"], trials, "{study}: the budget is not exact: {shown}");
    assert_eq!(shown["counts"]["complete"], trials, "{study}: {shown}");
    let exported = hone.run(&["study", "export", study, "--output", "json"]).json();
    let all = exported.as_array().expect("a list of trials");
    check_numbers(study, all, trials);
    for trial in all {
        check_trial(study, trial);
    }
    check_ends(study, all, &place.lines(&format!("witness-{study}")));
    check_acknowledged(study, all, seen);
}

fn number(trial: &Value) -> u64 {
    trial["number"].as_u64().expect("a number")
}

fn check_numbers(study: &str, all: &[Value], trials: u64) {
    let numbers: Vec<u64> = all.iter().map(number).collect();
    assert_eq!(numbers, (0..trials).collect::<Vec<u64>>(), "{study}: numbers are dense and each is there once");
    let ids: BTreeSet<u64> = all.iter().filter_map(|trial| trial["id"].as_u64()).collect();
    assert_eq!(ids.len(), all.len(), "{study}: an id is there twice");
}

/// A trial counts for its own parameters, and through one attempt.
fn check_trial(study: &str, trial: &Value) {
    assert_eq!(trial["values"][0], trial["params"]["x"], "{study}: a result belongs to another trial: {trial}");
    let attempts = trial["attempts"].as_array().expect("attempts");
    let finished = attempts.iter().filter(|attempt| attempt["end"] == "finished").count();
    assert_eq!(finished, 1, "{study}: a result counts other than once: {trial}");
}

/// The attempt that counts has really run to its end.
fn check_ends(study: &str, all: &[Value], lines: &[String]) {
    let ended: BTreeSet<&str> = lines.iter().filter_map(|line| line.strip_prefix("end ")).collect();
    for trial in all {
        let finished = trial["attempts"].as_array().expect("attempts").iter().find(|attempt| attempt["end"] == "finished");
        let attempt = finished.and_then(|attempt| attempt["number"].as_u64()).expect("an attempt");
        assert!(ended.contains(format!("{} {attempt}", number(trial)).as_str()), "{study}: no trial has said this: {trial}");
    }
}

fn check_acknowledged(study: &str, all: &[Value], seen: &Seen) {
    let by_number: BTreeMap<u64, &Value> = all.iter().map(|trial| (number(trial), trial)).collect();
    for ((_, number), ended) in seen.ended.iter().filter(|((name, _), _)| name == study) {
        let trial = by_number.get(number).unwrap_or_else(|| panic!("{study}: acknowledged trial {number} is lost"));
        assert_eq!(trial["state"], ended.state, "{study}: trial {number}");
        assert_eq!(trial["params"]["x"].as_f64(), Some(ended.x), "{study}: trial {number}");
        assert_eq!(trial["values"][0].as_f64(), ended.values.first().copied(), "{study}: trial {number}");
    }
    for (bits, (_, number)) in seen.enqueued.iter().filter(|(_, (name, _))| name == study) {
        let same: Vec<u64> = by_number
            .values()
            .filter(|trial| trial["params"]["x"].as_f64().map(f64::to_bits) == Some(*bits))
            .map(|trial| self::number(trial))
            .collect();
        assert_eq!(same, [*number], "{study}: an enqueued trial is lost or there twice");
    }
}
