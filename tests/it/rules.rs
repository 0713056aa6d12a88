//! What a study keeps to and when it stops by itself: `[[constraint]]` and `[stop]`.

use crate::support::{Hone, Place, Study};

#[test]
fn the_best_trial_keeps_to_the_constraint_and_the_others_are_told_apart() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let script = "hone report loss=$(awk -v x=\"$2\" 'BEGIN { print 1 - x }') size=\"$2\"";
    let study = Study::new("bounded", 12, script).search("[[constraint]]\nmetric = \"size\"\nmax = 0.5");
    hone.run(&["run", &study.write(&place).display().to_string()]).ok();
    let trials = hone.run(&["trial", "ls", "bounded", "--output", "json"]).json();
    let x = |trial: &serde_json::Value| trial["params"]["x"].as_f64().expect("a number");
    let trials = trials.as_array().expect("a list").clone();
    let kept = trials.iter().map(x).filter(|x| *x <= 0.5).fold(0.0, f64::max);
    assert!(kept > 0.0 && trials.iter().any(|trial| x(trial) > 0.5), "the seed shows both kinds");
    let best = hone.run(&["trial", "show", "bounded/best", "--output", "json"]).json();
    assert_eq!(x(&best), kept);
    let broken = trials.iter().find(|trial| x(trial) > 0.5).expect("there is one");
    let number = broken["number"].as_u64().expect("a number");
    let explained = hone.run(&["trial", "explain", &format!("bounded/{number}")]).ok();
    assert!(explained.contains("it breaks a constraint: size = ") && explained.contains("at most 0.5"), "{explained}");
    let listed = hone.run(&["trial", "ls", "bounded"]).ok();
    assert!(listed.contains("breaks constraints by"), "{listed}");
}

#[test]
fn a_study_that_gains_nothing_ends_before_its_budget_and_says_why() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let study = Study::new("idle", 500, "hone report loss=1").search("parallel = 1\n[stop]\nno_improvement = 3");
    hone.run(&["run", &study.write(&place).display().to_string()]).ok();
    let shown = hone.run(&["study", "show", "idle", "--output", "json"]).json();
    assert_eq!((&shown["state"], &shown["counts"]["complete"]), (&"finished".into(), &4.into()), "{shown}");
    assert!(shown["reason"].as_str().is_some_and(|reason| reason.contains("no improvement in the last 3 trials")), "{shown}");
}
