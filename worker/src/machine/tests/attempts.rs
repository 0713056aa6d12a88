//! The life of an attempt: (phase, input) → what follows.

use hone_proto::worker::{Failure, MetricsFiles, failure};

use super::*;

fn failed() -> Outcome {
    let kind = failure::Kind::ExitCode.into();
    Outcome::Failure(Failure { kind, code: 3, message: "exit code 3".to_owned() })
}

/// How the stop of a running attempt was asked for.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Nothing,
    Prune,
    Kill,
    Preempt,
    Pause,
    Timeout,
}

fn running_with(wish: Wish) -> Rig {
    let mut rig = Rig::running(Program { timeout_us: 60_000_000, ..program() });
    match wish {
        Wish::Nothing => {}
        Wish::Prune => drop(rig.directive(key(7, 1), directive::Kind::Prune)),
        Wish::Kill => drop(rig.directive(key(7, 1), directive::Kind::Kill)),
        Wish::Preempt => drop(rig.directive(key(7, 1), directive::Kind::Preempt)),
        Wish::Pause => drop(rig.directive(key(7, 1), directive::Kind::Pause)),
        Wish::Timeout => drop(rig.after(60_000_000)),
    }
    rig
}

fn name_of(cause: Option<Cause>) -> &'static str {
    match cause {
        None => "none",
        Some(Cause::Exited(_)) => "exited",
        Some(Cause::Failure(failure)) if failure.kind() == failure::Kind::TimedOut => "timed out",
        Some(Cause::Failure(_)) => "failed",
        Some(Cause::Preempted(_)) => "preempted",
        Some(Cause::Lost(_)) => "lost",
        Some(Cause::Killed(_)) => "killed",
    }
}

#[test]
fn the_end_says_who_wanted_it() {
    // wish, outcome of the process, a signal reached it, cause
    let table = [
        (Wish::Nothing, Outcome::Success, false, "exited"),
        (Wish::Nothing, failed(), false, "failed"),
        (Wish::Nothing, Outcome::Unstarted, false, "preempted"),
        (Wish::Prune, Outcome::Success, false, "exited"),
        (Wish::Prune, Outcome::Success, true, "exited"),
        (Wish::Prune, failed(), false, "killed"),
        (Wish::Prune, failed(), true, "killed"),
        (Wish::Kill, Outcome::Success, true, "killed"),
        (Wish::Kill, failed(), true, "killed"),
        (Wish::Kill, Outcome::Success, false, "exited"),
        (Wish::Kill, failed(), false, "failed"),
        (Wish::Kill, Outcome::Unstarted, true, "killed"),
        (Wish::Preempt, Outcome::Success, true, "preempted"),
        (Wish::Preempt, failed(), true, "preempted"),
        (Wish::Preempt, Outcome::Success, false, "exited"),
        (Wish::Preempt, Outcome::Unstarted, true, "preempted"),
        (Wish::Pause, Outcome::Success, true, "preempted"),
        (Wish::Pause, failed(), true, "preempted"),
        (Wish::Pause, Outcome::Success, false, "preempted"),
        (Wish::Pause, failed(), false, "preempted"),
        (Wish::Timeout, Outcome::Success, true, "timed out"),
        (Wish::Timeout, failed(), true, "timed out"),
        (Wish::Timeout, Outcome::Success, false, "exited"),
    ];
    for (wish, outcome, stopped, expected) in table {
        let mut rig = running_with(wish);
        rig.ended(key(7, 1), outcome.clone(), stopped);
        rig.uploaded(key(7, 1));
        assert_eq!(name_of(rig.cause()), expected, "{wish:?} {outcome:?} {stopped}");
    }
}

#[test]
fn a_stop_is_term_then_kill_after_the_grace_time() {
    let preempts = [directive::Kind::Preempt, directive::Kind::Pause].map(|kind| (kind, Signal::Preempt));
    for (kind, first) in [(directive::Kind::Kill, Signal::Term)].into_iter().chain(preempts) {
        let mut rig = Rig::running(program());
        assert_eq!(acts(rig.directive(key(7, 1), kind)), vec![signal(key(7, 1), first)]);
        assert_eq!(acts(rig.directive(key(7, 1), kind)), vec![]);
        assert_eq!(acts(rig.after(GRACE_US - 1)), vec![]);
        assert_eq!(acts(rig.after(1)), vec![signal(key(7, 1), Signal::Kill)]);
    }
}

#[test]
fn a_pruned_trial_that_goes_on_is_ended_after_the_grace_time() {
    let mut rig = Rig::running(program());
    assert_eq!(acts(rig.directive(key(7, 1), directive::Kind::Prune)), vec![]);
    assert_eq!(acts(rig.after(GRACE_US)), vec![signal(key(7, 1), Signal::Term)]);
    assert_eq!(acts(rig.after(GRACE_US)), vec![signal(key(7, 1), Signal::Kill)]);
}

#[test]
fn a_pruned_trial_whose_files_are_read_is_ended_at_once() {
    let mut rig = Rig::running(Program { metrics_files: vec![MetricsFiles::default()], ..program() });
    let pruned = acts(rig.directive(key(7, 1), directive::Kind::Prune));
    assert_eq!(pruned, vec![signal(key(7, 1), Signal::Term)]);
    assert_eq!(acts(rig.after(GRACE_US)), vec![signal(key(7, 1), Signal::Kill)]);
}

