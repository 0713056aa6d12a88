//! What workers tell: duplicates, gaps, order, long curves.

use hone_search::{Promotion, PrunerConfig};
use hone_studies::{Cause, End, Event, Fact, Failure, MAX_POINTS, Reject, StateKind};

use super::support::{Bench, at, bytes, ended, last, leases, spec};

#[test]
fn a_repeated_record_changes_nothing() {
    let (mut bench, _, worker, lease) = Bench::with_lease(spec("twice"));
    bench.records(worker, &lease, 1, vec![at(1, 0.5), at(2, 0.4)]).expect("accepted");
    let before = bytes(&bench.core.state);
    let repeated = bench.records(worker, &lease, 1, vec![at(1, 9.0), at(2, 9.0)]).expect("acknowledged");
    assert_eq!(repeated.events, []);
    assert_eq!(bytes(&bench.core.state), before);
}

#[test]
fn a_batch_with_a_gap_is_refused_whole() {
    let (mut bench, _, worker, lease) = Bench::with_lease(spec("gap"));
    bench.records(worker, &lease, 1, vec![at(1, 0.5)]).expect("accepted");
    let before = bytes(&bench.core.state);
    let refused = bench.records(worker, &lease, 3, vec![at(3, 0.3)]).expect_err("the second is missing");
    let (task, attempt) = (lease.task, lease.attempt);
    assert_eq!(refused, Reject::OutOfOrder { task, attempt, in_attempt: 3, expected: 2 });
    let record = |in_attempt, fact| hone_studies::AttemptRecord { task, attempt, in_attempt, fact };
    let records = vec![record(2, at(2, 0.4)), record(4, at(4, 0.2))];
    bench.refused(hone_studies::Command::Records { worker, records });
    assert_eq!(bytes(&bench.core.state), before, "nothing of the batch is taken");
}

#[test]
fn reports_of_a_commit_are_one_event() {
    let (mut bench, _, worker, lease) = Bench::with_lease(spec("packed"));
    let outcome = bench.records(worker, &lease, 1, (1..=5).map(|step| at(step, 1.0)).collect()).expect("accepted");
    let [Event::TrialReported { through: 5, points, .. }] = &outcome.events[..] else { panic!("{:?}", outcome.events) };
    assert_eq!(points.len(), 5);
    bench.check_replay();
}

#[test]
fn an_end_is_news_while_its_attempt_runs_even_under_a_used_number() {
    let (mut bench, study, worker, lease) = Bench::with_lease(spec("torn"));
    bench.records(worker, &lease, 1, vec![at(1, 0.5), at(2, 0.4)]).expect("accepted");
    let lost = Cause::Lost { reason: "the worker's process died".to_owned() };
    let outcome = bench.records(worker, &lease, 2, vec![ended(lost)]).expect("accepted");
    assert!(matches!(outcome.events[0], Event::AttemptEnded { end: End::Lost { .. }, through: 2, .. }));
    assert_eq!(bench.core.state.study(study).map(|study| study.counts.running), Some(1), "it runs again");
}

#[test]
fn a_value_without_a_step_wins_over_the_last_step() {
    let (mut bench, study, worker, lease) = Bench::with_lease(spec("final"));
    bench.records(worker, &lease, 1, vec![last(0.9), at(1, 0.5), ended(Cause::Exited)]).expect("accepted");
    assert_eq!(bench.core.state.study(study).and_then(|study| study.best), Some((0.9, 0)));
}

#[test]
fn a_missing_metric_names_what_was_reported_instead() {
    let (mut bench, _, worker, lease) = Bench::with_lease(spec("other"));
    let points = vec![hone_studies::Point { step: None, metric: "accuracy".into(), value: 1.0 }];
    let outcome =
        bench.records(worker, &lease, 1, vec![hone_studies::Fact::Report { points }, ended(Cause::Exited)]).expect("accepted");
    let message = outcome.events.iter().find_map(|event| match event {
        Event::AttemptEnded { end: End::Failed(Failure::BadMetric { message }), .. } => Some(message.as_str()),
        _ => None,
    });
    assert_eq!(message, Some("metric `loss` was never reported; the trial reported accuracy"));
}

