//! `hone study`, from creation to removal.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Hone, Place, Study, until, wait::LONG};

/// Ends at once.
const QUICK: &str = "hone report --step 1 loss=\"$2\"; hone report loss=\"$2\"";
/// Ends when the file `go` is there, or when it is told to.
const WAITS: &str = "echo start >> \"$1/witness\"; while [ ! -e \"$1/go\" ]; do sleep 0.05; done; hone report loss=\"$2\"";

fn text(path: PathBuf) -> String {
    path.display().to_string()
}

fn show(hone: &Hone, study: &str) -> Value {
    hone.run(&["study", "show", study, "--output", "json"]).json()
}

#[test]
fn a_study_is_created_paused_resumed_watched_extended_and_removed() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let folder = text(Study::new("life", 4, QUICK).write(&place));
    let created = hone.run(&["study", "create", &folder, "--paused", "--output", "json"]).json();
    assert_eq!((&created["name"], &created["state"], &created["max_trials"]), (&"life".into(), &"paused".into(), &4.into()));
    assert_eq!(hone.run(&["study", "create", &folder]).code, 4, "a name is taken once");
    let _worker = hone.worker("worker", 2);
    let listed = hone.run(&["study", "ls", "--state", "paused", "--output", "json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!(show(&hone, "life")["counts"]["counted"], 0, "a paused study ran");
    hone.run(&["study", "resume", "life"]).ok();
    let watched = hone.run(&["study", "watch", "life"]).ok();
    assert!(watched.contains("life"), "{watched}");
    assert_eq!((&show(&hone, "life")["state"], &show(&hone, "life")["counts"]["complete"]), (&"finished".into(), &4.into()));
    assert_eq!(hone.run(&["study", "resume", "life"]).code, 4, "a used budget cannot be resumed");
    hone.run(&["study", "set", "life", "max_trials=6"]).ok();
    hone.run(&["study", "watch", "last"]).ok();
    assert_eq!(show(&hone, "1")["counts"]["counted"], 6);
    check_best_and_export(&place, &hone);
    hone.run(&["study", "rm", "life"]).ok();
    assert_eq!(hone.run(&["study", "show", "life"]).code, 3);
    assert_eq!(hone.run(&["study", "ls", "--output", "json"]).json().as_array().map(Vec::len), Some(0));
}

fn check_best_and_export(place: &Place, hone: &Hone) {
    let best = hone.run(&["study", "best", "life", "--count", "3", "--output", "json"]).json();
    let values: Vec<f64> = best.as_array().into_iter().flatten().filter_map(|trial| trial["values"][0].as_f64()).collect();
    assert!(values.len() == 3 && values.is_sorted(), "{values:?}");
    hone.run(&["study", "export", "life", "--output", "json", "--to", "life.json"]).ok();
    let exported: Value = serde_json::from_str(&place.read("life.json")).expect("JSON");
    let trials = exported.as_array().expect("trials");
    let lowest = trials.iter().filter_map(|trial| trial["values"][0].as_f64()).fold(f64::INFINITY, f64::min);
    assert_eq!((trials.len(), lowest), (6, values[0]));
    let csv = hone.run(&["study", "export", "life"]).ok();
    assert_eq!(csv.lines().count(), 7, "{csv}");
    assert!(csv.lines().next().is_some_and(|header| header.contains("number") && header.contains("x")), "{csv}");
}

/// Creates a study and waits until two trials of it run.
fn start_two(place: &Place, hone: &Hone, name: &str) {
    let wanted = place.lines("witness").len() + 2;
    hone.run(&["study", "create", &text(Study::new(name, 10, WAITS).write(place))]).ok();
    until("two trials run", LONG, || (place.lines("witness").len() >= wanted).then_some(()));
}

#[test]
fn stop_lets_trials_end_and_cancel_kills_them() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let _worker = hone.worker("worker", 2);
    start_two(&place, &hone, "stopped");
    hone.run(&["study", "stop", "stopped"]).ok();
    assert_eq!(show(&hone, "stopped")["state"], "stopping");
    place.write("go", "");
    until("it is over", LONG, || (show(&hone, "stopped")["state"] == "finished").then_some(()));
    std::fs::remove_file(place.path("go")).expect("a file");
    start_two(&place, &hone, "killed");
    hone.run(&["study", "cancel", "killed"]).ok();
    until("it is over", LONG, || (show(&hone, "killed")["state"] == "finished").then_some(()));
    assert_eq!(
        (&show(&hone, "stopped")["counts"]["complete"], &show(&hone, "stopped")["counts"]["failed"]),
        (&2.into(), &0.into())
    );
    assert_eq!(
        (&show(&hone, "killed")["counts"]["complete"], &show(&hone, "killed")["counts"]["running"]),
        (&0.into(), &0.into())
    );
    place.wait_for_no_trials();
}

#[test]
fn pause_starts_nothing_new_and_resume_goes_on() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let _worker = hone.worker("worker", 1);
    hone.run(&["study", "create", &text(Study::new("pausing", 3, WAITS).write(&place))]).ok();
    until("a trial runs", LONG, || (place.lines("witness").len() == 1).then_some(()));
    hone.run(&["study", "pause", "pausing"]).ok();
    place.write("go", "");
    until("it has ended", LONG, || (show(&hone, "pausing")["counts"]["complete"] == 1).then_some(()));
    assert_eq!((&show(&hone, "pausing")["state"], &show(&hone, "pausing")["counts"]["running"]), (&"paused".into(), &0.into()));
    hone.run(&["study", "resume", "pausing"]).ok();
    hone.run(&["study", "watch", "pausing"]).ok();
    assert_eq!((show(&hone, "pausing")["counts"]["counted"].clone(), place.lines("witness").len()), (3.into(), 3));
}

#[test]
fn an_edited_file_is_applied_or_refused_by_key() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let study = Study::new("edited", 2, QUICK);
    let folder = text(study.write(&place));
    hone.run(&["run", &folder]).ok();
    Study::new("edited", 4, QUICK).write(&place);
    hone.run(&["run", &folder]).ok();
    assert_eq!(show(&hone, "edited")["counts"]["counted"], 4, "a larger budget was not applied");
    study.clone().search("sampler = \"sobol\"").write(&place);
    place.write("studies/edited/study.toml", study.text(&place).replace("\"random\"", "\"sobol\""));
    let refused = hone.run(&["run", &folder]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("sampler") && refused.stderr.contains("--fork"), "{refused:?}");
    hone.run(&["run", &folder, "--fork", "other"]).ok();
    assert_eq!(show(&hone, "other")["counts"]["counted"], 2);
}

#[test]
fn unknown_studies_and_settings_have_exit_codes_of_their_own() {
    let place = Place::new();
    let hone = Hone::new(&place);
    hone.run(&["study", "create", &text(Study::new("known", 2, QUICK).write(&place))]).ok();
    let said = hone.run(&["study", "show", "knwon"]).fails(3);
    assert!(said.contains("knwon") && said.contains("known"), "{said}");
    for setting in ["max_trails=3", "max_trials=many", "sampler=tpe", "nonsense"] {
        let output = hone.run(&["study", "set", "known", setting]);
        assert!(matches!(output.code, 2 | 4), "`{setting}`: {output:?}");
        assert!(output.stderr.contains(setting.split('=').next().unwrap_or_default()), "{output:?}");
    }
    assert_eq!(hone.run(&["study", "rm", "known"]).code, 4, "it is not finished");
    hone.run(&["study", "rm", "known", "--force"]).ok();
    assert_eq!(hone.run(&["study", "frobnicate"]).code, 2);
}
