//! Trials that were run elsewhere join a study's history and leave its budget alone.

use hone_search::Outcome as Ending;
use hone_studies::{Command, ImportedTrial, Origin, Point, Reject, Reply, StudyId, StudySpec, StudyState};

use super::support::{Bench, START, leases, objective, profile, spec};

fn trial(x: f64, outcome: Ending, values: &[f64]) -> ImportedTrial {
    let points = vec![Point { step: Some(3), metric: "loss".into(), value: x + 1.0 }];
    let values = values.to_vec();
    ImportedTrial { params: vec![x], outcome, values, started: 5, ended: 9, points, why: "from `old.csv`".to_owned() }
}

fn complete(x: f64) -> ImportedTrial {
    trial(x, Ending::Complete, &[x])
}

fn part(study: StudyId, first: u64, trials: Vec<ImportedTrial>) -> Command {
    let rows = first..first + trials.len() as u64;
    Command::ImportTrials { study, key: "a".to_owned(), rows, trials: (first..).zip(trials).collect() }
}

fn started(study: StudySpec) -> (Bench, StudyId) {
    let mut bench = Bench::new();
    let (id, _) = bench.create(study);
    (bench, id)
}

#[test]
fn imported_trials_are_history_and_do_not_count() {
    let (mut bench, id) = started(spec("import"));
    let trials = vec![complete(0.5), trial(0.25, Ending::Pruned, &[]), trial(0.75, Ending::Failed, &[]), complete(0.125)];
    assert_eq!(bench.ask(part(id, 0, trials)).0, Reply::Imported(4));
    let study = bench.core.state.study(id).expect("there");
    let counts = study.counts;
    assert_eq!((counts.complete, counts.pruned, counts.failed, counts.imported, counts.counted()), (2, 1, 1, 4, 0));
    assert_eq!((study.budget_left(), study.next_number, study.best), (10, 4, Some((0.125, 3))));
    let row = study.finished.by_number(0).expect("finished");
    assert_eq!((row.segment.started[row.row], row.segment.ended[row.row], row.segment.created[row.row]), (5, 9, START));
    assert_eq!(row.segment.columns.last_report(row.row), Some((3, 1.5)));
    assert_eq!(row.segment.detail(row.row).map(|detail| &detail.origin), Some(&Origin::Imported));
    bench.check_replay();
}

#[test]
fn a_study_goes_on_after_an_import() {
    let mut study = spec("import");
    study.search.max_trials = Some(3);
    let mut bench = Bench::new();
    let (worker, _) = bench.attach(profile("a", 1));
    let (id, outcome) = bench.create(study);
    let mut open = bench.leases_after(outcome);
    let (_, outcome) = bench.ask(part(id, 0, (0..20).map(|at| complete(f64::from(at) / 20.0)).collect()));
    assert!(leases(&outcome).is_empty(), "nothing of what was imported runs");
    let mut numbers = Vec::new();
    while let Some(lease) = open.pop() {
        numbers.push(lease.number);
        let outcome = bench.complete(worker, &lease, 1.0);
        open.extend(bench.leases_after(outcome));
    }
    assert_eq!(numbers, [0, 21, 22]);
    let study = bench.core.state.study(id).expect("there");
    assert_eq!((study.state, study.counts.counted(), study.counts.complete), (StudyState::Finished, 3, 23));
    bench.check_replay();
}

#[test]
fn a_part_that_is_sent_again_is_taken_once() {
    let (mut bench, id) = started(spec("import"));
    let both = || vec![complete(0.1), complete(0.2)];
    assert_eq!(bench.ask(part(id, 0, both())).0, Reply::Imported(2));
    assert_eq!(bench.ask(part(id, 0, both())).0, Reply::Imported(0));
    assert_eq!(bench.ask(part(id, 1, both())).0, Reply::Imported(1));
    assert_eq!(bench.refused(part(id, 7, both())), Reject::ImportGap { first: 7, expected: 3 });
    let other = |rows| Command::ImportTrials { study: id, key: "b".to_owned(), rows, trials: (0..).zip(both()).collect() };
    assert_eq!(bench.ask(other(0..5)).0, Reply::Imported(2));
    assert_eq!(bench.ask(other(0..5)).0, Reply::Imported(0), "what was left out counts as known");
    assert_eq!(bench.core.state.study(id).map(|study| study.counts.complete), Some(5));
    bench.check_replay();
}

#[test]
fn one_trial_that_does_not_fit_refuses_the_part() {
    let (mut bench, id) = started(spec("import"));
    let two =
        StudySpec { objectives: vec![objective("a", Default::default()), objective("b", Default::default())], ..spec("two") };
    let (two, _) = bench.create(two);
    let cases = [
        (id, complete(7.0)),
        (id, trial(f64::NAN, Ending::Complete, &[1.0])),
        (id, trial(0.5, Ending::Complete, &[f64::NAN])),
        (id, trial(0.5, Ending::Complete, &[])),
        (id, trial(0.5, Ending::Failed, &[1.0])),
        (id, trial(0.5, Ending::Cancelled, &[])),
        (two, complete(0.5)),
    ];
    for (study, wrong) in cases {
        let good = if study == two { trial(0.5, Ending::Complete, &[1.0, 2.0]) } else { complete(0.5) };
        let refusal = bench.refused(part(study, 0, vec![good, wrong]));
        assert!(matches!(&refusal, Reject::BadParameters(text) if text.starts_with("trial 1 of the import")), "{refusal}");
        assert_eq!(bench.core.state.study(study).map(|study| study.next_number), Some(0));
    }
    assert_eq!(bench.refused(part(StudyId(99), 0, vec![])), Reject::NoSuchStudy(StudyId(99)));
}

#[test]
fn a_retry_of_an_imported_failure_needs_room_of_its_own() {
    let mut study = spec("import");
    study.search.max_trials = Some(1);
    let (mut bench, id) = started(study);
    bench.ask(part(id, 0, vec![trial(0.5, Ending::Failed, &[])]));
    let failed = bench.core.state.study(id).and_then(|study| study.id_of(0)).expect("there");
    bench.ask(Command::RetryTrial { trial: failed });
    let study = bench.core.state.study(id).expect("there");
    assert_eq!((study.counts.superseded, study.counts.counted(), study.counts.open(), study.budget_left()), (0, 0, 1, 0));
    assert_eq!(bench.refused(Command::RetryTrial { trial: failed }), Reject::BudgetUsed { max_trials: 1 });
    bench.check_replay();
}

#[test]
fn an_imported_trial_that_reaches_the_target_ends_the_study() {
    let mut study = spec("import");
    study.objectives[0].target = Some(0.2);
    let (mut bench, id) = started(study);
    bench.ask(part(id, 0, vec![complete(0.1)]));
    assert_eq!(bench.core.state.study(id).map(|study| study.state), Some(StudyState::Finished));
    bench.check_replay();
}

#[test]
fn trials_from_elsewhere_use_up_no_rule_to_stop() {
    let mut study = spec("import");
    study.stop.no_improvement = Some(3);
    study.stop.cost = Some(0.001);
    let (mut bench, id) = started(study);
    bench.ask(part(id, 0, (1..20).map(|at| complete(f64::from(at) / 20.0)).collect()));
    let study = bench.core.state.study(id).expect("there");
    assert_eq!((study.state, study.best), (StudyState::Active, Some((0.05, 0))));
    bench.check_replay();
}