#[test]
fn what_a_pruned_trial_has_written_is_collected_however_it_ends() {
    for (kind, checkpoint) in [(directive::Kind::Prune, false), (directive::Kind::Pause, true)] {
        let mut rig = Rig::running(program());
        rig.directive(key(7, 1), kind);
        rig.after(2 * GRACE_US);
        let out = acts(rig.ended(key(7, 1), failed(), true));
        assert_eq!(out, vec![Output::Collect { key: key(7, 1), checkpoint, outputs: true, keeps: false }]);
    }
}

#[test]
fn a_kill_does_not_wait_for_the_grace_of_a_prune() {
    let mut rig = running_with(Wish::Prune);
    let out = acts(rig.directive(key(7, 1), directive::Kind::Kill));
    assert_eq!(out, vec![signal(key(7, 1), Signal::Term)]);
}

#[test]
fn a_trial_that_runs_too_long_is_ended() {
    let mut rig = Rig::running(Program { timeout_us: 5_000_000, ..program() });
    assert_eq!(acts(rig.after(4_999_999)), vec![]);
    assert_eq!(acts(rig.after(1)), vec![signal(key(7, 1), Signal::Term)]);
}

#[test]
fn an_attempt_that_is_over_is_killed_and_leaves_no_record() {
    let mut rig = Rig::running(program());
    rig.report(key(7, 1), 1, 11);
    let out = acts(rig.says(over(key(7, 1))));
    assert_eq!(out, vec![answer(11, true), signal(key(7, 1), Signal::Kill)]);
    assert_eq!(rig.machine.held(), vec![]);
    let out = acts(rig.ended(key(7, 1), failed(), true));
    assert_eq!(out, vec![Output::Discard { key: key(7, 1) }]);
    assert_eq!(rig.machine.unacknowledged().count(), 0);
}

#[test]
fn an_attempt_that_is_over_after_its_end_is_forgotten() {
    let mut rig = Rig::running(program());
    rig.ended(key(7, 1), Outcome::Success, false);
    assert_eq!(acts(rig.says(over(key(7, 1)))), vec![Output::Discard { key: key(7, 1) }]);
    assert_eq!(acts(rig.uploaded(key(7, 1))), vec![]);
    assert_eq!(rig.machine.unacknowledged().count(), 0);
}

#[test]
fn a_lease_that_is_sent_twice_starts_once() {
    let mut rig = Rig::ready();
    let first = acts(rig.assign(key(7, 1), program()));
    assert!(matches!(first[..], [Output::Start { .. }]), "{first:?}");
    assert_eq!(acts(rig.assign(key(7, 1), program())), vec![]);
}

#[test]
fn a_later_attempt_of_a_task_ends_the_earlier_one() {
    let mut rig = Rig::running(program());
    let out = acts(rig.assign(key(7, 2), program()));
    assert_eq!(out[0], signal(key(7, 1), Signal::Kill));
    assert!(matches!(out[1], Output::Start { .. }));
    assert_eq!(rig.machine.held(), vec![key(7, 2)]);
    assert_eq!(acts(rig.assign(key(7, 1), program())), vec![]);
}

#[test]
fn an_unknown_program_fails_the_attempt_in_words() {
    let mut rig = Rig::ready();
    let assignment = Assignment { task: 7, attempt: 1, program: 44, ..Assignment::default() };
    rig.says(to_worker::Kind::Assign(Assign { assignments: vec![assignment], programs: vec![] }));
    let Some(Cause::Failure(failure)) = rig.cause() else { panic!("no failure") };
    assert!(failure.message.contains("program 44"), "{}", failure.message);
}

#[test]
fn trials_run_through_an_outage_and_deliver_afterwards() {
    let mut rig = Rig::running(program());
    rig.cut();
    assert_eq!(acts(rig.report(key(7, 1), 1, 1)).len(), 2);
    rig.ended(key(7, 1), Outcome::Success, false);
    rig.uploaded(key(7, 1));
    rig.after(10_000_000);
    rig.welcome(Welcome::default());
    assert_eq!(rig.sequences_flushed(), vec![1, 2]);
}

#[test]
fn stops_of_attempts_that_are_not_here_do_nothing() {
    let mut rig = Rig::ready();
    for kind in [directive::Kind::Kill, directive::Kind::Prune, directive::Kind::Preempt] {
        assert_eq!(acts(rig.directive(key(1, 1), kind)), vec![]);
    }
    assert_eq!(acts(rig.uploaded(key(1, 1))), vec![]);
    assert_eq!(acts(rig.ended(key(1, 1), Outcome::Success, false)), vec![]);
}

#[test]
fn a_checkpoint_is_recorded_while_the_attempt_lives_and_not_after() {
    let mut rig = Rig::running(program());
    let checkpoint = || Input::CheckpointReady { key: key(7, 1), step: Some(4), files: vec![] };
    assert_eq!(acts(rig.send(checkpoint())).len(), 1);
    rig.ended(key(7, 1), Outcome::Success, false);
    assert_eq!(acts(rig.send(checkpoint())).len(), 1);
    rig.uploaded(key(7, 1));
    assert_eq!(acts(rig.send(checkpoint())), vec![]);
}
