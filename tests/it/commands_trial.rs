//! `hone trial`: looking at trials, and changing what happens to them.

use serde_json::Value;

use crate::support::{Hone, Place, Running, Study, client::Client, until, wait::LONG};

/// Says hello, leaves a file, and fails where `x` is above one half for the first time.
const SCRIPT: &str = r#"
echo "hello from $HONE_TRIAL"
echo "oh" >&2
echo "$2" > "$HONE_OUTPUT/x.txt"
hone report --step 1 loss=0.5
[ -e "$1/fixed" ] || case $2 in 0.9*) exit 4;; esac
hone report loss="$2"
"#;

fn trial(hone: &Hone, name: &str) -> Value {
    hone.run(&["trial", "show", name, "--output", "json"]).json()
}

/// A paused study with three trials: one that succeeds, one that fails, and one more of the sampler's.
fn prepare(place: &Place, hone: &Hone) -> Running {
    let coordinator = hone.serve();
    let folder = Study::new("trials", 3, SCRIPT).write(place).display().to_string();
    hone.run(&["study", "create", &folder, "--paused"]).ok();
    hone.run(&["trial", "enqueue", "--study", "trials", "x=0.25", "--tag", "mine", "--note", "a guess"]).ok();
    hone.run(&["trial", "enqueue", "--study", "trials", "x=0.9375"]).ok();
    coordinator
}

#[test]
fn trials_are_enqueued_explained_run_shown_annotated_and_retried() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = prepare(&place, &hone);
    let waiting = hone.run(&["trial", "ls", "trials", "--state", "waiting", "--output", "json"]).json();
    assert_eq!(waiting.as_array().map(Vec::len), Some(2));
    let explained = hone.run(&["trial", "explain", "trials/0", "--output", "json"]).json().to_string();
    assert!(explained.contains("paused"), "{explained}");
    hone.run(&["study", "resume", "trials"]).ok();
    let explained = hone.run(&["trial", "explain", "trials/0", "--output", "json"]).json().to_string();
    assert!(explained.contains("worker"), "{explained}");
    let _worker = hone.worker("worker", 2);
    Client::new(&hone.socket()).wait_until_finished("trials", LONG);
    check_shown(&hone);
    check_logs_and_outputs(&place, &hone);
    check_marks(&hone);
    check_retry(&place, &hone);
}

fn check_shown(hone: &Hone) {
    let good = trial(hone, "trials/0");
    assert_eq!((&good["state"], &good["values"][0], &good["params"]["x"]), (&"complete".into(), &0.25.into(), &0.25.into()));
    assert_eq!((&good["tags"][0], &good["note"], &good["origin"]), (&"mine".into(), &"a guess".into(), &"enqueued".into()));
    let bad = trial(hone, "trials/1");
    assert_eq!((&bad["state"], bad["values"].as_array().map(Vec::len)), (&"failed".into(), Some(0)), "{bad}");
    let explained = hone.run(&["trial", "explain", "trials/1", "--output", "json"]).json().to_string();
    assert!(explained.contains('4'), "{explained}");
    let failed = hone.run(&["trial", "ls", "trials", "--state", "failed", "--output", "json"]).json();
    assert_eq!(failed[0]["number"], 1);
    assert_eq!(trial(hone, "best")["state"], "complete");
    let csv = hone.run(&["trial", "ls", "trials", "--oldest-first", "--output", "csv"]).ok();
    let rows = csv.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    assert!(csv.starts_with("number,state,") && rows.count() == 3, "{csv}");
}

fn check_logs_and_outputs(place: &Place, hone: &Hone) {
    let log = hone.run(&["trial", "logs", "trials/0"]).ok();
    assert!(log.contains("hello from 0") && log.contains("oh"), "{log}");
    let followed = hone.run(&["trial", "logs", "trials/0", "--follow"]).ok();
    assert_eq!(followed, log, "the log of an ended trial ends");
    let listed = hone.run(&["trial", "outputs", "trials/0", "--output", "json"]).json();
    assert_eq!(listed[0]["path"], "x.txt", "{listed}");
    hone.run(&["trial", "outputs", "trials/0", "--to", "fetched"]).ok();
    assert_eq!(place.read("fetched/x.txt"), "0.25\n");
}

