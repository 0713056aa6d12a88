//! The coordinator is away for a while: trials go on, and what they report arrives when it is back.
//!
//! `HONE_OUTAGE_SECONDS` sets the length of the first outage (default 6).

use std::{collections::BTreeMap, env, time::Duration};

use serde_json::Value;

use crate::support::{
    Hone, Place, Running, Study,
    client::Client,
    until,
    wait::{self, LONG},
};

const WORKERS: usize = 4;
const TRIALS: u64 = 24;
/// Steps that a trial reports.
const STEPS: usize = 20;

/// Twenty steps of a fifth of a second, each reported on standard output, which never waits for an answer.
const SCRIPT: &str = r#"
echo "start $HONE_TRIAL $HONE_ATTEMPT" >> "$1/witness"
step=1
while [ $step -le 20 ]; do
    echo "step $step: loss=$2"
    sleep 0.2
    step=$((step + 1))
done
echo "end $HONE_TRIAL $HONE_ATTEMPT" >> "$1/witness"
"#;

fn start(place: &Place, hone: &Hone) -> (Running, Vec<Running>) {
    let coordinator = hone.serve();
    let workers = (0..WORKERS).map(|number| hone.worker(&format!("worker-{number}"), 3)).collect();
    let folder = Study::new("outage", TRIALS, SCRIPT).write(place);
    hone.run(&["study", "create", &folder.display().to_string()]).ok();
    (coordinator, workers)
}

fn starts(place: &Place) -> Vec<String> {
    place.lines("witness").into_iter().filter(|line| line.starts_with("start")).collect()
}

/// Every trial was started once, and all that it reported is there, in order.
fn check(place: &Place, hone: &Hone) {
    assert_eq!(starts(place).len() as u64, TRIALS, "a trial was run again");
    for number in 0..TRIALS {
        let trial = hone.run(&["trial", "show", &format!("outage/{number}"), "--output", "json"]).json();
        assert_eq!(trial["state"], "complete", "{trial}");
        assert_eq!(trial["attempts"].as_array().map(Vec::len), Some(1), "{trial}");
        let steps: Vec<i64> =
            trial["curve"].as_array().into_iter().flatten().filter_map(|point| point["step"].as_i64()).collect();
        assert_eq!(steps, (1..=STEPS as i64).collect::<Vec<i64>>(), "trial {number}");
    }
}

/// Kills the coordinator under load and brings it back after `length`.
fn outage(place: &Place, hone: &Hone, length: Duration) {
    let (mut coordinator, workers) = start(place, hone);
    until("every slot is busy", LONG, || (starts(place).len() >= WORKERS * 3).then_some(()));
    coordinator.kill();
    let before = starts(place).len();
    wait::outage(length);
    assert!(starts(place).len() <= before + WORKERS * 3, "trials were started without a coordinator");
    let _coordinator = hone.serve();
    Client::new(&hone.socket()).wait_until_finished("outage", LONG * 2);
    check(place, hone);
    drop(workers);
    place.wait_for_no_trials();
}

#[test]
fn an_outage_ends_no_trial_and_loses_no_report() {
    let seconds = env::var("HONE_OUTAGE_SECONDS").map_or(6, |text| text.parse().expect("`HONE_OUTAGE_SECONDS` is a number"));
    let place = Place::new();
    outage(&place, &Hone::new(&place), Duration::from_secs(seconds));
}

#[test]
fn an_outage_longer_than_a_lease_ends_no_trial_either() {
    let place = Place::new();
    outage(&place, &Hone::new(&place).with("HONE_LEASE_MS", 2_000), Duration::from_secs(5));
}

/// Ten steps; a checkpoint with each. Says where it began.
const STEPWISE: &str = r#"
done=$(cat "$HONE_CHECKPOINT/done" 2>/dev/null || echo 0)
echo "begin $HONE_ATTEMPT $done" >> "$1/witness"
step=$((done + 1))
while [ $step -le 10 ]; do
    hone report --step $step loss="$2" || exit 1
    echo $step > "$HONE_CHECKPOINT/new" && mv "$HONE_CHECKPOINT/new" "$HONE_CHECKPOINT/done"
    hone checkpoint --step $step
    echo "saved $step" >> "$1/witness"
    [ -e "$1/go" ] || [ $step -lt 4 ] || sleep 600
    step=$((step + 1))
done
"#;

