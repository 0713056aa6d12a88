//! `promotion = "resume"`: trials wait with their checkpoints and go on later, and no epoch is trained twice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{Hone, Place, Study, client::Client, until, wait::LONG};

const TRIALS: u64 = 9;
const EPOCHS: u32 = 9;

/// Writes down where each attempt begins and every epoch that it has trained, which it saves before it reports it.
const SCRIPT: &str = r#"
epoch=$(cat "$HONE_CHECKPOINT/epoch" 2>/dev/null || echo 0)
echo "begin $HONE_TRIAL $epoch" >> "$1/witness"
while [ $epoch -lt 9 ]; do
    sleep 0.1
    epoch=$((epoch + 1))
    echo "trained $HONE_TRIAL $epoch" >> "$1/witness"
    echo $epoch > "$HONE_CHECKPOINT/new" && mv "$HONE_CHECKPOINT/new" "$HONE_CHECKPOINT/epoch"
    hone checkpoint --step $epoch || exit 1
    hone report --step $epoch loss="$(awk -v x="$2" -v n=$epoch 'BEGIN { print x + 1 / n }')" || exit 1
done
"#;

fn study(name: &str) -> Study {
    let pruner = "pruner = { kind = \"asha\", min_steps = 1, reduction = 3, max_steps = 9, promotion = \"resume\" }";
    Study::new(name, TRIALS, SCRIPT).search(pruner)
}

/// What the trials have written down.
#[derive(Debug, Default)]
struct Witness {
    /// How often each epoch of each trial was trained.
    trained: BTreeMap<(u64, u32), u32>,
    /// After which epochs the attempts of each trial began.
    begins: BTreeMap<u64, Vec<u32>>,
}

fn witness(place: &Place) -> Witness {
    let mut witness = Witness::default();
    for line in place.lines("witness") {
        let words: Vec<&str> = line.split(' ').collect();
        let (trial, epoch) = (words[1].parse().expect("a trial"), words[2].parse().expect("an epoch"));
        match words[0] {
            "begin" => witness.begins.entry(trial).or_default().push(epoch),
            _ => *witness.trained.entry((trial, epoch)).or_default() += 1,
        }
    }
    witness
}

fn trial(hone: &Hone, study: &str, number: u64) -> Value {
    hone.run(&["trial", "show", &format!("{study}/{number}"), "--output", "json"]).json()
}

/// The study has its budget, and its trials are complete where they have come to their end, and pruned elsewhere.
fn check_budget(hone: &Hone, study: &str, witness: &Witness) {
    let counts = hone.run(&["study", "show", study, "--output", "json"]).json()["counts"].clone();
    assert_eq!((&counts["counted"], &counts["paused"]), (&TRIALS.into(), &0.into()), "{counts}");
    for number in 0..TRIALS {
        let trial = trial(hone, study, number);
        let last = witness.trained.contains_key(&(number, EPOCHS));
        assert_eq!(trial["state"], if last { "complete" } else { "pruned" }, "{trial}");
        let steps: Vec<u64> =
            trial["curve"].as_array().into_iter().flatten().filter_map(|point| point["step"].as_u64()).collect();
        let trained = witness.trained.keys().filter(|(of, _)| *of == number).map(|(_, epoch)| u64::from(*epoch));
        assert!(trained.eq(steps), "{trial}");
    }
}

#[test]
fn trials_that_wait_go_on_later_and_no_epoch_is_trained_twice() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let _coordinator = hone.serve();
    let _worker = hone.worker("worker", 3);
    hone.run(&["study", "create", &study("waits").write(&place).display().to_string()]).ok();
    Client::new(&hone.socket()).wait_until_finished("waits", LONG * 2);
    let witness = witness(&place);
    assert!(witness.trained.values().all(|times| *times == 1), "{witness:?}");
    check_budget(&hone, "waits", &witness);
    let reached = |epoch: u32| (0..TRIALS).filter(|number| witness.trained.contains_key(&(*number, epoch))).count();
    let few = |epoch, least| (least..TRIALS as usize).contains(&reached(epoch));
    assert!(reached(1) == 9 && few(2, 3) && few(4, 1), "the best third of all goes on at each rung: {witness:?}");
    let went_on = witness.begins.values().filter(|begins| begins.len() > 1).count();
    assert!(went_on > 0, "no trial that waited went on: {witness:?}");
    let ends = |number: u64| trial(&hone, "waits", number)["end"].as_str().unwrap_or_default().to_owned();
    let pruned: Vec<String> = (0..TRIALS).map(ends).filter(|end| end.starts_with("pruned")).collect();
    assert!(pruned.iter().all(|end| end.contains("it never went on")), "{pruned:?}");
}

#[test]
fn a_worker_that_is_killed_costs_only_the_epochs_after_the_last_checkpoints() {
    let place = Place::new();
    let hone = Hone::new(&place).with("HONE_LEASE_MS", 2_000);
    let _coordinator = hone.serve();
    let mut first = hone.worker("first", 2);
    let _second = hone.worker("second", 2);
    hone.run(&["study", "create", &study("killed").write(&place).display().to_string()]).ok();
    until("a trial has gone on", LONG, || {
        let witness = witness(&place);
        let began_again = |begins: &Vec<u32>| begins.len() > 1;
        witness.begins.values().any(began_again).then_some(())
    });
    first.kill_with_trials("first");
    Client::new(&hone.socket()).wait_until_finished("killed", LONG * 2);
    let witness = witness(&place);
    check_budget(&hone, "killed", &witness);
    let lost: BTreeSet<u64> = (0..TRIALS).filter(|number| was_interrupted(&trial(&hone, "killed", *number))).collect();
    for ((number, epoch), times) in witness.trained.iter().filter(|(_, times)| **times > 1) {
        assert!(lost.contains(number), "trial {number} lost no attempt: {witness:?}");
        assert_eq!(*times, 2, "epoch {epoch} of trial {number}: {witness:?}");
        let begins = &witness.begins[number];
        assert!(begins.iter().skip(1).any(|begin| begin < epoch), "{witness:?}");
    }
    for number in (0..TRIALS).filter(|number| !lost.contains(number)) {
        let begins = witness.begins.get(&number).cloned().unwrap_or_default();
        assert!(begins.is_sorted() && begins.windows(2).all(|pair| pair[0] < pair[1]), "trial {number}: {witness:?}");
    }
}

/// An attempt of it ran on the worker that was killed, and did not come to its end there.
fn was_interrupted(trial: &Value) -> bool {
    let attempts = trial["attempts"].as_array().cloned().unwrap_or_default();
    attempts.iter().any(|attempt| attempt["worker_name"] == "first" && attempt["end"] != "finished")
}
