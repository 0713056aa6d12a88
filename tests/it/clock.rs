//! A worker whose clock is wrong: times are the coordinator's, and the difference is shown.

use std::process::Command;

use crate::support::{Hone, Place, Running, Study, client::Client, system::system, until, wait::LONG};

/// Shifts the wall clock of the program it is loaded into, and no other clock.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += atol(getenv("SHIFT_SECONDS"));
    return failed;
}
"#;

/// Starts a worker whose clock is ahead by this many seconds.
fn start_shifted(place: &Place, hone: &Hone, name: &str, seconds: i64) -> Running {
    let (source, library) = (place.write("shim.c", SHIM), place.path("shim.so"));
    system(&["cc", "-shared", "-fPIC", "-o", &library.to_string_lossy(), &source.to_string_lossy(), "-ldl"]);
    let mut command: Command = hone.command(&hone.worker_arguments(name, 1));
    command.env("LD_PRELOAD", library).env("SHIFT_SECONDS", seconds.to_string());
    Running::start(command, place.root())
}

fn check(seconds: i64) {
    let place = Place::new();
    let hone = Hone::new(&place).with("HONE_LEASE_MS", 1_500);
    let _coordinator = hone.serve();
    let _worker = start_shifted(&place, &hone, "shifted", seconds);
    let script = "sleep 0.4; echo \"step 1: loss=$2\"";
    hone.run(&["study", "create", &Study::new("clock", 8, script).write(&place).display().to_string()]).ok();
    let study = Client::new(&hone.socket()).wait_until_finished("clock", LONG);
    assert_eq!(study.counts.map(|counts| counts.complete), Some(8));
    let exported = hone.run(&["study", "export", "clock", "--output", "json"]).json();
    for trial in exported.as_array().into_iter().flatten() {
        assert_eq!(trial["attempts"].as_array().map(Vec::len), Some(1), "a clock ended a lease: {trial}");
        let seconds = trial["duration_seconds"].as_f64().expect("a duration");
        assert!((0.0..60.0).contains(&seconds), "{seconds} s");
    }
    let ahead = until("the worker's clock is known", LONG, || {
        let worker = hone.run(&["worker", "show", "shifted", "--output", "json"]).json();
        worker["clock_ahead_seconds"].as_f64()
    });
    assert!((ahead - seconds as f64).abs() < 5.0, "{ahead} s ahead instead of {seconds}");
}

#[test]
fn a_worker_whose_clock_is_a_day_ahead_works_like_any_other() {
    check(86_400);
}

#[test]
fn a_worker_whose_clock_is_an_hour_behind_works_like_any_other() {
    check(-3_600);
}
