//! How attempts end, and what is said about it.

use hone_proto::worker::{Failure, directive, ended::Cause, failure::Kind};
use hone_worker::Stop;

use crate::bench::{Bench, assignment, pid_in, program, script};

async fn failure_of(program: hone_proto::worker::Program) -> (Failure, hone_proto::worker::Ended, Bench) {
    let mut bench = Bench::start().await;
    let ended = bench.run(program).await;
    let Some(Cause::Failure(failure)) = ended.cause.clone() else { panic!("{ended:?}") };
    (failure, ended, bench)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exit_code_comes_with_the_last_lines_of_standard_error() {
    let (failure, ended, bench) = failure_of(script("echo out; echo boom >&2; exit 3")).await;
    assert_eq!((failure.kind(), failure.code), (Kind::ExitCode, 3));
    assert!(failure.message.ends_with("boom"), "{}", failure.message);
    let log = bench.log_text(&ended);
    assert!(log.contains("out\n") && log.contains("boom\n"), "{log}");
    assert!(ended.ended_us >= ended.started_us && ended.started_us > 0);
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_is_named() {
    let (failure, _, bench) = failure_of(script("kill -SEGV $$")).await;
    assert_eq!((failure.kind(), failure.code), (Kind::Signal, 11));
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_command_is_named_with_the_way_out() {
    let (failure, ended, bench) = failure_of(program(&["no-such-trainer", "--fast"])).await;
    assert_eq!(failure.kind(), Kind::Spawn);
    assert!(failure.message.contains("`no-such-trainer` was not found on this worker's PATH"), "{}", failure.message);
    assert_eq!(ended.started_us, 0);
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_over_its_memory_is_ended_and_says_so() {
    let mut bench = Bench::start().await;
    let lease = hone_proto::worker::Assignment { memory_bytes: 50 << 20, ..assignment(1) };
    // `tail` keeps what has no line end; the rest of the pipe waits for the end.
    bench.assign(lease, script("(head -c 150000000 /dev/zero; sleep 600) | tail -n 1")).await;
    let ended = bench.ended(1).await;
    let Some(Cause::Failure(failure)) = ended.cause else { panic!("{ended:?}") };
    assert_eq!(failure.kind(), Kind::OutOfMemory);
    assert!(failure.message.contains("50 MiB"), "{}", failure.message);
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_runs_too_long_is_ended() {
    let limited = hone_proto::worker::Program { timeout_us: 200_000, ..script("sleep 600") };
    let (failure, _, bench) = failure_of(limited).await;
    assert_eq!(failure.kind(), Kind::TimedOut);
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handed_back_trial_keeps_its_checkpoint() {
    let mut bench = Bench::start().await;
    let text = "trap 'echo late >$HONE_CHECKPOINT/state; exit 0' TERM; mkdir -p $HONE_CHECKPOINT; echo $$ >$HONE_OUTPUT/own
                while :; do sleep 0.05; done";
    bench.assign(assignment(1), script(text)).await;
    pid_in(&bench.work(1).join("output/own")).await;
    bench.direct(directive::Kind::Preempt).await;
    let ended = bench.ended(1).await;
    assert!(matches!(&ended.cause, Some(Cause::Preempted(preempted)) if preempted.reason == "asked to"), "{ended:?}");
    let files = bench
        .record(|kind| match kind {
            hone_proto::worker::record::Kind::Checkpoint(checkpoint) => Some(checkpoint.files.clone()),
            hone_proto::worker::record::Kind::Report(_) | hone_proto::worker::record::Kind::Ended(_) => None,
        })
        .await;
    assert_eq!(files[0].path, "state");
    assert_eq!(bench.blob(&files[0]), b"late\n");
    bench.finish(Stop::WhenDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_on_one_line_leave_a_bounded_log() {
    let mut bench = Bench::start().await;
    let text = "echo first; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last";
    let ended = bench.run(script(text)).await;
    assert!(matches!(ended.cause, Some(Cause::Exited(_))), "{ended:?}");
    let log = bench.log_text(&ended);
    assert!(log.len() < (1 << 20) + 100, "{} bytes", log.len());
    assert!(log.starts_with("first\n") && log.ends_with("last\n") && log.contains("bytes were left out here"));
    bench.finish(Stop::WhenDone).await;
}
