//! Records and verdicts: numbering, resending, acknowledging, thinning, answering.

use hone_proto::worker::{Report, record};

use super::*;

fn spooled(sequence: u64, key: AttemptKey, in_attempt: u64, kind: record::Kind) -> Record {
    Record { sequence, task: key.task, attempt: key.attempt, in_attempt, kind: Some(kind) }
}

fn report(step: i64) -> record::Kind {
    record::Kind::Report(Report { step: Some(step), metrics: vec![metric("loss", 0.5)] })
}

fn end(cause: Cause) -> record::Kind {
    record::Kind::Ended(hone_proto::worker::Ended { cause: Some(cause), ..Default::default() })
}

fn steps(records: &[Record]) -> Vec<Option<i64>> {
    let reports = records.iter().filter_map(|record| match &record.kind {
        Some(record::Kind::Report(report)) => Some(report.step),
        _ => None,
    });
    reports.collect()
}

#[test]
fn records_count_over_the_spool_and_within_their_attempt() {
    let mut rig = Rig::running(program());
    rig.assign(key(8, 1), program());
    rig.report(key(7, 1), 1, 1);
    rig.report(key(8, 1), 1, 2);
    rig.report(key(7, 1), 2, 3);
    let numbers: Vec<_> = rig.flushed().iter().map(|r| (r.sequence, r.task, r.in_attempt)).collect();
    assert_eq!(numbers, vec![(1, 7, 1), (2, 8, 1), (3, 7, 2)]);
    assert_eq!(rig.sequences_flushed(), Vec::<u64>::new());
}

#[test]
fn records_of_a_resumed_attempt_continue_its_numbers() {
    let mut rig = Rig::ready();
    let assignment = Assignment { task: 7, attempt: 1, records_durable: 4, ..Assignment::default() };
    let programs = vec![Program::default()];
    rig.says(to_worker::Kind::Assign(Assign { assignments: vec![assignment], programs }));
    rig.report(key(7, 1), 1, 1);
    assert_eq!(rig.flushed()[0].in_attempt, 5);
}

#[test]
fn what_is_not_acknowledged_is_sent_again_after_a_reconnect() {
    let mut rig = Rig::running(program());
    for step in 1..=4 {
        rig.report(key(7, 1), step, 0);
    }
    assert_eq!(rig.sequences_flushed(), vec![1, 2, 3, 4]);
    rig.cut();
    rig.report(key(7, 1), 5, 0);
    rig.after(10_000_000);
    assert_eq!(rig.sequences_flushed(), Vec::<u64>::new());
    rig.welcome(Welcome { acknowledged: 2, ..Welcome::default() });
    assert_eq!(rig.sequences_flushed(), vec![3, 4, 5]);
}

#[test]
fn an_acknowledgement_trims_the_spool_and_forgets_ended_attempts() {
    let mut rig = Rig::running(program());
    rig.report(key(7, 1), 1, 0);
    rig.ended(key(7, 1), Outcome::Success, false);
    rig.uploaded(key(7, 1));
    assert_eq!(acts(rig.ack(1)), vec![Output::TrimSpool { up_to: 1 }, answer(0, false)]);
    assert_eq!(rig.machine.held(), vec![key(7, 1)]);
    let out = acts(rig.ack(2));
    assert_eq!(out, vec![Output::TrimSpool { up_to: 2 }, Output::Discard { key: key(7, 1) }]);
    assert_eq!(rig.machine.held(), vec![]);
    assert_eq!(rig.ack(2), vec![]);
}

#[test]
fn a_report_waits_for_the_acknowledgement_that_covers_it() {
    let mut rig = Rig::running(program());
    assert_eq!(acts(rig.report(key(7, 1), 1, 11)).len(), 1);
    rig.report(key(7, 1), 2, 12);
    assert!(acts(rig.ack(1)).contains(&answer(11, false)));
    assert!(acts(rig.ack(2)).contains(&answer(12, false)));
}

#[test]
fn a_report_waits_five_seconds_at_most() {
    let mut rig = Rig::running(program());
    rig.report(key(7, 1), 1, 11);
    assert_eq!(acts(rig.after(4_999_999)), vec![]);
    assert_eq!(acts(rig.after(1)), vec![answer(11, false)]);
}

#[test]
fn a_report_does_not_wait_without_a_coordinator_or_a_pruner() {
    let mut away = Rig::running(program());
    away.report(key(7, 1), 1, 10);
    assert!(away.cut().contains(&answer(10, false)));
    assert!(away.report(key(7, 1), 2, 11).contains(&answer(11, false)));
    let mut unpruned = Rig::running(Program { prunes: false, ..program() });
    assert!(unpruned.report(key(7, 1), 1, 12).contains(&answer(12, false)));
}

#[test]
fn a_verdict_answers_the_waiting_report_and_discards_later_ones() {
    let mut rig = Rig::running(program());
    rig.report(key(7, 1), 1, 11);
    let out = acts(rig.directive(key(7, 1), directive::Kind::Prune));
    assert_eq!(out, vec![answer(11, true)]);
    assert_eq!(acts(rig.report(key(7, 1), 2, 12)), vec![answer(12, true)]);
    assert_eq!(steps(&rig.flushed()), vec![Some(1)]);
}

