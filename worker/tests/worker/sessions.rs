//! Outages, logs that are read while they are written, and leaving.

use hone_proto::worker::{LogRequest, ended::Cause, from_worker, record, to_worker};
use hone_worker::{ExitReason, Stop};

use crate::bench::{Bench, assignment, pid_in, script};

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_runs_through_an_outage_and_its_end_arrives_afterwards() {
    let mut bench = Bench::start().await;
    let text = "echo $$ >$HONE_OUTPUT/own; while [ ! -e ../../../go ]; do sleep 0.01; done";
    bench.assign(assignment(1), script(text)).await;
    pid_in(&bench.work(1).join("output/own")).await;
    bench.reconnect().await;
    let held: Vec<(u64, bool)> = bench.session.hello.held.iter().map(|held| (held.task, held.ended)).collect();
    assert_eq!(held, vec![(7, false)]);
    std::fs::write(bench.folder.path().join("worker/go"), b"").expect("a file");
    bench.reconnect().await;
    bench.welcome(0).await;
    let ended = bench.ended(1).await;
    assert!(matches!(ended.cause, Some(Cause::Exited(_))), "{ended:?}");
    let own = bench.work(1);
    bench.finish(Stop::WhenDone).await;
    assert!(!own.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_read_while_it_is_written() {
    let mut bench = Bench::start().await;
    let text = "echo one; while [ ! -e ../../../go ]; do sleep 0.01; done; echo two";
    bench.assign(assignment(1), script(text)).await;
    pid_of_log(&mut bench).await;
    let mut read = Vec::new();
    loop {
        let from_worker::Kind::Log(chunk) = bench.next().await else { continue };
        read.extend_from_slice(&chunk.data);
        if read == b"one\n" {
            std::fs::write(bench.folder.path().join("worker/go"), b"").expect("a file");
        }
        if chunk.last {
            break;
        }
    }
    assert_eq!(read, b"one\ntwo\n");
    bench.ended(1).await;
    bench.finish(Stop::WhenDone).await;
}

async fn pid_of_log(bench: &mut Bench) {
    let request = LogRequest { request: 1, task: 7, attempt: 1, follow: true, ..LogRequest::default() };
    bench.say(to_worker::Kind::Log(request)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hands_back_leaves_nothing_unsaid() {
    let mut bench = Bench::start().await;
    bench.assign(assignment(1), script("echo $$ >$HONE_OUTPUT/own; sleep 600")).await;
    pid_in(&bench.work(1).join("output/own")).await;
    bench.stop.stop(Stop::HandBack);
    // It says so in a new greeting.
    loop {
        bench.reconnect().await;
        if bench.session.hello.draining {
            break;
        }
    }
    bench.welcome(0).await;
    let ended = bench.ended(1).await;
    assert!(matches!(ended.cause, Some(Cause::Preempted(_))), "{ended:?}");
    let reason = bench.finish(Stop::HandBack).await;
    assert!(matches!(reason, ExitReason::Drained { .. }), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unacknowledged_end_arrives_in_the_next_life() {
    let mut bench = Bench::start().await;
    bench.acknowledges = false;
    let first = bench.run(script("exit 0")).await;
    bench.records.clear();
    bench.restart().await;
    let held: Vec<(u64, bool)> = bench.session.hello.held.iter().map(|held| (held.task, held.ended)).collect();
    assert_eq!(held, vec![(7, true)]);
    bench.acknowledges = true;
    bench.welcome(0).await;
    assert_eq!(bench.ended(1).await, first);
    let reason = bench.finish(Stop::WhenDone).await;
    assert!(matches!(reason, ExitReason::Drained { .. }), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_short_trials_all_end_once() {
    let mut bench = Bench::start().await;
    for attempt in 1..=300 {
        let assignment = hone_proto::worker::Assignment { task: 100 + u64::from(attempt), ..assignment(attempt) };
        bench.assign(assignment, script("exit 0")).await;
    }
    while bench.records.len() < 300 {
        bench.next().await;
    }
    for record in &bench.records {
        let Some(record::Kind::Ended(ended)) = &record.kind else { panic!("{record:?}") };
        assert!(matches!(ended.cause, Some(Cause::Exited(_))), "{ended:?}");
    }
    assert_eq!(bench.records.len(), 300);
    bench.finish(Stop::WhenDone).await;
}
