//! An interrupted study goes on as if it had not been: with one trial at a time, suggestions and verdicts are the same.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::time::Duration;

use crate::support::{
    Hone, Place, Running, Study,
    client::Client,
    until,
    wait::{self, LONG},
};

const TRIALS: u64 = 60;

/// Nine reports of a curve that depends on the parameters alone.
const SCRIPT: &str = r#"
echo "start $HONE_TRIAL $HONE_ATTEMPT" >> "$1/witness"
step=1
while [ $step -le 9 ]; do
    loss=$(awk -v kind="$2" -v x="$3" -v y="$4" -v n="$5" -v step=$step 'BEGIN {
        printf "%.17g", (x - 0.3) ^ 2 + (kind == "a" ? (y - 0.7) ^ 2 : 0.05 + 1 / n) + (1 + x) / step }')
    verdict=0
    hone report --step $step loss="$loss" >/dev/null || verdict=$?
    [ $verdict = 0 ] || break
    step=$((step + 1))
done
echo "end $HONE_TRIAL $HONE_ATTEMPT" >> "$1/witness"
[ $verdict = 0 ] || [ $verdict = 10 ]
"#;

fn study() -> Study {
    let mut study = Study::new("again", TRIALS, SCRIPT).trial("crash_limit = 100");
    study.search = format!(
        "sampler = \"tpe\"\nseed = 42\nmax_trials = {TRIALS}\nparallel = 1\npruner = {{ kind = \"asha\", min_steps = 1, reduction = 3 }}"
    );
    study.space = "kind = { choice = [\"a\", \"b\"] }\nx = { float = [0, 1] }\ny = { float = [0, 1], when = { kind = \"a\" } }\n\
                   n = { int = [1, 64], scale = \"log\", when = { kind = \"b\" } }"
        .to_owned();
    study.arguments = r#", "{params.kind}", "{params.x}", "{params.y:-0}", "{params.n:-1}""#.to_owned();
    study
}

/// What must be equal: everything but times, hosts and attempts.
fn record(hone: &Hone) -> Vec<Value> {
    let exported = hone.run(&["study", "export", "again", "--output", "json"]).json();
    let reduce = |trial: &Value| {
        json!({ "number": trial["number"], "params": trial["params"], "state": trial["state"], "values": trial["values"],
                "last_step": trial["last_step"], "curve": trial["curve"], "origin": trial["origin"], "why": trial["why"] })
    };
    exported.as_array().expect("a list of trials").iter().map(reduce).collect()
}

/// Trials whose start is written down and whose end is not.
fn is_in_mid_trial(place: &Place) -> bool {
    place.lines("witness").last().is_some_and(|line| line.starts_with("start"))
}

fn ended(place: &Place) -> usize {
    place.lines("witness").iter().filter(|line| line.starts_with("end")).count()
}

struct Fleet {
    coordinator: Running,
    worker: Running,
}

fn start(hone: &Hone, place: &Place) -> Fleet {
    let fleet = Fleet { coordinator: hone.serve(), worker: hone.worker("worker", 2) };
    hone.run(&["study", "create", &study().write(place).display().to_string()]).ok();
    fleet
}

/// Kills coordinator, worker or both, ten times, each in the middle of a trial.
fn interrupt(hone: &Hone, place: &Place, fleet: &mut Fleet, random: &mut ChaCha8Rng) {
    for kill in 0..10 {
        let wanted = 5 + kill * 5;
        until("a trial is under way", LONG * 2, || (ended(place) >= wanted && is_in_mid_trial(place)).then_some(()));
        wait::outage(Duration::from_millis(random.random_range(0..80)));
        if kill % 3 != 0 {
            fleet.worker.kill_with_trials("worker");
        }
        if kill % 3 != 1 {
            fleet.coordinator.kill();
            fleet.coordinator = hone.serve();
        }
        if kill % 3 != 0 {
            fleet.worker = hone.worker("worker", 2);
        }
    }
}

#[test]
fn ten_kills_change_neither_suggestions_nor_verdicts() {
    let (straight, broken) = (Place::new(), Place::new());
    let (once, again) = (Hone::new(&straight), Hone::new(&broken));
    let fleet = start(&once, &straight);
    Client::new(&once.socket()).wait_until_finished("again", LONG * 3);
    let expected = record(&once);
    drop(fleet);
    let mut fleet = start(&again, &broken);
    interrupt(&again, &broken, &mut fleet, &mut ChaCha8Rng::seed_from_u64(4));
    Client::new(&again.socket()).wait_until_finished("again", LONG * 3);
    let found = record(&again);
    assert_eq!(found.len() as u64, TRIALS);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    let count = |state: &str| expected.iter().filter(|trial| trial["state"] == state).count();
    assert!(count("pruned") > 5 && count("complete") > 5, "the study proves little: {} pruned", count("pruned"));
    let starts = broken.lines("witness").iter().filter(|line| line.starts_with("start")).count();
    assert!(starts as u64 > TRIALS, "no trial was interrupted");
}