#[test]
fn an_end_in_the_spool_survives_a_restart() {
    let exited = end(Cause::Exited(Default::default()));
    let records = vec![spooled(5, key(7, 1), 1, report(1)), spooled(6, key(7, 1), 2, exited)];
    let mut rig = Rig::with_spool(|_| {}, records, 6);
    rig.welcome(Welcome { acknowledged: 4, ..Welcome::default() });
    assert_eq!(rig.sequences_flushed(), vec![5, 6]);
    assert!(rig.ack(6).contains(&Output::Discard { key: key(7, 1) }));
}

#[test]
fn an_attempt_without_an_end_in_the_spool_is_said_to_be_lost() {
    let mut rig = Rig::with_spool(|_| {}, vec![spooled(5, key(7, 1), 3, report(1))], 5);
    rig.welcome(Welcome { acknowledged: 4, ..Welcome::default() });
    let records = rig.flushed();
    assert_eq!((records[1].sequence, records[1].in_attempt), (6, 4));
    assert!(matches!(cause_of(&records[1]), Some(Cause::Lost(_))));
}

#[test]
fn numbers_that_the_coordinator_has_seen_are_never_used_again() {
    let mut rig = Rig::with_spool(|_| {}, vec![spooled(5, key(7, 1), 3, report(1))], 5);
    rig.welcome(Welcome { acknowledged: 9, ..Welcome::default() });
    rig.assign(key(8, 1), program());
    rig.report(key(8, 1), 1, 0);
    assert_eq!(rig.flushed().last().map(|record| record.sequence), Some(11));
    assert_eq!(rig.machine.held(), vec![key(7, 1), key(8, 1)]);
}

#[test]
fn a_full_spool_thins_reports_and_keeps_the_last_value_and_the_end() {
    let mut rig = Rig::new(|config| config.spool_limit_bytes = 200);
    rig.welcome(Welcome::default());
    rig.assign(key(7, 1), program());
    for step in 1..=1_000 {
        rig.report(key(7, 1), step, 0);
    }
    rig.ended(key(7, 1), Outcome::Success, false);
    rig.uploaded(key(7, 1));
    let records = rig.flushed();
    assert!(records.len() < 60, "{} records", records.len());
    assert_eq!(steps(&records).last(), Some(&Some(1_000)));
    assert!(cause_of(&records[records.len() - 1]).is_some());
}

#[test]
fn thinning_is_the_same_every_time() {
    let run = || {
        let mut rig = Rig::new(|config| config.spool_limit_bytes = 500);
        rig.welcome(Welcome::default());
        rig.assign(key(7, 1), program());
        for step in 1..=500 {
            rig.report(key(7, 1), step, 0);
        }
        steps(&rig.flushed())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_full_spool_lets_new_leases_wait_until_there_is_room() {
    let mut rig = Rig::new(|config| config.spool_limit_bytes = 100);
    rig.welcome(Welcome::default());
    rig.assign(key(7, 1), program());
    for step in 1..=20 {
        rig.report(key(7, 1), step, 0);
    }
    let starts = |out: &[Output]| out.iter().any(|output| matches!(output, Output::Start { .. }));
    assert!(!starts(&rig.assign(key(8, 1), program())));
    assert_eq!(rig.machine.held(), vec![key(7, 1), key(8, 1)]);
    assert!(starts(&rig.ack(20)));
}

#[test]
fn a_batch_is_bounded_and_nothing_is_left_out() {
    let mut rig = Rig::running(Program { prunes: false, ..program() });
    for step in 0..5_000 {
        rig.report(key(7, 1), step, 0);
    }
    let first = rig.machine.flush().map(|output| records_of(&output).len());
    assert_eq!(first, Some(2_048));
    assert!(rig.machine.has_unsent());
    assert_eq!(rig.flushed().len(), 5_000 - 2_048);
}

#[test]
fn a_trial_that_is_held_back_is_told_by_term_and_has_no_answer_before() {
    let mut rig = Rig::running(program());
    rig.report(key(7, 1), 1, 11);
    let told = acts(rig.directive(key(7, 1), directive::Kind::Pause));
    assert_eq!(told, [signal(key(7, 1), Signal::Preempt)]);
    assert!(!rig.ack(1).contains(&answer(11, false)), "it would begin what does not count");
    assert!(rig.after(5_000_000).contains(&answer(11, false)), "nobody waits for ever");
}

#[test]
fn what_a_held_back_trial_still_reports_is_passed_on_and_it_is_told_to_end() {
    let mut rig = Rig::running(program());
    rig.directive(key(7, 1), directive::Kind::Pause);
    let out = rig.report(key(7, 1), 2, 12);
    assert!(out.contains(&answer(12, true)), "{out:?}");
    assert!(out.iter().any(|output| matches!(output, Output::AppendSpool(_))), "the coordinator learns how far it went");
}
