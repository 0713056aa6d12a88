//! What may change in a study that exists.

use super::*;
use crate::file::{apply_settings, merge_change, spec_to_toml};

const WAY_OUT: &str = "start another study with `--fork NAME`";

fn merged(new: &str) -> Result<Vec<String>, Vec<String>> {
    merge_change(&spec(STUDY), &spec(new)).map(|(_, changes)| changes)
}

fn set(setting: &str) -> Result<StudySpec, String> {
    apply_settings(&spec(STUDY), &[setting.to_owned()]).map_err(|refusals| refusals.join("\n"))
}

#[test]
fn the_same_file_changes_nothing() {
    let (study, changes) = merge_change(&spec(STUDY), &spec(STUDY)).unwrap();
    assert_eq!((study, changes), (spec(STUDY), Vec::new()));
}

#[test]
fn budgets_and_limits_change_and_are_named() {
    for (from, to, change) in [
        ("max_trials = 60", "max_trials = 100", "search.max_trials: 60 becomes 100"),
        ("max_trials = 60\n", "", "search.max_trials: 60 becomes unset"),
        ("parallel = 2", "parallel = 4", "search.parallel: 2 becomes 4"),
        ("timeout = \"5m\"", "timeout = \"1h\"", "trial.timeout: \"5m\" becomes \"1h\""),
        ("retries = 2", "retries = 5", "trial.retries: 2 becomes 5"),
        ("retries = 2", "retries = 2\ncrash_limit = 9", "trial.crash_limit: 5 becomes 9"),
        ("retries = 2", "retries = 2\nkeep = { outputs = \"best:3\" }", "trial.keep.outputs: \"all\" becomes \"best:3\""),
        ("name = \"digits-mlp\"", "name = \"digits-mlp\"\npriority = 4", "priority: 0 becomes 4"),
        ("name = \"digits-mlp\"", "name = \"digits-mlp\"\ndescription = \"x\"", "description: unset becomes \"x\""),
        ("metric = \"val_accuracy\"", "metric = \"val_accuracy\"\ntarget = 0.99", "objective.target: unset becomes 0.99"),
        (
            "[1e-4, 1e-1]",
            "[1e-5, 1]",
            "space.learning_rate: { float = [0.0001, 0.1], scale = \"log\" } becomes { float = [1e-5, 1.0], scale = \"log\" }",
        ),
    ] {
        assert_eq!(merged(&edited(from, to)), Ok(vec![change.to_owned()]));
    }
}

#[test]
fn everything_else_is_refused_by_key_with_the_way_out() {
    for (from, to, refusal) in [
        ("seed = 7", "seed = 8", "search.seed: 7 cannot become 8 in a study that exists"),
        ("\"maximize\"", "\"minimize\"", "objective.direction: \"maximize\" cannot become \"minimize\" in a study that exists"),
        (
            "[16, 256]",
            "[32, 256]",
            "space.hidden: { int = [16, 256], scale = \"log\" } cannot become { int = [32, 256], scale = \"log\" } in a study that exists: bounds only widen",
        ),
        (
            "[\"sgd\", \"adam\"]",
            "[\"sgd\", \"adam\", \"rms\"]",
            "space.optimizer: { choice = [\"sgd\", \"adam\"] } cannot become { choice = [\"sgd\", \"adam\", \"rms\"] } in a study that exists: bounds only widen",
        ),
        (
            "hidden = { int = [16, 256], scale = \"log\" }\n",
            "",
            "space.hidden: a parameter cannot be removed from a study that exists",
        ),
        ("hidden = ", "extra = { bool = true }\nhidden = ", "space.extra: a parameter cannot be added to a study that exists"),
        (
            "\"20\"",
            "\"30\"",
            "trial.command: [\"digits-trainer\", \"--epochs\", \"20\"] cannot become [\"digits-trainer\", \"--epochs\", \"30\"] in a study that exists",
        ),
        (
            "[objective]",
            "[[objective]]\nmetric = \"b\"\ndirection = \"minimize\"\n[[objective]]",
            "objective: 1 objectives cannot become 2",
        ),
    ] {
        let new = edited(from, to).replace("pruner = {", "#");
        let old = spec(&STUDY.replace("pruner = {", "#"));
        let refused = merge_change(&old, &spec(&new)).unwrap_err();
        assert_eq!(refused, [format!("{refusal}; {WAY_OUT}")]);
    }
    let enqueued = merged(&edited("retries = 2", "retries = 2\n[[enqueue]]\nhidden = 20")).unwrap_err();
    let message = "enqueue: what is tried first cannot change in a study that exists; add trials with `hone trial enqueue`";
    assert_eq!(enqueued, [message]);
}

