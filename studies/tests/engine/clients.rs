//! Trials that clients drive.

use std::sync::Arc;

use hone_search::{Direction, Distribution, Outcome};
use hone_studies::{
    AskedParameter, Begin, Command, Driver, Point, Reject, Reply, Scope, StateKind, StudyId, StudySpec, StudyState, TaskId,
    Template, TrialState, WorkerId, Write,
};

use super::support::{Bench, objective, profile};

fn bench(max_trials: Option<u64>) -> (Bench, StudyId) {
    let mut bench = Bench::new();
    bench.attach(profile("a", 4));
    let mut spec = StudySpec::driven("driven".to_owned(), vec![objective("value", Direction::Minimize)]);
    spec.search.max_trials = max_trials;
    let command =
        Command::CreateStudy { spec: Arc::new(spec), text: String::new(), source: None, driver: Driver::Clients, paused: false };
    match bench.ask(command).0 {
        Reply::Study(study) => (bench, study),
        reply => panic!("{reply:?}"),
    }
}

fn create(bench: &mut Bench, study: StudyId, state: Begin) -> TaskId {
    let template = Box::new(Template { state, ..Template::default() });
    match bench.ask(Command::CreateTrial { study, template }).0 {
        Reply::Trial(trial) => trial,
        reply => panic!("{reply:?}"),
    }
}

fn float(low: f64, high: f64) -> Distribution {
    Distribution::Float { low, high, log: false, step: None }
}

fn parameter(name: &str, value: f64, distribution: Distribution) -> Write {
    Write::Parameter(AskedParameter { name: name.to_owned(), value, distribution, text: format!("{name}'s own words") })
}

fn drive(bench: &mut Bench, trial: TaskId, write: Write) -> Result<Reply, Reject> {
    bench.try_ask(Command::Drive { trial, write }).map(|(reply, _)| reply)
}

fn told(value: f64) -> Write {
    Write::Tell { outcome: Outcome::Complete, values: vec![value] }
}

#[test]
fn a_trial_is_asked_for_grows_the_space_and_is_told() {
    let (mut bench, study) = bench(None);
    let first = create(&mut bench, study, Begin::Running);
    drive(&mut bench, first, parameter("x", 0.5, float(0.0, 1.0))).unwrap();
    drive(&mut bench, first, told(3.0)).unwrap();
    let second = create(&mut bench, study, Begin::Running);
    drive(&mut bench, second, parameter("y", 1.5, float(1.0, 2.0))).unwrap();
    drive(&mut bench, second, parameter("x", -0.5, float(-1.0, 0.0))).unwrap();
    let point = Point { step: Some(4), metric: "value".into(), value: 2.5 };
    drive(&mut bench, second, Write::Report(point)).unwrap();
    drive(&mut bench, second, told(2.0)).unwrap();
    let study = bench.core.state.study(study).unwrap();
    assert_eq!((study.counts.complete, study.best), (2, Some((2.0, 1))));
    let space: Vec<_> = study.spec.space.parameters.iter().map(|parameter| (&*parameter.name, &parameter.distribution)).collect();
    assert_eq!(space, [("x", &float(-1.0, 1.0)), ("y", &float(1.0, 2.0))]);
    let row = |number| study.finished.by_number(number).map(|trial| trial.segment.columns.row(trial.row)).unwrap();
    assert_eq!(row(0).params[0], 0.5);
    assert_eq!(row(1).params, [-0.5, 1.5]);
    let detail = study.finished.by_number(1).and_then(|trial| trial.segment.detail(trial.row).cloned()).unwrap();
    assert_eq!((&detail.told[..], &*detail.asked["x"]), (&[2.0][..], "x's own words"));
    bench.check_replay();
}

#[test]
fn only_one_client_gets_a_waiting_trial() {
    let (mut bench, study) = bench(None);
    let trial = create(&mut bench, study, Begin::Waiting);
    assert_eq!(bench.trial(trial).state, TrialState::Waiting { not_before: 0 });
    assert_eq!(drive(&mut bench, trial, Write::Take), Ok(Reply::Taken(true)));
    assert_eq!(drive(&mut bench, trial, Write::Take), Ok(Reply::Taken(false)));
    assert_eq!(bench.trial(trial).state, TrialState::Running { attempt: 1, worker: WorkerId(0) });
    assert_eq!(drive(&mut bench, trial, Write::GiveBack), Ok(Reply::Taken(true)));
    assert_eq!(drive(&mut bench, trial, Write::Take), Ok(Reply::Taken(true)));
    assert_eq!(bench.trial(trial).attempts.len(), 2);
    bench.check_replay();
}

#[test]
fn nothing_can_be_said_of_a_trial_that_has_ended() {
    let (mut bench, study) = bench(None);
    let ended = |outcome| Begin::Ended { at: None, outcome, values: Vec::new() };
    for outcome in [Outcome::Complete, Outcome::Pruned, Outcome::Failed] {
        let trial = create(&mut bench, study, ended(outcome));
        assert_eq!(bench.core.state.trial_state(trial), Some(StateKind::of_outcome(outcome)));
        let attribute = Write::Attribute { scope: Scope::User, key: "k".to_owned(), value: b"v".to_vec() };
        for write in [attribute, Write::Take, told(1.0), parameter("x", 0.5, float(0.0, 1.0))] {
            assert!(matches!(drive(&mut bench, trial, write), Err(Reject::WrongTrialState { .. })));
        }
    }
    assert_eq!(drive(&mut bench, TaskId(99), Write::Take), Err(Reject::NoSuchTrial(TaskId(99))));
    bench.check_replay();
}

#[test]
fn a_parameter_keeps_its_kind() {
    let (mut bench, study) = bench(None);
    let trial = create(&mut bench, study, Begin::Running);
    drive(&mut bench, trial, parameter("x", 0.5, float(0.0, 1.0))).unwrap();
    let int = Distribution::Int { low: 0, high: 1, log: false, step: 1 };
    assert!(matches!(drive(&mut bench, trial, parameter("x", 1.0, int)), Err(Reject::BadParameters(_))));
}

#[test]
fn the_budget_is_exact_and_ends_the_study() {
    let (mut bench, study) = bench(Some(2));
    let trials = [create(&mut bench, study, Begin::Running), create(&mut bench, study, Begin::Running)];
    let template = Box::new(Template::default());
    assert_eq!(bench.refused(Command::CreateTrial { study, template }), Reject::BudgetUsed { max_trials: 2 });
    for trial in trials {
        drive(&mut bench, trial, told(1.0)).unwrap();
    }
    assert_eq!(bench.core.state.study(study).map(|study| study.state), Some(StudyState::Finished));
    bench.check_replay();
}

#[test]
fn a_value_that_is_no_number_is_never_the_best() {
    let (mut bench, study) = bench(None);
    for value in [f64::NAN, 1.0, f64::NAN, f64::INFINITY] {
        let trial = create(&mut bench, study, Begin::Running);
        drive(&mut bench, trial, told(value)).unwrap();
    }
    assert_eq!(bench.core.state.study(study).and_then(|study| study.best), Some((1.0, 1)));
}

#[test]
fn a_restart_keeps_what_clients_drive() {
    let (mut bench, study) = bench(None);
    let trial = create(&mut bench, study, Begin::Running);
    bench.restart();
    bench.pass(3_600_000_000);
    drive(&mut bench, trial, told(0.5)).unwrap();
    bench.check_replay();
}
