//! Nothing of a trial survives its end, or its worker's.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use hone_proto::worker::{directive, ended::Cause};

use crate::{
    bench::{Bench, eventually, is_alive, pid_in, script},
    helpers,
};
use hone_worker::Stop;

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_ignores_term_is_gone_after_the_grace_time_with_everything_it_started() {
    let mut bench = Bench::start().await;
    let text = "trap '' TERM; sh -c 'trap \"\" TERM; sleep 600 & echo $! >$HONE_OUTPUT/inner; wait' & \
                setsid sleep 600 & echo $! >$HONE_OUTPUT/stray; echo $$ >$HONE_OUTPUT/own; wait; wait";
    bench.assign(crate::bench::assignment(1), script(text)).await;
    let output = bench.work(1).join("output");
    let mut pids = Vec::new();
    for name in ["inner", "stray", "own"] {
        pids.push(pid_in(&output.join(name)).await);
    }
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    bench.direct(directive::Kind::Kill).await;
    let ended = bench.ended(1).await;
    assert!(matches!(ended.cause, Some(Cause::Killed(_))), "{ended:?}");
    assert!(!pids.iter().any(|pid| is_alive(*pid)), "{pids:?}");
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_finished_trial_left_behind_is_ended() {
    let mut bench = Bench::start().await;
    let text = "setsid sh -c 'setsid sleep 600 & echo $! >$HONE_OUTPUT/deep; wait' & sleep 600 & echo $! >$HONE_OUTPUT/near
                while [ ! -s $HONE_OUTPUT/deep ]; do sleep 0.01; done
                cp $HONE_OUTPUT/deep $HONE_OUTPUT/near ../../..";
    let ended = bench.run(script(text)).await;
    assert!(matches!(ended.cause, Some(Cause::Exited(_))), "{ended:?}");
    for name in ["deep", "near"] {
        let pid = pid_in(&bench.folder.path().join("worker").join(name)).await;
        assert!(!is_alive(pid), "{name}");
    }
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_at_once_takes_its_trials_with_it() {
    let bench = Bench::start().await;
    let text = "trap '' TERM; echo $$ >$HONE_OUTPUT/own; cp $HONE_OUTPUT/own ../../..; sleep 600";
    bench.assign(crate::bench::assignment(1), script(text)).await;
    let pid = pid_in(&bench.folder.path().join("worker/own")).await;
    bench.finish(Stop::Now).await;
    assert!(!is_alive(pid));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_ends_the_trials_of_a_killed_worker() {
    die_with_their_worker("doomed_worker", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_guard_a_trial_still_dies_with_its_killed_worker() {
    die_with_their_worker("unguarded_worker", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_a_nameless_survivor_may_use_is_not_given_to_another_attempt() {
    let mut bench = Bench::start().await;
    let text = "setsid env -i sh -c 'echo $$ >../../../survivor; exec sleep 600' </dev/null >/dev/null 2>&1 &
                while [ ! -s ../../../survivor ]; do sleep 0.01; done";
    let ended = bench.run(script(text)).await;
    assert!(matches!(ended.cause, Some(Cause::Exited(_))), "{ended:?}");
    let pid = pid_in(&bench.folder.path().join("worker/survivor")).await;
    assert!(is_alive(pid));
    eventually("the folder removed", || !bench.work(1).exists()).await;
    let survivor = rustix::process::Pid::from_raw(pid).expect("a number");
    rustix::process::kill_process(survivor, rustix::process::Signal::KILL).expect("killed");
    bench.finish(Stop::WhenDone).await;
}

/// Runs a stand-in for a worker until it has named `count` processes, and kills it alone.
async fn die_with_their_worker(helper: &str, count: usize) {
    let command = helpers::command(helper);
    let mut worker = Command::new(&command[0]).args(&command[1..]).stdout(Stdio::piped()).spawn().expect("a worker");
    let output = BufReader::new(worker.stdout.take().expect("a pipe"));
    let lines = output.lines().map(|line| line.expect("a line"));
    // The harness writes its own lines before, and without an end of the line.
    let pids = lines.filter_map(|line| line.rsplit_once("pid ")?.1.parse::<i32>().ok());
    let pids: Vec<i32> = pids.take(count).collect();
    assert!(pids.len() == count && pids.iter().all(|pid| is_alive(*pid)), "{pids:?}");
    worker.kill().expect("killed");
    worker.wait().expect("its end");
    eventually("all of them gone", || !pids.iter().any(|pid| is_alive(*pid))).await;
}
