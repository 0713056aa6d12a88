//! Rules that end a study before its budget is used.

use hone_studies::{Assignment, SECOND, StopSpec, StudyId, StudySpec, StudyState, WorkerId};

use super::support::{Bench, profile, spec};

fn ruled(stop: StopSpec) -> StudySpec {
    let mut study = spec("ruled");
    study.search.max_trials = Some(100);
    study.search.parallel = Some(1);
    study.stop = stop;
    study
}

/// Completes trials with these values, one after the other, as long as there are any.
fn run(bench: &mut Bench, worker: WorkerId, mut open: Vec<Assignment>, values: &[f64]) {
    let mut values = values.iter();
    while let (Some(lease), Some(value)) = (open.pop(), values.next()) {
        let outcome = bench.complete(worker, &lease, *value);
        open.extend(bench.leases_after(outcome));
    }
}

fn started(stop: StopSpec) -> (Bench, StudyId, WorkerId, Vec<Assignment>) {
    let mut bench = Bench::new();
    let (worker, _) = bench.attach(profile("a", 1));
    let (study, outcome) = bench.create(ruled(stop));
    let open = bench.leases_after(outcome);
    (bench, study, worker, open)
}

fn end(bench: &Bench, id: StudyId) -> (StudyState, String, u64) {
    let study = bench.core.state.study(id).expect("there");
    (study.state, study.reason.clone(), study.counts.complete)
}

#[test]
fn a_study_without_progress_ends_with_the_reason() {
    let (mut bench, id, worker, open) = started(StopSpec { no_improvement: Some(3), ..StopSpec::default() });
    run(&mut bench, worker, open, &[5.0, 4.0, 4.0, 4.5, 6.0, 1.0]);
    let (state, reason, complete) = end(&bench, id);
    assert_eq!((state, complete), (StudyState::Finished, 5));
    assert!(reason.contains("no improvement in the last 3 trials"), "{reason}");
    bench.check_replay();
}

#[test]
fn a_restart_ends_it_at_the_same_trial() {
    let (mut bench, id, worker, mut open) = started(StopSpec { no_improvement: Some(3), ..StopSpec::default() });
    for value in [5.0, 4.0, 4.0, 4.5] {
        let outcome = bench.complete(worker, &open.pop().expect("a lease"), value);
        open.extend(bench.leases_after(outcome));
    }
    let written = rmp_serde::to_vec_named(&bench.core.state.study(id)).expect("a study can be written");
    let read: hone_studies::Study = rmp_serde::from_slice(&written).expect("a study can be read");
    assert_eq!(Some(&read.stop), bench.core.state.study(id).map(|study| &study.stop));
    let outcome = bench.complete(worker, &open.pop().expect("a lease"), 4.0);
    assert!(bench.leases_after(outcome).is_empty());
    assert_eq!(end(&bench, id).0, StudyState::Finished);
}

#[test]
fn a_study_ends_when_its_time_is_over_and_what_runs_still_counts() {
    let (mut bench, id, worker, open) = started(StopSpec { time: Some(600 * SECOND), ..StopSpec::default() });
    bench.now.wall += 599 * SECOND;
    bench.pass(0);
    assert_eq!(end(&bench, id).0, StudyState::Active);
    bench.pass(SECOND);
    assert_eq!(end(&bench, id), (StudyState::Stopping, "its time of 10m is over".to_owned(), 0));
    bench.complete(worker, &open[0], 1.0);
    assert_eq!((end(&bench, id).0, end(&bench, id).2), (StudyState::Finished, 1));
}

#[test]
fn a_study_ends_when_its_trials_have_cost_enough() {
    let stop = StopSpec { cost: Some(10.0), cost_metric: Some("loss".to_owned()), ..StopSpec::default() };
    let (mut bench, id, worker, open) = started(stop);
    run(&mut bench, worker, open, &[4.0, 4.0, 4.0, 4.0]);
    assert_eq!((end(&bench, id).0, end(&bench, id).2), (StudyState::Finished, 3));
}

#[test]
fn a_new_rule_looks_at_the_whole_history() {
    let (mut bench, id, worker, mut open) = started(StopSpec::default());
    for value in [5.0, 4.0, 4.0, 4.5] {
        let outcome = bench.complete(worker, &open.pop().expect("a lease"), value);
        open.extend(bench.leases_after(outcome));
    }
    let spec = ruled(StopSpec { no_improvement: Some(2), ..StopSpec::default() });
    let change = hone_studies::Command::ChangeStudy { study: id, spec: std::sync::Arc::new(spec), text: String::new() };
    bench.ask(change);
    assert_eq!(end(&bench, id).0, StudyState::Stopping);
    bench.complete(worker, &open[0], 1.0);
    bench.check_replay();
}