fn check_marks(hone: &Hone) {
    hone.run(&["trial", "tag", "trials/0", "good"]).ok();
    hone.run(&["trial", "tag", "trials/0", "mine", "--remove"]).ok();
    hone.run(&["trial", "note", "trials/0", "checked"]).ok();
    let marked = trial(hone, "trials/0");
    assert_eq!((marked["tags"].to_string(), &marked["note"]), ("[\"good\"]".to_owned(), &"checked".into()));
}

/// The failed trial's place in the budget is taken by its successor.
fn check_retry(place: &Place, hone: &Hone) {
    assert_eq!(hone.run(&["trial", "retry", "trials/0"]).code, 4, "a complete trial cannot be retried");
    place.write("fixed", "");
    hone.run(&["trial", "retry", "trials/1"]).ok();
    until("the retry is complete", LONG, || (trial(hone, "trials/3")["state"] == "complete").then_some(()));
    let retried = trial(hone, "trials/3");
    assert_eq!((&retried["params"]["x"], &trial(hone, "trials/1")["superseded_by"]), (&0.9375.into(), &3.into()), "{retried}");
    let study = hone.run(&["study", "show", "trials", "--output", "json"]).json();
    assert_eq!((&study["counts"]["counted"], &study["counts"]["complete"]), (&3.into(), &3.into()), "{study}");
}

#[test]
fn cancelled_trials_do_not_count() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let _worker = hone.worker("worker", 1);
    let script = "echo start >> \"$1/witness\"; [ $HONE_TRIAL != 0 ] || sleep 600; hone report loss=1";
    hone.run(&["study", "create", &Study::new("cancelling", 2, script).write(&place).display().to_string()]).ok();
    until("the first trial runs", LONG, || (place.lines("witness").len() == 1).then_some(()));
    hone.run(&["trial", "cancel", "cancelling/0"]).ok();
    let study = Client::new(&hone.socket()).wait_until_finished("cancelling", LONG);
    assert_eq!(study.counts.map(|counts| (counts.complete, counts.cancelled, counts.counted)), Some((2, 1, 2)));
    assert_eq!(trial(&hone, "cancelling/0")["state"], "cancelled");
    place.wait_for_no_trials();
}

#[test]
fn what_cannot_be_done_to_a_trial_is_refused_with_its_code() {
    let place = Place::new();
    let hone = Hone::new(&place);
    hone.run(&["study", "create", &Study::new("refusing", 2, SCRIPT).write(&place).display().to_string(), "--paused"]).ok();
    assert_eq!(hone.run(&["trial", "show", "refusing/17"]).code, 3);
    assert_eq!(hone.run(&["trial", "show", "nowhere/0"]).code, 3);
    assert_eq!(hone.run(&["trial", "show", "refusing"]).code, 2);
    for (parameters, word) in [("y=1", "y"), ("x=2", "x"), ("x=high", "x"), ("x", "x")] {
        let said = hone.run(&["trial", "enqueue", "--study", "refusing", parameters]).fails(2);
        assert!(said.contains(word), "{said}");
    }
    let waiting = hone.run(&["trial", "ls", "refusing", "--output", "json"]).json();
    assert_eq!(waiting.as_array().map(Vec::len), Some(0), "a refused trial is there: {waiting}");
}

#[test]
fn a_trial_is_held_back_and_let_go_on() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let folder = Study::new("holding", 1, "hone report loss=1").write(&place).display().to_string();
    hone.run(&["study", "create", &folder]).ok();
    hone.run(&["trial", "enqueue", "--study", "holding", "x=0.25"]).ok();
    assert_eq!(hone.run(&["trial", "pause", "holding/0"]).ok(), "trial 0 is paused\n");
    let explained = hone.run(&["trial", "explain", "holding/0"]).ok();
    assert!(explained.contains("hone trial resume holding/0"), "{explained}");
    let _worker = hone.worker("worker", 1);
    assert_eq!(hone.run(&["trial", "resume", "holding/0"]).code, 0);
    Client::new(&hone.socket()).wait_until_finished("holding", LONG);
    assert_eq!(trial(&hone, "holding/0")["state"], "complete");
}
