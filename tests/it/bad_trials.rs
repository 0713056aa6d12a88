//! Trials that misbehave: each ends with a reason that says what it did, and costs nothing else.

use serde_json::Value;

use crate::support::{
    Hone, Place, Running, Study, until,
    wait::{LONG, within},
};

/// Runs a study of one trial and returns how `hone run` ended and the trial.
fn run(place: &Place, study: &Study) -> (i32, Value) {
    let hone = Hone::new(place);
    let output = hone.run(&["run", &study.write(place).display().to_string()]);
    let trial = hone.run(&["trial", "show", &format!("{}/0", study.name), "--output", "json"]).json();
    place.wait_for_no_trials();
    (output.code, trial)
}

/// The trial failed, `hone run` says so with its exit code, and the reason holds these words.
#[track_caller]
fn fails_with(study: &Study, words: &[&str]) {
    let place = Place::new();
    let (code, trial) = run(&place, study);
    assert_eq!(code, 5, "{trial}");
    assert_eq!(trial["state"], "failed", "{trial}");
    let reason = format!("{} {}", trial["end"], trial["attempts"][0]["detail"]);
    for word in words {
        assert!(reason.contains(word), "`{word}` is not in {reason}");
    }
}

#[test]
fn a_command_that_does_not_exist_is_named() {
    let place = Place::new();
    let study = Study::new("bad", 1, "");
    study.write(&place);
    let text = study.text(&place).replace("[\"sh\", ", "[\"no-such-program\", ");
    place.write("studies/bad/study.toml", text);
    let hone = Hone::new(&place);
    let output = hone.run(&["run", "studies/bad"]);
    assert_eq!(output.code, 5, "{output:?}");
    let explained = hone.run(&["trial", "explain", "bad/0", "--output", "json"]).json().to_string();
    assert!(explained.contains("no-such-program"), "{explained}");
}

#[test]
fn an_exit_code_is_told() {
    fails_with(&Study::new("bad", 1, "hone report loss=1; exit 3"), &["3"]);
}

#[test]
fn a_signal_is_told() {
    fails_with(&Study::new("bad", 1, "hone report loss=1; kill -SEGV $$"), &["segmentation fault"]);
}

#[test]
fn a_result_that_is_not_a_number_is_a_failure() {
    fails_with(&Study::new("bad", 1, "hone report loss=nan"), &["loss", "NaN"]);
}

#[test]
fn an_infinite_result_is_a_failure() {
    fails_with(&Study::new("bad", 1, "echo 'step 1: loss=inf'"), &["loss", "inf"]);
}

#[test]
fn a_metric_that_never_comes_is_named() {
    fails_with(&Study::new("bad", 1, "hone report --step 1 los=1"), &["loss"]);
}

#[test]
fn a_trial_beyond_its_time_is_ended() {
    fails_with(&Study::new("bad", 1, "sleep 600").trial("timeout = \"1s\"\ngrace = \"1s\""), &["timed out", "1 s"]);
}

#[test]
fn a_trial_beyond_its_memory_is_ended() {
    let script = "python3 -c 'import time; held = bytearray(400 << 20); time.sleep(600)'";
    fails_with(&Study::new("bad", 1, script).trial("resources = { memory = \"100MB\" }"), &["memory"]);
}

#[test]
fn failures_use_up_retries_and_the_last_one_counts() {
    let place = Place::new();
    let study = Study::new("bad", 1, "[ $HONE_ATTEMPT = 3 ] && hone report loss=7").trial("retries = 2");
    let (code, trial) = run(&place, &study);
    assert_eq!((code, &trial["state"]), (0, &"complete".into()), "{trial}");
    assert_eq!(trial["attempts"].as_array().map(Vec::len), Some(3), "{trial}");
}