#[test]
fn another_worker_continues_from_the_last_checkpoint_of_one_that_is_gone() {
    let place = Place::new();
    let hone = Hone::new(&place).with("HONE_LEASE_MS", 2_000);
    let _coordinator = hone.serve();
    let mut first = hone.worker("first", 1);
    let folder = Study::new("moved", 1, STEPWISE).write(&place);
    hone.run(&["study", "create", &folder.display().to_string()]).ok();
    until("the fourth checkpoint", LONG, || place.lines("witness").contains(&"saved 4".to_owned()).then_some(()));
    wait_for_checkpoint(&hone, 4);
    // Its folder is never seen again.
    first.kill_with_trials("first");
    place.write("go", "");
    let _second = hone.worker("second", 1);
    Client::new(&hone.socket()).wait_until_finished("moved", LONG);
    let begins: Vec<String> = place.lines("witness").into_iter().filter(|line| line.starts_with("begin")).collect();
    assert_eq!(begins, ["begin 1 0", "begin 2 4"]);
    let trial = hone.run(&["trial", "show", "moved/0", "--output", "json"]).json();
    let ends: BTreeMap<String, Value> = trial["attempts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|attempt| (attempt["worker_name"].to_string(), attempt["end"].clone()))
        .collect();
    assert_eq!(ends["\"first\""], "lost", "{trial}");
    assert_eq!(ends["\"second\""], "finished", "{trial}");
}

/// The trial has been told that its checkpoint is taken over; the store has it a moment later.
fn wait_for_checkpoint(hone: &Hone, step: u64) {
    until("the checkpoint is in the store", LONG, || {
        let events = hone.run(&["store", "export"]).ok();
        let checkpoints = events.lines().filter(|line| line.contains("heckpoint")).count() as u64;
        (checkpoints >= step).then_some(())
    });
}

#[test]
fn a_worker_that_sleeps_through_its_lease_cannot_overwrite_its_successor() {
    let place = Place::new();
    let hone = Hone::new(&place).with("HONE_LEASE_MS", 2_000);
    let _coordinator = hone.serve();
    let first = hone.worker("first", 1);
    // The first attempt would report another value than the second.
    let script =
        "echo \"start $HONE_ATTEMPT\" >> \"$1/witness\"; [ $HONE_ATTEMPT = 2 ] || sleep 3; hone report loss=$HONE_ATTEMPT";
    hone.run(&["study", "create", &Study::new("asleep", 1, script).write(&place).display().to_string()]).ok();
    until("the trial runs", LONG, || place.lines("witness").contains(&"start 1".to_owned()).then_some(()));
    first.signal(libc::SIGSTOP);
    let _second = hone.worker("second", 1);
    Client::new(&hone.socket()).wait_until_finished("asleep", LONG);
    first.signal(libc::SIGCONT);
    let connected = || hone.run(&["worker", "show", "first", "--output", "json"]).json()["state"] == "connected";
    until("the first worker is back", LONG, || connected().then_some(()));
    place.wait_for_no_trials();
    let trial = hone.run(&["trial", "show", "asleep/0", "--output", "json"]).json();
    assert_eq!((&trial["values"][0], &trial["state"]), (&2.0.into(), &"complete".into()), "{trial}");
    assert_eq!(place.lines("witness"), ["start 1", "start 2"], "{trial}");
    let study = hone.run(&["study", "show", "asleep", "--output", "json"]).json();
    assert_eq!(study["counts"]["counted"], 1, "{study}");
}

#[test]
fn a_trial_that_takes_its_workers_down_fails_after_its_crash_limit() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let script = "echo \"start $HONE_TRIAL\" >> \"$1/witness\"; [ $HONE_TRIAL = 0 ] && kill -9 $PPID; hone report loss=1";
    let folder = Study::new("poison", 2, script).trial("crash_limit = 3").write(&place);
    hone.run(&["study", "create", &folder.display().to_string()]).ok();
    for _ in 0..3 {
        let mut worker = hone.worker("worker", 1);
        assert_eq!(worker.wait(LONG).code, 128 + libc::SIGKILL);
    }
    let _worker = hone.worker("worker", 1);
    Client::new(&hone.socket()).wait_until_finished("poison", LONG);
    let trial = hone.run(&["trial", "show", "poison/0", "--output", "json"]).json();
    assert_eq!(trial["state"], "failed", "{trial}");
    assert!(trial["end"].as_str().is_some_and(|end| end.contains("crash_limit")), "{trial}");
    let starts = place.lines("witness").iter().filter(|line| *line == "start 0").count();
    assert_eq!(starts, 3, "{trial}");
}

#[test]
fn a_coordinator_told_to_terminate_closes_its_store_and_leaves() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let mut coordinator = hone.serve();
    let worker = hone.worker("worker", 1);
    hone.run(&["study", "create", &Study::new("closing", 2, "sleep 1; hone report loss=1").write(&place).display().to_string()])
        .ok();
    until("a trial runs", LONG, || (!crate::support::survivors::trials(place.root()).is_empty()).then_some(()));
    coordinator.signal(libc::SIGTERM);
    assert_eq!(coordinator.wait(LONG).code, 0);
    assert!(!hone.data().join("coordinator.json").exists() && !hone.socket().exists(), "it left its address behind");
    let _again = hone.serve();
    Client::new(&hone.socket()).wait_until_finished("closing", LONG);
    let trial = hone.run(&["trial", "show", "closing/0", "--output", "json"]).json();
    assert_eq!(trial["attempts"].as_array().map(Vec::len), Some(1), "{trial}");
    drop(worker);
}