#[test]
fn all_refusals_come_at_once() {
    let new = edited("seed = 7", "seed = 8").replace("[16, 256]", "[32, 256]").replace("max_trials = 60", "max_trials = 1");
    assert_eq!(merged(&new).unwrap_err().len(), 2);
}

#[test]
fn parameters_keep_their_old_order() {
    let lines =
        ["learning_rate = { float = [1e-4, 1e-1], scale = \"log\" }\n", "hidden = { int = [16, 256], scale = \"log\" }\n"];
    let new = STUDY.replace(&lines.concat(), &format!("{}{}", lines[1].replace("256", "512"), lines[0]));
    let (study, changes) = merge_change(&spec(STUDY), &spec(&new)).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(study, spec(&edited("[16, 256]", "[16, 512]")));
}

#[test]
fn stepped_bounds_move_by_whole_steps_and_grids_not_at_all() {
    let old = edited("[16, 256], scale = \"log\"", "[10, 30], step = 5");
    let widened = |bounds: &str| merge_change(&spec(&old), &spec(&old.replace("[10, 30]", bounds))).is_ok();
    assert_eq!((widened("[5, 30]"), widened("[7, 30]"), widened("[10, 33]")), (true, false, true));
    let grid = |bounds: &str| {
        format!(
            "[objective]\nmetric = \"m\"\ndirection = \"minimize\"\n[search]\nsampler = \"grid\"\n[space]\n\
             x = {{ int = {bounds} }}\n[trial]\ncommand = [\"t\"]\n"
        )
    };
    let refused = merge_change(&spec(&grid("[0, 3]")), &spec(&grid("[0, 9]"))).unwrap_err();
    assert_eq!(refused, [format!("space.x: the bounds of a grid are fixed, because they give each trial its point; {WAY_OUT}")]);
}

#[test]
fn settings_change_the_same_keys() {
    for (setting, from, to) in [
        ("max_trials=200", "max_trials = 60", "max_trials = 200"),
        ("search.max_trials = 200", "max_trials = 60", "max_trials = 200"),
        ("max_trials=none", "max_trials = 60\n", ""),
        ("timeout=10m", "timeout = \"5m\"", "timeout = \"10m\""),
        ("timeout=none", "timeout = \"5m\"\n", ""),
        ("retries=0", "retries = 2", "retries = 0"),
        ("space.learning_rate.high=1.0", "[1e-4, 1e-1]", "[1e-4, 1.0]"),
        ("space.hidden.low=8", "[16, 256]", "[8, 256]"),
        ("keep.outputs=best:3", "retries = 2", "retries = 2\nkeep = { outputs = \"best:3\" }"),
        ("keep.max=2GiB", "retries = 2", "retries = 2\nkeep = { max = \"2GiB\" }"),
        ("target=1", "direction = \"maximize\"", "direction = \"maximize\"\ntarget = 1"),
        ("objective.val_accuracy.target=0.9", "direction = \"maximize\"", "direction = \"maximize\"\ntarget = 0.9"),
        ("weight=2", "name = \"digits-mlp\"", "name = \"digits-mlp\"\nweight = 2"),
        ("description=a = b", "name = \"digits-mlp\"", "name = \"digits-mlp\"\ndescription = \"a = b\""),
    ] {
        assert_eq!(set(setting), Ok(spec(&edited(from, to))), "{setting}");
    }
}

