//! Constraints, and pruning with several objectives.

use hone_search::{Direction, Promotion, PrunerConfig};
use hone_studies::{Assignment, Constraint, Fact, Point, StudyId, StudySpec, TrialState, WorkerId, best_trials};

use super::support::{Bench, ended, exit_code, objective, profile, spec};
use hone_studies::Cause;

fn point(step: Option<i64>, metric: &str, value: f64) -> Point {
    Point { step, metric: metric.into(), value }
}

fn limited(max: f64) -> StudySpec {
    let mut study = spec("limited");
    study.constraints = vec![Constraint { metric: "latency".to_owned(), min: None, max: Some(max) }];
    study.objectives[0].target = Some(0.5);
    study
}

/// A study with as many leases as its worker has places.
fn started(study: StudySpec, places: u32) -> (Bench, StudyId, WorkerId, Vec<Assignment>) {
    let mut bench = Bench::new();
    let (worker, _) = bench.attach(profile("a", places));
    let (study, outcome) = bench.create(study);
    let open = bench.leases_after(outcome);
    (bench, study, worker, open)
}

fn complete(bench: &mut Bench, worker: WorkerId, lease: &Assignment, points: Vec<Point>) {
    bench.records(worker, lease, 1, vec![Fact::Report { points }, ended(Cause::Exited)]).expect("accepted");
}

#[test]
fn a_trial_that_breaks_a_constraint_is_never_the_best_and_reaches_no_target() {
    let (mut bench, id, worker, open) = started(limited(20.0), 3);
    complete(&mut bench, worker, &open[0], vec![point(None, "loss", 0.1), point(None, "latency", 25.0)]);
    let study = |bench: &Bench| bench.core.state.study(id).expect("there").clone();
    assert_eq!(study(&bench).best, None);
    assert_eq!(study(&bench).finished.by_number(0).expect("finished").segment.columns.violation(0), 0.25);
    complete(&mut bench, worker, &open[1], vec![point(None, "loss", 0.9), point(None, "latency", 20.0)]);
    assert_eq!(study(&bench).best, Some((0.9, 1)));
    complete(&mut bench, worker, &open[2], vec![point(None, "loss", 0.05), point(None, "latency", 21.0)]);
    assert_eq!(best_trials(&study(&bench), 3), [1, 2, 0]);
    assert_eq!(study(&bench).counts.complete, 3);
    assert!(study(&bench).reason.is_empty(), "{}", study(&bench).reason);
    bench.check_replay();
}

#[test]
fn a_trial_that_does_not_tell_what_a_constraint_needs_fails() {
    let (mut bench, id, worker, open) = started(limited(20.0), 1);
    complete(&mut bench, worker, &open[0], vec![point(None, "loss", 0.1)]);
    let study = bench.core.state.study(id).expect("there");
    let trial = study.finished.by_number(0).expect("finished");
    let end = &trial.segment.detail(trial.row).expect("a failure is told").end;
    assert!(end.contains("metric `latency` was never reported; the trial reported loss"), "{end}");
}

#[test]
fn what_a_failed_trial_did_not_report_breaks_nothing() {
    let (mut bench, id, worker, open) = started(limited(20.0), 1);
    bench.records(worker, &open[0], 1, vec![ended(exit_code(3))]).expect("accepted");
    let study = bench.core.state.study(id).expect("there");
    assert_eq!(study.finished.by_number(0).expect("finished").segment.columns.violation(0), 0.0);
}

fn two_goals() -> StudySpec {
    let mut study = spec("two goals");
    study.objectives = vec![objective("loss", Direction::Minimize), objective("speed", Direction::Maximize)];
    study.search.pruner = PrunerConfig::Asha {
        min_steps: Some(1),
        reduction: 2,
        max_steps: None,
        early_stopping_rate: 0,
        promotion: Promotion::Stop,
    };
    study
}

#[test]
fn a_trial_that_is_dominated_at_a_rung_is_pruned_and_one_with_another_strength_is_not() {
    let (mut bench, _, worker, open) = started(two_goals(), 4);
    let report = |bench: &mut Bench, at: usize, loss: f64, speed: f64| {
        let points = vec![point(Some(1), "loss", loss), point(Some(1), "speed", speed)];
        bench.records(worker, &open[at], 1, vec![Fact::Report { points }]).expect("accepted");
        bench.trial(open[at].task).verdict.clone()
    };
    assert_eq!(report(&mut bench, 0, 0.1, 50.0), None);
    assert!(report(&mut bench, 1, 0.2, 40.0).is_some(), "worse in everything");
    assert!(report(&mut bench, 2, 0.3, 30.0).is_some(), "worse in everything");
    assert_eq!(report(&mut bench, 3, 0.9, 90.0), None, "the worst loss, and the fastest");
    bench.check_replay();
}

#[test]
fn a_rung_is_judged_once_all_objectives_have_reached_it() {
    let (mut bench, _, worker, open) = started(two_goals(), 2);
    let tell = |bench: &mut Bench, at: usize, number: u64, metric: &str, value: f64| {
        bench
            .records(worker, &open[at], number, vec![Fact::Report { points: vec![point(Some(1), metric, value)] }])
            .expect("accepted");
        bench.trial(open[at].task).verdict.is_some()
    };
    assert!(!tell(&mut bench, 0, 1, "loss", 0.1) && !tell(&mut bench, 0, 2, "speed", 10.0));
    assert!(!tell(&mut bench, 1, 1, "loss", 0.9), "its speed is not known yet");
    assert!(tell(&mut bench, 1, 2, "speed", 1.0));
    assert!(matches!(bench.trial(open[1].task).state, TrialState::Running { .. }));
    bench.check_replay();
}
