//! Trials that the pruner holds back: verdicts to pause, promotions, and what becomes of those that never go on.

use hone_search::{Promotion, PrunerConfig};
use hone_studies::{
    Assignment, AttemptRecord, BlobId, Cause, Command, Effect, End, Event, Fact, FileRef, Next, Outcome, Point, StateKind,
    StudyId, StudySpec, StudyState, TaskId, TrialState, WorkerId, explain,
};

use super::support::{Bench, at, ended, exit_code, held, leases, profile, spec};

/// ASHA with rungs at 1, 2, 4 …, one in two going on, on a worker that runs one trial at a time.
fn pausing(name: &str, max_trials: u64) -> StudySpec {
    let mut study = spec(name);
    study.search.parallel = Some(1);
    study.search.max_trials = Some(max_trials);
    study.search.pruner = PrunerConfig::Asha {
        min_steps: Some(1),
        reduction: 2,
        max_steps: None,
        early_stopping_rate: 0,
        promotion: Promotion::Resume,
    };
    study
}

fn saved(step: Option<i64>) -> Fact {
    let name = step.map_or_else(|| "end".to_owned(), |step| step.to_string());
    Fact::Checkpoint {
        files: vec![FileRef { path: name, blob: BlobId([1; 32]), size: 1, executable: false, kept_by: None }],
        step,
    }
}

fn preempted() -> Fact {
    ended(Cause::Preempted { reason: "told so".to_owned() })
}

fn files(lease: &Assignment) -> Vec<&str> {
    lease.checkpoint.iter().map(|file| file.path.as_str()).collect()
}

/// Reports a value at step 1, leaves a checkpoint there and ends as it was told. Returns what is leased next.
fn waits(bench: &mut Bench, worker: WorkerId, lease: &Assignment, value: f64) -> Vec<Assignment> {
    let facts = vec![at(1, value), saved(Some(1)), preempted()];
    let outcome = bench.records(worker, lease, 1, facts).expect("accepted");
    assert!(bench.trial(lease.task).verdict.is_some() || bench.trial(lease.task).passed.is_some());
    bench.leases_after(outcome)
}

fn events_of(outcome: &Outcome, trial: TaskId) -> Vec<&Event> {
    let about = |event: &&Event| match event {
        Event::TrialReported { trial: id, .. }
        | Event::TrialJudged { trial: id, .. }
        | Event::CheckpointSaved { trial: id, .. }
        | Event::AttemptEnded { trial: id, .. }
        | Event::TrialResumed { trial: id, .. }
        | Event::TrialPruned { trial: id, .. }
        | Event::TrialLeased { trial: id, .. } => *id == trial,
        _ => false,
    };
    outcome.events.iter().filter(about).collect()
}

fn counts(bench: &Bench, study: StudyId) -> (u64, u64, u64, usize) {
    let study = bench.core.state.study(study).expect("it is there");
    (study.counts.complete, study.counts.pruned, study.counts.paused, study.held().len())
}

#[test]
fn a_trial_waits_makes_room_and_goes_on_from_its_checkpoint() {
    let (mut bench, study, worker, first) = Bench::with_lease(pausing("waits", 10));
    let judged = bench.records(worker, &first, 1, vec![saved(Some(1)), at(1, 2.0)]).expect("accepted");
    let reason = "asha: place 1 of 1 at step 1, best 0 go on".to_owned();
    let pause = Effect::Pause { worker, task: first.task, attempt: 1, reason: reason.clone() };
    assert_eq!(judged.effects, std::slice::from_ref(&pause));
    assert!(matches!(events_of(&judged, first.task)[2], Event::TrialJudged { step: 1, pause: true, .. }));

    let over = bench.records(worker, &first, 3, vec![preempted()]).expect("accepted");
    let [Event::AttemptEnded { end: End::Preempted { reason: said }, next: Next::Pause, .. }] = events_of(&over, first.task)[..]
    else {
        panic!("{over:?}")
    };
    assert_eq!(said, &format!("paused at step 1: {reason}"));
    assert_eq!(counts(&bench, study), (0, 0, 1, 1));

    let second = bench.leases_after(over).remove(0);
    assert_eq!(second.number, 1, "a held trial occupies no place under `parallel`");
    let over = bench.records(worker, &second, 1, vec![at(1, 3.0), preempted()]).expect("accepted");
    let again = leases(&over).remove(0);
    assert_eq!((again.task, again.attempt, files(&again)), (first.task, 2, vec!["1"]), "it comes before a new one");
    let [Event::TrialResumed { .. }, Event::TrialLeased { .. }] = events_of(&over, first.task)[..] else { panic!("{over:?}") };
    assert_eq!(bench.trial(first.task).verdict, None);
    assert_eq!(counts(&bench, study), (0, 0, 1, 1), "now the other one waits");

    bench.records(worker, &again, 1, vec![at(3, 0.5), ended(Cause::Exited)]).expect("accepted");
    assert_eq!(counts(&bench, study), (0, 0, 2, 2), "the next rung holds it back again");
    bench.check_replay();
}

