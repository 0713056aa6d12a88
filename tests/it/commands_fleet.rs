//! `hone worker`: looking after workers, and how they leave.

use serde_json::Value;

use crate::support::{Hone, Place, Running, Study, client::Client, until, wait::LONG};

/// Ends when the file `go` is there; goes on where its checkpoint says that it was.
const SCRIPT: &str = r#"
echo "start $HONE_TRIAL $HONE_ATTEMPT" >> "$1/witness"
while [ ! -e "$1/go" ]; do sleep 0.05; done
hone report loss="$2"
"#;

fn worker(hone: &Hone, name: &str) -> Value {
    hone.run(&["worker", "show", name, "--output", "json"]).json()
}

/// Waits until a worker is connected.
fn wait_for(hone: &Hone, name: &str) {
    until("the worker is connected", LONG, || {
        let output = hone.run(&["worker", "show", name, "--output", "json"]);
        (output.code == 0 && output.json()["state"] == "connected").then_some(())
    });
}

fn start(place: &Place, hone: &Hone, trials: u64) -> (Running, Running) {
    let coordinator = hone.serve();
    let first = hone.worker("first", 1);
    wait_for(hone, "first");
    hone.run(&["study", "create", &Study::new("fleet", trials, SCRIPT).write(place).display().to_string()]).ok();
    until("a trial runs", LONG, || (place.lines("witness").len() == 1).then_some(()));
    (coordinator, first)
}

#[test]
fn a_worker_is_listed_shown_cordoned_and_activated() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let (_coordinator, _first) = start(&place, &hone, 3);
    let listed = hone.run(&["worker", "ls", "--output", "json"]).json();
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["name"]), (Some(1), &"first".into()));
    let shown = worker(&hone, "first");
    assert_eq!((&shown["slots"], &shown["running"][0]["study"]), (&1.into(), &"fleet".into()), "{shown}");
    hone.run(&["worker", "cordon", "first"]).ok();
    assert_eq!(worker(&hone, "first")["state"], "cordoned");
    place.write("go", "");
    until("its trial has ended", LONG, || (worker(&hone, "first")["running"].as_array()?.is_empty()).then_some(()));
    let explained = hone.run(&["study", "show", "fleet", "--output", "json"]).json();
    assert_eq!(explained["counts"]["counted"], 1, "a cordoned worker got another trial");
    hone.run(&["worker", "activate", "first"]).ok();
    Client::new(&hone.socket()).wait_until_finished("fleet", LONG);
    assert_eq!(hone.run(&["worker", "show", "second"]).code, 3);
}

#[test]
fn a_drained_worker_finishes_and_leaves() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let (_coordinator, mut first) = start(&place, &hone, 2);
    hone.run(&["worker", "drain", "first"]).ok();
    assert_eq!(worker(&hone, "first")["state"], "draining");
    assert!(first.is_running(), "it left before its trial had ended");
    place.write("go", "");
    assert_eq!(first.wait(LONG).code, 0);
    let study = hone.run(&["study", "show", "fleet", "--output", "json"]).json();
    assert_eq!((&study["counts"]["complete"], &study["counts"]["running"]), (&1.into(), &0.into()));
    assert_eq!(hone.run(&["worker", "ls", "--output", "json"]).json().as_array().map(Vec::len), Some(0), "it is gone");
    let _second = hone.worker("second", 1);
    Client::new(&hone.socket()).wait_until_finished("fleet", LONG);
}

#[test]
fn a_worker_that_hands_back_costs_its_trial_nothing() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let (_coordinator, mut first) = start(&place, &hone, 1);
    hone.run(&["worker", "drain", "first", "--hand-back"]).ok();
    assert_eq!(first.wait(LONG).code, 0);
    place.wait_for_no_trials();
    place.write("go", "");
    let _second = hone.worker("second", 1);
    Client::new(&hone.socket()).wait_until_finished("fleet", LONG);
    let trial = hone.run(&["trial", "show", "fleet/0", "--output", "json"]).json();
    assert_eq!(
        (&trial["attempts"][0]["end"], &trial["attempts"][1]["end"]),
        (&"preempted".into(), &"finished".into()),
        "{trial}"
    );
}

#[test]
fn a_worker_told_to_terminate_finishes_what_it_runs() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let (_coordinator, mut first) = start(&place, &hone, 1);
    first.signal(libc::SIGTERM);
    first.wait_for_line("draining");
    place.write("go", "");
    assert_eq!(first.wait(LONG).code, 0);
    Client::new(&hone.socket()).wait_until_finished("fleet", LONG);
    assert_eq!(place.lines("witness").len(), 1, "the trial ran again");
}

#[test]
fn a_second_worker_in_a_folder_learns_who_is_there() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let first = hone.worker("first", 1);
    wait_for(&hone, "first");
    let second = hone.run(&hone.worker_arguments("first", 1)).fails(4);
    assert!(second.contains(&first.pid().to_string()), "{second}");
}