#[test]
fn a_hundred_megabytes_on_one_line_are_cut_and_hold_nothing_up() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let script = "head -c 100000000 /dev/zero | tr '\\0' x; echo; echo 'step 1: loss=4'";
    let folder = Study::new("long", 1, script).write(&place);
    let mut run = hone.start(&["run", &folder.display().to_string()]);
    let mut peak_kib = 0;
    until("the run has ended", LONG, || {
        peak_kib = peak_kib.max(peak_memory_kib(&run));
        (!run.is_running()).then_some(())
    });
    run.wait(LONG).ok();
    assert!(peak_kib < 400_000, "{peak_kib} KiB of memory for a log");
    let trial = hone.run(&["trial", "show", "long/0", "--output", "json"]).json();
    assert_eq!(trial["values"][0], 4.0, "the line after it was not found: {trial}");
    let log = hone.run(&["trial", "logs", "long/0"]).ok();
    assert!(log.len() < 20 << 20 && log.len() > 1 << 20, "{} bytes were kept", log.len());
    assert!(log.contains("step 1: loss=4"), "the end of the log was dropped");
}

/// The most memory that a process has had, as the kernel tells.
fn peak_memory_kib(process: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// 50,000 reports as fast as the socket takes them, a hundred under way at a time. Writes down how long they took.
const FLOOD: &str = r#"
exec python3 - "$1" <<'END'
import json, os, socket, sys, time
link = socket.socket(socket.AF_UNIX)
link.connect(os.environ["HONE_SOCKET"])
lines = link.makefile("rw")
began = time.monotonic()
for first in range(1, 50001, 100):
    for step in range(first, first + 100):
        lines.write(json.dumps({"op": "report", "step": step, "metrics": {"loss": 1 / step}}) + "\n")
    lines.flush()
    for step in range(100):
        assert json.loads(lines.readline())["ok"]
open(sys.argv[1] + "/seconds", "w").write(str(time.monotonic() - began))
END
"#;

#[test]
fn ten_thousand_reports_a_second_are_taken_and_thinned() {
    let place = Place::new();
    let (code, trial) = run(&place, &Study::new("flood", 1, FLOOD));
    assert_eq!((code, &trial["state"]), (0, &"complete".into()), "{trial}");
    assert_eq!(trial["values"][0], 1.0 / 50_000.0);
    assert_eq!(trial["last_step"], 50_000);
    let curve = trial["curve"].as_array().map_or(0, Vec::len);
    assert!((100..=1_001).contains(&curve), "{curve} points were kept");
    let seconds: f64 = place.read("seconds").parse().expect("a number");
    println!("{:.0} reports a second", 50_000.0 / seconds);
}

/// Ignores TERM, and leaves children in a session of their own that do so, too.
const STUBBORN: &str = r#"
trap '' TERM INT HUP
setsid sh -c 'trap "" TERM INT HUP; echo child >> "$1/witness"; while :; do sleep 600; done' child "$1" &
(setsid sh -c 'cd /; trap "" TERM INT HUP; echo child >> "$1/witness"; while :; do sleep 600; done' child "$1" &)
while :; do sleep 600; done
"#;

fn start_stubborn(place: &Place, hone: &Hone) -> (Running, Running) {
    let (coordinator, worker) = (hone.serve(), hone.worker("worker", 1));
    let folder = Study::new("stubborn", 1, STUBBORN).trial("grace = \"500ms\"").write(place);
    hone.run(&["study", "create", &folder.display().to_string()]).ok();
    until("the children run", LONG, || (place.lines("witness").len() == 2).then_some(()));
    (coordinator, worker)
}

/// Processes other than Hone's own below the place.
fn strangers(place: &Place) -> Vec<String> {
    let all = crate::support::survivors::of(place.root()).into_iter().map(|process| process.command);
    all.filter(|command| !command.contains("hone serve") && !command.contains("hone worker") && !command.contains("__guard"))
        .collect()
}

fn wait_for_no_strangers(place: &Place) {
    assert!(within(LONG, || strangers(place).is_empty()), "these are left: {:?}", strangers(place));
}

#[test]
fn a_trial_that_forks_and_ignores_term_is_ended_with_all_its_children() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let (_coordinator, _worker) = start_stubborn(&place, &hone);
    hone.run(&["study", "cancel", "stubborn"]).ok();
    wait_for_no_strangers(&place);
    let trial = hone.run(&["trial", "show", "stubborn/0", "--output", "json"]).json();
    assert_eq!(trial["state"], "cancelled", "{trial}");
}

#[test]
fn a_trial_that_forks_and_ignores_term_dies_with_its_worker() {
    let place = Place::new();
    let hone = Hone::new(&place);
    let (_coordinator, mut worker) = start_stubborn(&place, &hone);
    worker.kill();
    wait_for_no_strangers(&place);
}