#[test]
fn a_verdict_to_pause_stands_whatever_becomes_of_the_attempt() {
    let lost = || Cause::Lost { reason: "its process died".to_owned() };
    for cause in [Cause::Exited, Cause::Failed(failure()), lost(), Cause::Killed] {
        let (mut bench, study, worker, lease) = Bench::with_lease(pausing("stands", 10));
        bench.records(worker, &lease, 1, vec![saved(Some(1)), at(1, 2.0), ended(cause)]).expect("accepted");
        assert_eq!(bench.trial(lease.task).state, TrialState::Paused);
        assert_eq!((bench.trial(lease.task).own_failures, bench.trial(lease.task).crashes), (0, 0));
        assert_eq!(counts(&bench, study), (0, 0, 1, 1));
        bench.check_replay();
    }
}

fn failure() -> hone_studies::Failure {
    match exit_code(1) {
        Cause::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_worker_that_is_gone_leaves_its_judged_trial_waiting_and_cannot_take_it_back() {
    let (mut bench, study, worker, lease) = Bench::with_lease(pausing("gone", 10));
    bench.records(worker, &lease, 1, vec![saved(Some(1)), at(1, 2.0)]).expect("accepted");
    bench.pass(hone_studies::Timings::DEFAULT.lease * 2);
    assert_eq!(counts(&bench, study), (0, 0, 1, 1));
    let (_, back) = bench.attach_with(profile("a", 1), "1", &[held(&lease)]);
    assert_eq!(events_of(&back, lease.task), Vec::<&Event>::new());
    assert_eq!(counts(&bench, study), (0, 0, 1, 1));
    bench.check_replay();
}

#[test]
fn a_worker_that_comes_back_is_told_again_to_pause() {
    let (mut bench, _, worker, lease) = Bench::with_lease(pausing("told", 10));
    bench.records(worker, &lease, 1, vec![at(1, 2.0)]).expect("accepted");
    let (_, back) = bench.attach_with(profile("a", 1), "1", &[held(&lease)]);
    let told = |effect: &Effect| matches!(effect, Effect::Pause { task, attempt: 1, .. } if *task == lease.task);
    assert!(back.effects.iter().any(told), "{:?}", back.effects);
}

#[test]
fn what_comes_after_the_verdict_is_discarded_with_its_checkpoints() {
    let (mut bench, _, worker, lease) = Bench::with_lease(pausing("beyond", 10));
    let facts = vec![at(1, 2.0), saved(Some(2)), at(2, 1.0), saved(Some(1)), saved(None), preempted()];
    bench.records(worker, &lease, 1, facts).expect("accepted");
    let trial = bench.trial(lease.task);
    assert_eq!(trial.curve.points().collect::<Vec<_>>(), [(0, 1, 2.0)]);
    let kept = trial.checkpoint.as_ref().and_then(|checkpoint| checkpoint.step);
    assert_eq!(kept, Some(1), "the one of the judged step is kept, however late it came");
    bench.check_replay();
}

#[test]
fn a_checkpoint_without_a_step_counts_until_more_was_reported() {
    let (mut bench, _, worker, lease) = Bench::with_lease(pausing("term", 10));
    bench.records(worker, &lease, 1, vec![at(1, 2.0), saved(None), preempted()]).expect("accepted");
    assert!(bench.trial(lease.task).checkpoint.is_some());
}

#[test]
fn the_budget_is_exact_and_the_best_go_on_at_the_end() {
    let (mut bench, study, worker, mut lease) = Bench::with_lease(pausing("budget", 3));
    for value in [2.0, 3.0] {
        lease = waits(&mut bench, worker, &lease, value).remove(0);
    }
    assert_eq!((lease.number, lease.attempt), (0, 2), "the best of two goes on");
    let next = bench.records(worker, &lease, 1, vec![at(2, 1.5), saved(Some(2)), preempted()]).expect("accepted");
    let third = bench.leases_after(next).remove(0);
    let promoted = waits(&mut bench, worker, &third, 4.0).remove(0);
    assert_eq!((promoted.number, promoted.attempt, files(&promoted)), (0, 3, vec!["2"]), "nothing else is to come");
    let facts = vec![at(3, 1.2), ended(Cause::Exited)];
    let over = bench.records(worker, &promoted, 1, facts).expect("accepted");
    let ends: Vec<_> = over.events.iter().filter(|event| matches!(event, Event::TrialPruned { .. })).collect();
    assert_eq!(ends.len(), 2, "{over:?}");
    assert_eq!(counts(&bench, study), (1, 2, 0, 0));
    let study = bench.core.state.study(study).expect("it is there");
    assert_eq!((study.state, study.reason.as_str(), study.best), (StudyState::Finished, "budget used", Some((1.2, 0))));
    bench.check_replay();
}

#[test]
fn a_trial_that_waited_at_its_last_step_is_complete_with_what_it_had_shown() {
    let (mut bench, study, worker, lease) = Bench::with_lease(pausing("last", 1));
    let promoted = waits(&mut bench, worker, &lease, 2.0).remove(0);
    bench.records(worker, &promoted, 1, vec![ended(Cause::Exited)]).expect("accepted");
    assert_eq!(counts(&bench, study), (1, 0, 0, 0));
    assert_eq!(bench.core.state.study(study).and_then(|study| study.best), Some((2.0, 0)));
    bench.check_replay();
}

#[test]
fn a_trial_that_starts_over_is_not_judged_on_what_it_has_shown() {
    let (mut bench, _, worker, lease) = Bench::with_lease(pausing("over", 1));
    let outcome = bench.records(worker, &lease, 1, vec![at(1, 2.0), preempted()]).expect("accepted");
    let promoted = leases(&outcome).remove(0);
    let judged = bench.records(worker, &promoted, 1, vec![at(1, 9.0)]).expect("accepted");
    assert_eq!((judged.effects, bench.trial(lease.task).verdict.as_ref()), (vec![], None));
    let judged = bench.records(worker, &promoted, 2, vec![at(2, 9.0)]).expect("accepted");
    assert!(matches!(judged.effects[..], [Effect::Pause { .. }]));
    bench.check_replay();
}

#[test]
fn a_stopped_study_ends_held_trials_as_pruned_and_a_cancelled_one_as_cancelled() {
    let stopped = |command: fn(StudyId) -> Command| {
        let (mut bench, study, worker, lease) = Bench::with_lease(pausing("stop", 10));
        let next = waits(&mut bench, worker, &lease, 2.0).remove(0);
        bench.ask(command(study));
        let state = bench.core.state.trial_state(lease.task);
        let still = bench.core.state.trial_state(next.task);
        bench.check_replay();
        (state, still)
    };
    let stop = stopped(|study| Command::StopStudy { study });
    assert_eq!(stop, (Some(StateKind::Pruned), Some(StateKind::Running)));
    let cancel = stopped(|study| Command::CancelStudy { study });
    assert_eq!(cancel, (Some(StateKind::Cancelled), Some(StateKind::Cancelled)));
}

#[test]
fn a_judged_attempt_that_ends_while_its_study_stops_is_pruned() {
    let (mut bench, study, worker, lease) = Bench::with_lease(pausing("stopping", 10));
    bench.records(worker, &lease, 1, vec![at(1, 2.0)]).expect("accepted");
    bench.ask(Command::StopStudy { study });
    bench.records(worker, &lease, 2, vec![preempted()]).expect("accepted");
    assert_eq!(bench.core.state.trial_state(lease.task), Some(StateKind::Pruned));
    let finished = bench.core.state.study(study).and_then(|study| study.finished_trial(lease.task)).expect("finished");
    let end = &finished.segment.detail(finished.row).expect("more than a plain end").end;
    let expected =
        "pruned at step 1: asha: place 1 of 1 at step 1, best 0 go on; it never went on: the study stops: stopped by a user";
    assert_eq!(end, expected);
    bench.check_replay();
}

#[test]
fn a_user_lets_a_held_trial_go_on_and_the_pruner_takes_it_for_promoted() {
    let (mut bench, study, worker, lease) = Bench::with_lease(pausing("by hand", 10));
    let second = waits(&mut bench, worker, &lease, 2.0).remove(0);
    bench.ask(Command::ResumeTrial { trial: lease.task });
    assert_eq!(counts(&bench, study), (0, 0, 0, 0));
    let promoted = waits(&mut bench, worker, &second, 3.0).remove(0);
    assert_eq!((promoted.task, promoted.attempt), (lease.task, 2));
    bench.check_replay();
}

#[test]
fn what_a_user_paused_stays_paused_when_the_study_has_nothing_else() {
    let mut both = pausing("both", 2);
    both.search.parallel = Some(2);
    let (mut bench, study, worker, lease) = Bench::with_lease(both);
    bench.ask(Command::PauseTrial { trial: lease.task });
    let outcome = bench.records(worker, &lease, 1, vec![ended(Cause::Killed)]).expect("accepted");
    let second = bench.leases_after(outcome).remove(0);
    let promoted = waits(&mut bench, worker, &second, 2.0).remove(0);
    bench.records(worker, &promoted, 1, vec![ended(Cause::Exited)]).expect("accepted");
    assert_eq!(counts(&bench, study), (1, 0, 1, 0));
    assert_eq!(bench.trial(lease.task).state, TrialState::Paused);
    bench.check_replay();
}

#[test]
fn trials_that_can_never_go_on_end_when_there_is_room() {
    let mut study = pausing("cohort", 10);
    let (min_steps, max_steps, early_stopping_rate) = (Some(1), Some(9), 0);
    let promotion = Promotion::Resume;
    study.search.pruner = PrunerConfig::Halving { min_steps, reduction: 2, max_steps, early_stopping_rate, cohort: 4, promotion };
    let (mut bench, study, worker, first) = Bench::with_lease(study);
    let second = waits(&mut bench, worker, &first, 5.0).remove(0);
    let third = waits(&mut bench, worker, &second, 4.0).remove(0);
    bench.records(worker, &third, 1, vec![at(1, 3.0), at(2, 3.0)]).expect("accepted");
    assert_eq!(counts(&bench, study), (0, 0, 2, 2), "there was no room to look");
    let over = bench.records(worker, &third, 3, vec![preempted()]).expect("accepted");
    assert!(matches!(events_of(&over, first.task)[..], [Event::TrialPruned { .. }]), "{over:?}");
    assert_eq!(counts(&bench, study).1, 1);
    bench.check_replay();
}

#[test]
fn a_restart_changes_nothing_about_who_waits_and_who_goes_on() {
    let story = |restarts: bool| {
        let (mut bench, study, worker, mut lease) = Bench::with_lease(pausing("same", 5));
        let mut order = Vec::new();
        while bench.core.state.study(study).is_some_and(|study| study.state != StudyState::Finished) {
            order.push((lease.number, lease.attempt));
            let step = i64::from(lease.attempt);
            let value = f64::from(lease.number * 7 % 5) - step as f64;
            let point = Point { step: Some(step), metric: "loss".into(), value };
            let report = AttemptRecord {
                task: lease.task,
                attempt: lease.attempt,
                in_attempt: 1,
                fact: Fact::Report { points: vec![point] },
            };
            bench.ask(Command::Records { worker, records: vec![report] });
            if restarts {
                bench.restart();
                bench.attach_with(profile("a", 1), "1", &[held(&lease)]);
            }
            let cause = if step > 3 { Cause::Exited } else { Cause::Preempted { reason: String::new() } };
            let outcome = bench.records(worker, &lease, 2, vec![saved(Some(step)), ended(cause)]).expect("accepted");
            match bench.leases_after(outcome).pop() {
                Some(next) => lease = next,
                None => break,
            }
        }
        let state = bench.core.state.study(study).map(|study| (study.state, study.counts.counted()));
        (order, state)
    };
    let straight = story(false);
    assert_eq!(straight, story(true));
    assert_eq!(straight.1, Some((StudyState::Finished, 5)));
}

#[test]
fn a_held_trial_says_what_it_waits_for() {
    let (mut bench, _, worker, lease) = Bench::with_lease(pausing("explained", 10));
    bench.records(worker, &lease, 1, vec![at(1, 2.0)]).expect("accepted");
    let answer = explain::explain_running(&bench.core.state, &bench.core.roster, bench.now, bench.trial(lease.task));
    let said = "it is being paused at step 1: asha: place 1 of 1 at step 1, best 0 go on";
    assert!(answer.facts.iter().any(|fact| fact == said), "{answer:?}");
    bench.records(worker, &lease, 2, vec![preempted()]).expect("accepted");
    let answer = explain::explain_waiting(&bench.core.state, &bench.core.roster, bench.now, bench.trial(lease.task));
    assert_eq!(answer.summary, "the pruner holds it back at step 1: asha: place 1 of 1 at step 1, best 0 go on");
    assert_eq!(answer.hints, ["let it go on now with `hone trial resume explained/0`"]);
}
