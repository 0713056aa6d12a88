//! `warm_start`: a study that starts from what others have found.

use serde_json::Value;

use crate::support::{Hone, Place, Study, until, wait::LONG};

/// The loss is 1000 times the distance of `x` from 0.3.
const AWAY: &str = "hone report loss=\"$(awk -v x=\"$2\" 'BEGIN { d = x - 0.3; if (d < 0) d = -d; print 1000 * d }')\"";
/// Another scale.
const AWAY_MORE: &str = "hone report loss=\"$(awk -v x=\"$2\" 'BEGIN { d = x - 0.3; if (d < 0) d = -d; print 7 + d }')\"";

fn show(hone: &Hone, study: &str) -> Value {
    hone.run(&["study", "show", study, "--output", "json"]).json()
}

fn text(place: &Place, study: &Study) -> String {
    study.write(place).display().to_string()
}

fn warm(name: &str, trials: u64, from: &str) -> Study {
    let mut study = Study::new(name, trials, AWAY_MORE);
    study.search = format!("sampler = \"tpe\"\nseed = 5\nparallel = 1\nmax_trials = {trials}\nwarm_start = [{from}]");
    study
}

#[test]
fn a_study_starts_from_another_and_outlives_it() {
    let place = Place::new();
    let hone = Hone::new(&place);
    hone.run(&["run", &text(&place, &Study::new("first", 12, AWAY))]).ok();
    let folder = text(&place, &warm("second", 6, "\"first\""));
    let preview = hone.run(&["run", &folder, "--dry-run"]).ok();
    assert!(preview.contains("warm_start = [\"first\"]"), "{preview}");
    hone.run(&["study", "create", &folder]).ok();
    hone.run(&["study", "rm", "first"]).ok();
    hone.run(&["run", &folder]).ok();
    let study = show(&hone, "second");
    assert_eq!((&study["counts"]["counted"], &study["counts"]["complete"]), (&6.into(), &6.into()));
    assert_eq!(study["warm_start"], serde_json::json!([{ "id": 1, "name": "first", "taken": 12, "of": 12 }]));
    assert!(hone.run(&["study", "show", "second"]).ok().contains("warm start first (12 trials)"));
    let why = hone.run(&["trial", "explain", "second/0"]).ok();
    assert!(why.contains("warm start: as trial ") && why.contains("`first`"), "{why}");
    let best = study["best"]["values"][0].as_f64().expect("a value");
    assert!((7.0..7.2).contains(&best), "{best} is not near what the first study has found");
}

#[test]
fn the_same_trials_follow_after_a_restart() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let mut found = Vec::new();
    for name in ["whole", "cut"] {
        let hone = hone.with_data(name);
        hone.run(&["run", &text(&place, &Study::new("first", 8, AWAY))]).ok();
        let study = warm("second", 7, "\"first\"");
        if name == "cut" {
            let few = Study { search: study.search.replace("max_trials = 7", "max_trials = 3"), ..study.clone() };
            hone.run(&["run", &text(&place, &few)]).ok();
        }
        hone.run(&["run", &text(&place, &study)]).ok();
        let trials = hone.run(&["study", "export", "second", "--output", "json"]).json();
        let points: Vec<f64> =
            trials.as_array().into_iter().flatten().filter_map(|trial| trial["params"]["x"].as_f64()).collect();
        assert_eq!(points.len(), 7, "{trials}");
        found.push(points);
    }
    assert_eq!(found[0], found[1]);
}

#[test]
fn what_cannot_be_started_from_is_told_by_line_and_nothing_is_made() {
    let place = Place::new();
    let hone = Hone::new(&place);
    hone.run(&["run", &text(&place, &Study::new("first", 2, AWAY))]).ok();
    let said = hone.run(&["study", "create", &text(&place, &warm("second", 4, "\"frist\", \"second\""))]).fails(2);
    assert!(said.contains("study.toml:10:15: search.warm_start[0]: there is no study `frist`"), "{said}");
    assert!(
        said.contains("did you mean `first`?") && said.contains("search.warm_start[1]: a study cannot start from itself"),
        "{said}"
    );
    assert_eq!(hone.run(&["study", "show", "second"]).code, 3);
    hone.run(&["study", "create", &text(&place, &warm("second", 4, "\"first\""))]).ok();
    let said = hone.run(&["run", &text(&place, &warm("second", 4, ""))]);
    assert!(said.code != 0 && said.stderr.contains("search.warm_start") && said.stderr.contains("--fork"), "{said:?}");
    let fork = text(&place, &warm("second", 4, "\"first\", \"second\""));
    hone.run(&["run", &text(&place, &warm("second", 4, "\"first\""))]).ok();
    hone.run(&["run", &fork, "--fork", "third"]).ok();
    until("it is over", LONG, || (show(&hone, "third")["state"] == "finished").then_some(()));
    assert_eq!(show(&hone, "third")["warm_start"].as_array().map(Vec::len), Some(2));
}