#[test]
fn wrong_settings_are_answered_with_a_way_out() {
    for (setting, message) in [
        ("max_trials", "`max_trials` is no setting; write for example `max_trials=200`"),
        (
            "max_trials=0",
            "max_trials: `0` is not within 1 and 4000000000; leave the key out for a study that runs until it is stopped",
        ),
        ("max_trials=many", "max_trials: expected a whole number, found the text `many`"),
        ("timeout=10", "timeout: `10` has no unit; write for example `90s`, `5m` or `1h30m`"),
        ("seed=3", "seed: cannot change in a study that exists; start another study with `--fork NAME`"),
        ("trial.command=x", "trial.command: cannot change in a study that exists; start another study with `--fork NAME`"),
        (
            "max_trails=3",
            "`max_trails` is no setting; did you mean `max_trials`? there are `description`, `priority`, `weight`, \
             `search.max_trials`, `search.parallel`, `stop.no_improvement`, `stop.min_delta`, `stop.regret_bound`, `stop.confidence`, `stop.time`, `stop.cost`, `trial.timeout`, `trial.retries`, `trial.crash_limit`, \
             `trial.keep.outputs`, `trial.keep.max`, `objective.target`, `space.NAME.low` and `space.NAME.high`",
        ),
        ("space.lerning_rate.low=1", "space.lerning_rate.low: `lerning_rate` is no parameter; did you mean `learning_rate`?"),
        ("space.optimizer.low=1", "space.optimizer.low: `optimizer` has options, not bounds; options cannot change"),
        (
            "space.learning_rate.low=0",
            "space.learning_rate: lower bound 0.0 has no place on a logarithmic scale; raise it above 0, or write `scale = \"linear\"`",
        ),
        ("objective.loss.target=1", "objective.loss.target: `loss` is no objective"),
    ] {
        assert_eq!(set(setting).unwrap_err(), message);
    }
    let narrower = set("space.hidden.high=100").unwrap_err();
    assert!(narrower.ends_with(&format!("bounds only widen; {WAY_OUT}")), "{narrower}");
}

#[test]
fn settings_are_applied_together_or_not_at_all() {
    let settings = ["max_trials=9".to_owned(), "retries=x".to_owned(), "nonsense".to_owned()];
    assert_eq!(apply_settings(&spec(STUDY), &settings).unwrap_err().len(), 2);
    let both = apply_settings(&spec(STUDY), &["max_trials=9".to_owned(), "retries=0".to_owned()]).unwrap();
    assert!(spec_to_toml(&both).contains("max_trials = 9\n"));
}

#[test]
fn what_a_study_starts_from_is_fixed() {
    let with = |names: &str| edited("seed = 7", &format!("seed = 7\nwarm_start = {names}"));
    let refusal =
        |from: &str, to: &str| format!("search.warm_start: {from} cannot become {to} in a study that exists; {WAY_OUT}");
    assert_eq!(merged(&with("[\"a\"]")), Err(vec![refusal("unset", "[\"a\"]")]));
    let changed = merge_change(&spec(&with("[\"a\"]")), &spec(&with("[\"a\", \"b\"]")));
    assert_eq!(changed, Err(vec![refusal("[\"a\"]", "[\"a\", \"b\"]")]));
    assert_eq!(merge_change(&spec(&with("[\"a\"]")), &spec(&with("[\"a\"]"))).map(|(_, changes)| changes), Ok(vec![]));
    assert!(set("warm_start=none").is_err_and(|refusal| refusal.contains("warm_start")));
    assert_eq!(spec(&spec_to_toml(&spec(&with("[\"a\", \"b c\"]")))), spec(&with("[\"a\", \"b c\"]")));
}