#[test]
fn a_long_curve_is_thinned_and_keeps_what_the_pruner_needs() {
    let mut study = spec("long");
    study.search.pruner = PrunerConfig::Asha {
        min_steps: Some(7),
        reduction: 7,
        max_steps: None,
        early_stopping_rate: 0,
        promotion: Promotion::Stop,
    };
    let (mut bench, _, worker, lease) = Bench::with_lease(study);
    // Every third step: no report is at a rung (7, 49, 343 …), the first one past it counts.
    let facts: Vec<_> = (0..10_000).map(|at_step| at(at_step * 3, f64::from(at_step as u32))).collect();
    bench.records(worker, &lease, 1, facts).expect("accepted");
    let steps = bench.trial(lease.task).curve.steps(0);
    assert!(steps.len() <= MAX_POINTS && steps.len() > MAX_POINTS / 4, "{}", steps.len());
    for rung in [9, 51, 345, 2403, 16_809] {
        assert!(steps.iter().any(|(step, _)| *step == rung), "step {rung} counts for a rung");
    }
    assert_eq!(bench.trial(lease.task).curve.last(0), Some((29_997, 9_999.0)));
    bench.check_replay();
}

#[test]
fn a_new_attempt_needs_final_values_of_its_own() {
    let (mut bench, _, worker, lease) = Bench::with_lease(spec("again"));
    bench.records(worker, &lease, 1, vec![last(0.5)]).expect("accepted");
    let (_, outcome) = bench.attach_with(super::support::profile("a", 1), "2", &[]);
    let again = super::support::leases(&outcome).remove(0);
    let ended = bench.records(worker, &again, 1, vec![ended(Cause::Exited)]).expect("accepted");
    assert!(matches!(ended.events[0], Event::AttemptEnded { end: End::Failed(Failure::BadMetric { .. }), .. }));
}

/// Preempted after its last step: the next attempt has nothing left to report, and its result is what it had shown.
#[test]
fn an_attempt_goes_on_from_what_its_checkpoint_holds() {
    let preempted = || Cause::Preempted { reason: "drained".to_owned() };
    for (saved, told, result) in [
        (Some(3), vec![], Some(0.3)),
        (Some(2), vec![], Some(0.2)),
        (None, vec![], Some(0.3)),
        (None, vec![at(2, 0.25)], Some(0.25)),
        (Some(2), vec![at(3, 0.35)], Some(0.35)),
    ] {
        let (mut bench, study, worker, lease) = Bench::with_lease(spec("resumed"));
        let saved = Fact::Checkpoint { files: Vec::new(), step: saved };
        let facts = vec![at(1, 0.1), at(2, 0.2), at(3, 0.3), saved, ended(preempted())];
        let outcome = bench.records(worker, &lease, 1, facts).expect("accepted");
        let again = leases(&outcome).remove(0);
        assert_eq!((again.task, again.attempt), (lease.task, 2));
        bench.records(worker, &again, 1, told.into_iter().chain([ended(Cause::Exited)]).collect()).expect("accepted");
        assert_eq!(bench.core.state.study(study).and_then(|study| study.best).map(|(best, _)| best), result);
        bench.check_replay();
    }
}

#[test]
fn an_attempt_without_a_checkpoint_starts_with_nothing() {
    let (mut bench, _, worker, lease) = Bench::with_lease(spec("afresh"));
    let preempted = Cause::Preempted { reason: "drained".to_owned() };
    let outcome = bench.records(worker, &lease, 1, vec![at(1, 0.1), ended(preempted)]).expect("accepted");
    let again = leases(&outcome).remove(0);
    bench.records(worker, &again, 1, vec![ended(Cause::Exited)]).expect("accepted");
    assert_eq!(bench.core.state.trial_state(lease.task), Some(StateKind::Failed));
}
