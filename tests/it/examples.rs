//! The ready-made studies, run as the README says: to the end, through Ctrl-C, and through `kill -9` of everything.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Hone, Place, Study, binary, client::Client, until, wait::LONG};

/// Long enough for the digits' trainer to be built on two busy cores.
const BUILD: Duration = Duration::from_secs(900);

fn example(name: &str) -> String {
    binary::repository().join("studies/examples").join(name).display().to_string()
}

/// Runs a study to its end and checks what is then shown.
fn run_to_the_end(hone: &Hone, arguments: &[&str], study: &str, trials: u64) -> Value {
    let output = hone.start(arguments).wait(BUILD);
    let shown = output.ok();
    assert!(shown.contains(study), "the result does not name the study: {shown}");
    let study = hone.run(&["study", "show", study, "--output", "json"]).json();
    assert_eq!(study["state"], "finished");
    assert_eq!(study["counts"]["counted"], trials);
    assert_eq!(study["counts"]["failed"], 0);
    assert!(study["best"]["values"][0].is_number(), "{study}");
    study
}

#[test]
fn the_shell_example_runs_to_its_end_and_says_so_again() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let example = example("shell");
    let study = run_to_the_end(&hone, &["run", &example], "valley-shell", 40);
    assert!(study["best"]["values"][0].as_f64() < Some(1.0), "{study}");
    // A finished study prints its result and exits 0.
    let again = hone.run(&["run", &example]).ok();
    assert!(again.contains("valley-shell"), "{again}");
    assert_eq!(hone.run(&["study", "show", "--output", "json"]).json()["counts"]["counted"], 40);
    place.wait_for_no_trials();
}

#[test]
fn the_python_example_runs_to_its_end() {
    let place = Place::new();
    let study = run_to_the_end(&Hone::new(&place), &["run", &example("python")], "wine-python", 40);
    assert!(study["counts"]["pruned"].as_u64() > Some(0), "the pruner ended nothing: {study}");
    place.wait_for_no_trials();
}

#[test]
fn the_digits_example_builds_its_trainer_and_runs() {
    let place = Place::new();
    // Cargo looks for its registry and toolchain below the home folder.
    let home = std::env::var("HOME").expect("a home folder");
    let hone = Hone::new(&place).with("HOME", home);
    let study = run_to_the_end(&hone, &["run", &example("digits"), "--max-trials", "6"], "digits-mlp", 6);
    assert!(study["best"]["values"][0].as_f64() > Some(0.8), "{study}");
    let best = hone.run(&["trial", "show", "digits-mlp/best", "--output", "json"]).json();
    let files: Vec<&str> = best["outputs"].as_array().into_iter().flatten().filter_map(|file| file["path"].as_str()).collect();
    assert_eq!(files, ["metrics.json", "model.safetensors", "predictions.csv"]);
    place.wait_for_no_trials();
}

#[test]
fn ctrl_c_stops_cleanly_and_the_same_command_goes_on() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let client = Client::new(&hone.socket());
    let example = example("shell");
    let mut before = 0;
    for wanted in [4, 12] {
        let mut run = hone.start(&["run", &example]);
        until("some trials have ended", LONG, || (client.counted("valley-shell") >= wanted).then_some(()));
        run.signal(libc::SIGINT);
        let output = run.wait(LONG);
        assert_eq!(output.code, 130, "{output:?}");
        place.wait_for_no_trials();
        let study = hone.run(&["study", "show", "valley-shell", "--output", "json"]).json();
        let counted = study["counts"]["counted"].as_u64().expect("a number");
        assert!(counted >= before.max(wanted) && counted < 40, "{counted} after {before}");
        assert_eq!(study["counts"]["running"], 0, "a trial was not handed back: {study}");
        before = counted;
    }
    run_to_the_end(&hone, &["run", &example], "valley-shell", 40);
    place.wait_for_no_trials();
}

#[test]
fn after_kill_9_of_everything_the_same_command_goes_on() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let client = Client::new(&hone.socket());
    let example = example("python");
    for wanted in [3, 9, 16] {
        let mut run = hone.start(&["run", &example]);
        until("some trials have ended", LONG, || (client.counted("wine-python") >= wanted).then_some(()));
        run.kill();
        place.wait_for_no_trials();
    }
    let study = run_to_the_end(&hone, &["run", &example], "wine-python", 40);
    assert_eq!(study["counts"]["cancelled"], 0);
    let verified = hone.run(&["store", "verify", "--deep"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn a_second_run_of_a_study_joins_the_first_one() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let client = Client::new(&hone.socket());
    let example = example("python");
    let mut first = hone.start(&["run", &example]);
    until("some trials have ended", LONG, || (client.counted("wine-python") >= 3).then_some(()));
    let mut second = hone.start(&["run", &example]);
    for run in [&mut second, &mut first] {
        let shown = run.wait(LONG * 2).ok();
        assert!(shown.contains("wine-python is finished"), "{shown}");
    }
    assert_eq!(hone.run(&["study", "show", "wine-python", "--output", "json"]).json()["counts"]["counted"], 40);
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_leaves_no_trial() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let script = "trap '' TERM INT; echo start >> \"$1/witness\"; while :; do sleep 600; done";
    let folder = Study::new("stubborn", 1, script).trial("grace = \"10m\"").write(&place);
    let mut run = hone.start(&["run", &folder.display().to_string()]);
    until("the trial runs", LONG, || (place.lines("witness").len() == 1).then_some(()));
    run.signal(libc::SIGINT);
    run.wait_for_line("handed back");
    assert!(run.is_running(), "it did not wait for the trial");
    run.signal(libc::SIGINT);
    assert_eq!(run.wait(LONG / 3).code, 130);
    place.wait_for_no_trials();
}
