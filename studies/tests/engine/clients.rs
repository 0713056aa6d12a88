//! Trials that clients drive.

use std::sync::Arc;

use hone_search::{Direction, Distribution, Outcome, PrunerConfig};
use hone_studies::{
    Ask, Asked, AskedParameter, Begin, By, Command, Driver, HeldTrial, Hold, Origin, Point, Proposal, Reject, Reply, RequestId,
    SECOND, Scope, StateKind, StudyId, StudySpec, StudyState, TaskId, Template, TrialState, WorkerId, Write,
};

use super::support::{Bench, objective, profile};

fn bench(max_trials: Option<u64>) -> (Bench, StudyId) {
    let mut bench = Bench::new();
    bench.attach(profile("a", 4));
    let mut spec = StudySpec::driven("driven".to_owned(), vec![objective("value", Direction::Minimize)]);
    spec.search.max_trials = max_trials;
    let command = Command::CreateStudy {
        spec: Arc::new(spec),
        text: String::new(),
        source: None,
        driver: Driver::Clients,
        paused: false,
        request: None,
    };
    match bench.ask(command).0 {
        Reply::Study(study) => (bench, study),
        reply => panic!("{reply:?}"),
    }
}

fn create(bench: &mut Bench, study: StudyId, state: Begin) -> TaskId {
    let template = Box::new(Template { state, ..Template::default() });
    match bench.ask(Command::CreateTrial { study, template, request: None, hold: Hold::Open }).0 {
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
    bench.try_ask(Command::Drive { trial, write, by: By::default() }).map(|(reply, _)| reply)
}

fn told(value: f64) -> Write {
    Write::tell(Outcome::Complete, vec![value])
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
    drive(&mut bench, second, Write::Report(vec![point])).unwrap();
    drive(&mut bench, second, told(2.0)).unwrap();
    let study = bench.core.state.study(study).unwrap();
    assert_eq!((study.counts.complete, study.best), (2, Some((2.0, 1))));
    let space: Vec<_> = study.spec.space.parameters.iter().map(|parameter| (&*parameter.name, &parameter.distribution)).collect();
    assert_eq!(space, [("x", &float(-1.0, 1.0)), ("y", &float(1.0, 2.0))]);
    let row = |number| study.finished.by_number(number).map(|trial| trial.segment.columns.row(trial.row)).unwrap();
    assert_eq!(row(0).params[0], 0.5);
    assert_eq!(row(1).params, [-0.5, 1.5]);
    let trial = study.finished.by_number(1).unwrap();
    assert_eq!((trial.told(), &*trial.segment.asked(trial.row).unwrap()["x"]), (vec![2.0], "x's own words"));
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
    assert_eq!(
        bench.refused(Command::CreateTrial { study, template, request: None, hold: Hold::Open }),
        Reject::BudgetUsed { max_trials: 2 }
    );
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

fn request(byte: u8) -> RequestId {
    RequestId([byte; 16])
}

fn by(request: RequestId) -> By {
    By { request: Some(request), ..By::default() }
}

fn drive_by(bench: &mut Bench, trial: TaskId, write: Write, by: By) -> Result<Reply, Reject> {
    bench.try_ask(Command::Drive { trial, write, by }).map(|(reply, _)| reply)
}

#[test]
fn a_request_that_is_sent_again_has_the_answer_of_then() {
    let (mut bench, study) = bench(None);
    let template = || Box::new(Template::default());
    let create = || Command::CreateTrial { study, template: template(), request: Some(request(1)), hold: Hold::Open };
    let made = bench.ask(create()).0;
    assert_eq!(bench.ask(create()).0, made);
    bench.restart();
    assert_eq!(bench.ask(create()).0, made);
    let Reply::Trial(trial) = made else { panic!("{made:?}") };
    drive_by(&mut bench, trial, told(1.0), by(request(2))).unwrap();
    bench.restart();
    assert_eq!(drive_by(&mut bench, trial, told(1.0), by(request(2))), Ok(Reply::Done));
    assert!(matches!(drive_by(&mut bench, trial, told(1.0), by(request(3))), Err(Reject::WrongTrialState { .. })));
    assert_eq!(bench.core.state.study(study).map(|study| study.counts.complete), Some(1));
    bench.check_replay();
}

#[test]
fn a_trial_that_is_made_as_finished_is_made_once_for_a_request() {
    let (mut bench, study) = bench(None);
    let create = |number| {
        let state = Begin::Ended { at: None, outcome: Outcome::Complete, values: vec![1.0] };
        let template = Box::new(Template { state, ..Template::default() });
        Command::CreateTrial { study, template, request: Some(request(number)), hold: Hold::Open }
    };
    let made = bench.ask(create(1)).0;
    bench.restart();
    assert_eq!(bench.ask(create(1)).0, made);
    assert_ne!(bench.ask(create(2)).0, made);
    assert_eq!(bench.core.state.study(study).map(|study| study.counts.complete), Some(2));
    bench.check_replay();
}

#[test]
fn a_request_for_a_trial_that_comes_again_too_late_has_it_anew_or_another_one() {
    let (mut bench, study) = bench(None);
    let create = || {
        let (template, hold) = (Box::new(Template::default()), Hold::For(60 * SECOND));
        Command::CreateTrial { study, template, request: Some(request(1)), hold }
    };
    let Reply::Trial(trial) = bench.ask(create()).0 else { panic!("no trial") };
    bench.pass(60 * SECOND);
    assert!(bench.trial(trial).running().is_none());
    assert_eq!(bench.ask(create()).0, Reply::Trial(trial));
    assert!(bench.trial(trial).running().is_some());
    bench.pass(60 * SECOND);
    assert_eq!(drive(&mut bench, trial, Write::Take), Ok(Reply::Taken(true)));
    assert_ne!(bench.ask(create()).0, Reply::Trial(trial));
    bench.check_replay();
}

#[test]
fn a_take_that_is_sent_again_is_its_takers_alone() {
    let (mut bench, study) = bench(None);
    let trial = create(&mut bench, study, Begin::Waiting);
    for (number, taken) in [(1, true), (1, true), (2, false), (1, true)] {
        assert_eq!(drive_by(&mut bench, trial, Write::Take, by(request(number))), Ok(Reply::Taken(taken)));
        bench.restart();
    }
}

#[test]
fn a_study_that_is_asked_for_twice_by_one_request_is_made_once() {
    let mut bench = Bench::new();
    let spec = Arc::new(StudySpec::driven("once".to_owned(), vec![objective("value", Direction::Minimize)]));
    let create = |request| Command::CreateStudy {
        spec: spec.clone(),
        text: String::new(),
        source: None,
        driver: Driver::Clients,
        paused: false,
        request: Some(request),
    };
    let made = bench.ask(create(request(1))).0;
    bench.restart();
    assert_eq!(bench.ask(create(request(1))).0, made);
    assert!(matches!(bench.refused(create(request(2))), Reject::StudyExists { .. }));
}

#[test]
fn the_trial_of_a_silent_client_waits_again_and_its_words_count_no_more() {
    let (mut bench, study) = bench(Some(1));
    let trial = create(&mut bench, study, Begin::Running);
    let held = HeldTrial { trial, attempt: Some(1) };
    let renew = |hold| Command::Hold { held: vec![held], hold };
    assert_eq!(bench.ask(renew(Hold::Left(60 * SECOND))).0, Reply::Over(vec![]));
    bench.pass(59 * SECOND);
    assert_eq!(bench.ask(renew(Hold::For(60 * SECOND))).0, Reply::Over(vec![]));
    bench.pass(59 * SECOND);
    assert!(bench.trial(trial).running().is_some());
    bench.pass(SECOND);
    assert_eq!(bench.trial(trial).state, TrialState::Waiting { not_before: 0 });
    let late = By { attempt: Some(1), ..By::default() };
    assert_eq!(drive_by(&mut bench, trial, told(9.0), late), Err(Reject::StaleAttempt { number: 0, attempt: 1 }));
    assert_eq!(bench.ask(renew(Hold::Open)).0, Reply::Over(vec![held]));
    assert_eq!(drive(&mut bench, trial, Write::Take), Ok(Reply::Taken(true)));
    assert_eq!(drive_by(&mut bench, trial, told(9.0), late), Err(Reject::StaleAttempt { number: 0, attempt: 1 }));
    drive_by(&mut bench, trial, told(1.0), By { attempt: Some(2), ..By::default() }).unwrap();
    assert_eq!(bench.core.state.study(study).and_then(|study| study.best), Some((1.0, 0)));
    bench.check_replay();
}

#[test]
fn no_lease_ends_what_an_open_connection_holds_and_no_failed_take_changes_it() {
    let (mut bench, study) = bench(None);
    let trial = create(&mut bench, study, Begin::Running);
    let hold = |hold| Command::Hold { held: vec![HeldTrial { trial, attempt: None }], hold };
    bench.ask(hold(Hold::For(SECOND)));
    let attribute = Write::Attribute { scope: Scope::User, key: "note".into(), value: b"1".to_vec() };
    drive_by(&mut bench, trial, attribute, By { hold: Some(Hold::For(SECOND)), ..By::default() }).unwrap();
    bench.pass(60 * SECOND);
    assert!(bench.trial(trial).running().is_some());
    bench.ask(hold(Hold::Left(60 * SECOND)));
    let by = By { request: Some(request(9)), hold: Some(Hold::For(SECOND)), ..By::default() };
    assert_eq!(drive_by(&mut bench, trial, Write::Take, by), Ok(Reply::Taken(false)));
    bench.pass(59 * SECOND);
    assert!(bench.trial(trial).running().is_some());
    bench.pass(SECOND);
    // A lease of its taker's, from the beginning.
    assert_eq!(drive_by(&mut bench, trial, Write::Take, by), Ok(Reply::Taken(true)));
    bench.pass(SECOND);
    assert!(bench.trial(trial).running().is_none());
}

#[test]
fn a_trial_that_loses_client_after_client_fails() {
    let (mut bench, study) = bench(None);
    let trial = create(&mut bench, study, Begin::Running);
    for _ in 0..4 {
        bench.ask(Command::Hold { held: vec![HeldTrial { trial, attempt: None }], hold: Hold::Left(1) });
        bench.pass(SECOND);
        assert_eq!(drive(&mut bench, trial, Write::Take), Ok(Reply::Taken(true)));
    }
    bench.ask(Command::Hold { held: vec![HeldTrial { trial, attempt: None }], hold: Hold::Left(1) });
    bench.pass(SECOND);
    assert_eq!(bench.core.state.trial_state(trial), Some(StateKind::Failed));
}

#[test]
fn a_start_gives_clients_time_to_be_heard_of() {
    let (mut bench, study) = bench(None);
    let trial = create(&mut bench, study, Begin::Running);
    bench.restart();
    bench.pass(599 * SECOND);
    assert!(bench.trial(trial).running().is_some());
    bench.pass(SECOND);
    assert!(bench.trial(trial).running().is_none());
}

fn ask(bench: &mut Bench, study: StudyId, number: u8, first_number: u32, count: u32) -> Result<Asked, Reject> {
    let proposals = (0..count).map(|at| Proposal { params: vec![f64::from(at)], why: "test".to_owned() }).collect();
    let hold = Hold::For(60 * SECOND);
    let ask = Ask { study, count, request: request(number), hold, first_number, as_of: 0, proposals };
    match bench.try_ask(Command::Ask(Box::new(ask)))?.0 {
        Reply::Asked(asked) => Ok(asked),
        reply => panic!("{reply:?}"),
    }
}

#[test]
fn who_asks_gets_waiting_trials_first_and_then_new_ones_with_their_parameters() {
    let (mut bench, study) = bench(Some(3));
    let waiting = create(&mut bench, study, Begin::Waiting);
    let asked = ask(&mut bench, study, 1, 1, 2).unwrap();
    assert_eq!(asked.trials, [(waiting, 1), (TaskId(2), 1)]);
    assert_eq!(bench.trial(TaskId(2)).params, [0.0]);
    assert_eq!(ask(&mut bench, study, 1, 1, 2).unwrap(), asked);
    assert_eq!(ask(&mut bench, study, 2, 7, 1), Err(Reject::StaleProposal { first_number: 7 }));
    assert_eq!(ask(&mut bench, study, 2, 2, 5).unwrap().trials, [(TaskId(3), 1)]);
    let none = ask(&mut bench, study, 3, 3, 1).unwrap();
    assert_eq!((none.trials, none.over), (vec![], false));
    for trial in [waiting, TaskId(2), TaskId(3)] {
        drive(&mut bench, trial, told(1.0)).unwrap();
    }
    assert!(ask(&mut bench, study, 4, 3, 1).unwrap().over);
    bench.check_replay();
}

#[test]
fn the_pruner_ends_a_clients_trial_by_its_answer_to_a_report() {
    let mut bench = Bench::new();
    let mut spec = StudySpec::driven("pruned".to_owned(), vec![objective("value", Direction::Minimize)]);
    spec.search.pruner = PrunerConfig::Threshold { lower: None, upper: Some(1.0), warmup_steps: 0, interval: 1 };
    let (spec, text) = (Arc::new(spec), String::new());
    let command = Command::CreateStudy { spec, text, source: None, driver: Driver::Clients, paused: false, request: None };
    let Reply::Study(study) = bench.ask(command).0 else { panic!("no study") };
    let trial = create(&mut bench, study, Begin::Running);
    let report = |step, value| Write::Report(vec![Point { step: Some(step), metric: "value".into(), value }]);
    assert_eq!(drive(&mut bench, trial, report(1, 0.5)), Ok(Reply::Judged(None)));
    assert!(matches!(drive(&mut bench, trial, report(2, 1.5)), Ok(Reply::Judged(Some(_)))));
    assert!(matches!(drive(&mut bench, trial, report(3, 0.1)), Ok(Reply::Judged(Some(_)))));
    assert_eq!(bench.trial(trial).curve.steps(0), [(1, 0.5), (2, 1.5)]);
    bench.check_replay();
}

#[test]
fn trials_that_a_client_ran_in_the_plain_way_share_their_distributions() {
    let (mut bench, study) = bench(None);
    for number in 0..2_100_u32 {
        let trial = create(&mut bench, study, Begin::Running);
        drive(&mut bench, trial, parameter("x", f64::from(number), float(0.0, 3_000.0))).unwrap();
        if number % 2 == 0 {
            drive(&mut bench, trial, parameter("y", 0.5, float(0.0, 1.0))).unwrap();
        }
        drive(&mut bench, trial, told(f64::from(number))).unwrap();
    }
    let study = bench.core.state.study(study).unwrap();
    for number in [0, 1, 1_023, 1_024, 2_099] {
        let trial = study.finished.by_number(number).unwrap();
        assert!(trial.segment.detail(trial.row).is_none());
        assert_eq!((trial.told(), trial.origin()), (vec![f64::from(number)], Origin::Asked { as_of: u64::from(number) }));
        let names: Vec<&str> = trial.segment.asked(trial.row).unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, if number % 2 == 0 { vec!["x", "y"] } else { vec!["x"] });
        let alike = study.finished.by_number(number ^ 2).unwrap();
        assert!(std::ptr::eq(trial.segment.asked(trial.row).unwrap(), alike.segment.asked(alike.row).unwrap()));
    }
    bench.check_replay();
}

#[test]
fn what_a_plain_row_cannot_say_is_kept_beside_it() {
    let (mut bench, study) = bench(None);
    let without_parameters = create(&mut bench, study, Begin::Running);
    drive(&mut bench, without_parameters, told(1.0)).unwrap();
    let not_a_number = create(&mut bench, study, Begin::Running);
    drive(&mut bench, not_a_number, parameter("x", 0.5, float(0.0, 1.0))).unwrap();
    drive(&mut bench, not_a_number, told(f64::NAN)).unwrap();
    let study = bench.core.state.study(study).unwrap();
    let ended = |number| study.finished.by_number(number).unwrap();
    assert_eq!((ended(0).origin(), ended(0).told()), (Origin::Asked { as_of: 0 }, vec![1.0]));
    assert!(ended(1).told()[0].is_nan());
}

#[test]
fn trials_are_found_by_id_among_open_and_finished_ones_of_several_studies() {
    let (mut bench, study) = bench(None);
    let spec = StudySpec::driven("other".to_owned(), vec![objective("value", Direction::Minimize)]);
    let other = Command::CreateStudy {
        spec: Arc::new(spec),
        text: String::new(),
        source: None,
        driver: Driver::Clients,
        paused: false,
        request: None,
    };
    let Reply::Study(other) = bench.ask(other).0 else { panic!("no study") };
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(create(&mut bench, study, Begin::Running));
        create(&mut bench, other, Begin::Running);
        if number % 3 != 0 {
            drive(&mut bench, ids[number], told(1.0)).unwrap();
        }
    }
    let state = &bench.core.state;
    let study = state.study(study).unwrap();
    for (number, id) in ids.iter().enumerate() {
        assert_eq!((study.number_of(*id), study.count_up_to(*id)), (Some(number as u32), number as u32 + 1));
        let between = TaskId(id.0 + 1);
        assert_eq!((study.number_of(between), study.count_up_to(between)), (None, number as u32 + 1));
        assert_eq!(state.study_of(*id).map(|found| found.id), Some(study.id));
        assert_eq!(state.study_of(between).map(|found| found.id), Some(other));
    }
    let after: Vec<TaskId> = study.open_after(ids[30]).map(|trial| trial.id).collect();
    assert_eq!(after, [ids[33], ids[36], ids[39]]);
    bench.check_replay();
}
