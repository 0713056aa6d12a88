//! A study starts from finished trials of others, which stay theirs.

use std::sync::Arc;

use hone_search::{Direction, Distribution};
use hone_studies::{Command, Driver, Event, Reject, StudyId, StudySpec, StudyState, WarmStart};

use super::support::{Bench, at, ended, exit_code, objective, profile, spec};

/// A bench on which the study `source` has ended: two complete trials, and one that failed.
fn after_source() -> (Bench, StudyId) {
    let mut bench = Bench::new();
    let (worker, _) = bench.attach(profile("a", 1));
    let mut source = spec("source");
    source.search.max_trials = Some(3);
    let (id, outcome) = bench.create(source);
    let mut open = bench.leases_after(outcome);
    while let Some(lease) = open.pop() {
        let outcome = match lease.number {
            1 => bench.records(worker, &lease, 1, vec![at(1, 9.0), ended(exit_code(1))]).expect("accepted"),
            number => bench.complete(worker, &lease, 10.0 + f64::from(number)),
        };
        open.extend(bench.leases_after(outcome));
    }
    (bench, id)
}

fn warm(name: &str, from: &[&str]) -> StudySpec {
    let mut study = spec(name);
    study.search.warm_start = from.iter().map(ToString::to_string).collect();
    study
}

fn create(spec: StudySpec) -> Command {
    Command::CreateStudy {
        spec: Arc::new(spec),
        text: String::new(),
        source: None,
        driver: Driver::Workers,
        paused: false,
        request: None,
    }
}

fn taken(bench: &Bench, id: StudyId) -> Vec<WarmStart> {
    bench.core.state.study(id).expect("there").warm_start.clone()
}

/// What a study is refused for, sentence and way out.
fn problems(bench: &mut Bench, spec: StudySpec) -> Vec<(usize, String, String)> {
    let Reject::WarmStart(problems) = bench.refused(create(spec)) else { panic!("refused for something else") };
    problems.into_iter().map(|problem| (problem.index, problem.message, problem.hint)).collect()
}

#[test]
fn finished_trials_are_written_down_with_the_new_study() {
    let (mut bench, source) = after_source();
    let (id, outcome) = bench.create(warm("next", &["source"]));
    let taken = taken(&bench, id);
    let [from] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!((from.study, from.of, from.foreign.name.as_str()), (source, 2, "source"));
    let columns = &from.foreign.columns;
    assert_eq!(
        (&columns.number[..], &columns.values[0][..], &columns.params[0][..]),
        (&[0, 2][..], &[10.0, 12.0][..], &[0.0, 0.02][..])
    );
    assert!(matches!(&outcome.events[..2], [Event::StudyCreated { .. }, Event::StudyWarmed { .. }]), "{:?}", outcome.events);
    bench.check_replay();
}

#[test]
fn they_are_no_trials_of_the_new_study() {
    let (mut bench, _) = after_source();
    let mut next = warm("next", &["source"]);
    next.objectives[0].target = Some(11.0);
    next.search.max_trials = Some(2);
    let (id, _) = bench.create(next);
    let study = bench.core.state.study(id).expect("there");
    assert_eq!((study.state, study.best, study.finished.len(), study.budget_left()), (StudyState::Active, None, 0, 2));
    assert_eq!((study.counts.counted(), study.counts.open(), study.counts.imported), (0, 0, 0));
}

#[test]
fn later_trials_and_the_removal_of_the_source_change_nothing() {
    let (mut bench, source) = after_source();
    let (id, _) = bench.create(warm("next", &["source"]));
    let before = taken(&bench, id);
    bench.ask(Command::RemoveStudy { study: source, force: false });
    bench.restart();
    assert_eq!(taken(&bench, id), before);
    bench.check_replay();
    let gone = problems(&mut bench, warm("third", &["source"]));
    assert_eq!(gone[0].1, "there is no study `source`");
    assert!(gone[0].2.contains("a study that was removed cannot be started from"), "{gone:?}");
}

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_the_way_out() {
    let (mut bench, _) = after_source();
    bench.create(spec("empty"));
    let mut other = warm("next", &["sorce", "next", "empty"]);
    let said = problems(&mut bench, other.clone());
    assert_eq!(said.iter().map(|said| said.0).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(said[0].1, "there is no study `sorce`");
    assert!(said[0].2.contains("did you mean `source`?"), "{said:?}");
    assert_eq!(said[1].1, "a study cannot start from itself");
    assert!(said[1].2.contains("--fork NAME"), "{said:?}");
    assert_eq!(said[2].1, "study `empty` has no complete or pruned trial");
    other.search.warm_start = vec!["source".to_owned()];
    other.objectives = vec![objective("loss", Direction::Maximize), objective("speed", Direction::Maximize)];
    let said = problems(&mut bench, other);
    assert_eq!(said[0].1, "study `source` is to minimize `loss`, this one to maximize it");
    assert_eq!(said[1].1, "study `source` has no objective `speed`");
    assert!(said[1].2.contains("`loss`"), "{said:?}");
    assert!(bench.core.state.study_named("next").is_none());
}

#[test]
fn a_study_of_which_nothing_fits_is_refused() {
    let (mut bench, _) = after_source();
    let mut other = warm("next", &["source"]);
    other.space.parameters[0].distribution = Distribution::Float { low: 0.5, high: 1.0, log: false, step: None };
    assert_eq!(problems(&mut bench, other.clone())[0].1, "none of the 2 trials of study `source` fits");
    other.space.parameters[0].name = "y".to_owned();
    let said = problems(&mut bench, other);
    assert_eq!(said[0].1, "study `source` has no parameter of the same name and kind");
    assert!(said[0].2.contains("`x`"), "{said:?}");
}

#[test]
fn a_wider_bound_keeps_what_was_taken() {
    let (mut bench, _) = after_source();
    let (id, _) = bench.create(warm("next", &["source"]));
    let mut wider = warm("next", &["source"]);
    wider.space.parameters[0].distribution = Distribution::Float { low: -1.0, high: 1.0, log: false, step: None };
    bench.ask(Command::ChangeStudy { study: id, spec: Arc::new(wider.clone()), text: String::new() });
    assert_eq!(taken(&bench, id)[0].foreign.columns.params[0], [0.0, 0.02]);
}
