//! Answers to "why": what holds a trial back first, and how it ended.

use hone_studies::{
    Cause, Command, Reply, SECOND, StudyId, TaskId,
    explain::{Explanation, explain_finished, explain_running, explain_study_idle, explain_waiting},
};

use super::support::{Bench, STREAM, at, ended, exit_code, profile, spec};

fn enqueued(bench: &mut Bench, study: StudyId) -> TaskId {
    match bench.ask(Command::Enqueue { study, params: [].into(), attributes: [].into() }).0 {
        Reply::Trial(trial) => trial,
        reply => panic!("{reply:?}"),
    }
}

fn waiting(bench: &Bench, trial: TaskId) -> Explanation {
    explain_waiting(&bench.core.state, &bench.core.roster, bench.now, bench.trial(trial))
}

fn idle(bench: &Bench, study: StudyId) -> Option<String> {
    explain_study_idle(&bench.core.state, &bench.core.roster, bench.now, study)
}

#[test]
fn nobody_is_connected() {
    let mut bench = Bench::new();
    let (study, _) = bench.create(spec("alone"));
    assert_eq!(idle(&bench, study).as_deref(), Some("no worker is connected"));
    let trial = enqueued(&mut bench, study);
    assert_eq!(waiting(&bench, trial).summary, "no worker is connected");
    assert_eq!(idle(&bench, study).as_deref(), Some("trial 0 waits: no worker is connected"));
}

#[test]
fn nobody_is_large_enough_and_the_closest_is_named() {
    let mut bench = Bench::new();
    let mut study = spec("large");
    study.trial.resources.cpus_milli = 8_000;
    study.trial.resources.labels = [("zone".to_owned(), "a".to_owned())].into();
    let mut near = profile("near", 4);
    near.labels = study.trial.resources.labels.clone();
    bench.attach(profile("far", 2));
    bench.attach(near);
    let (study, _) = bench.create(study);
    let trial = enqueued(&mut bench, study);
    let answer = waiting(&bench, trial);
    assert_eq!(answer.summary, "no connected worker can run it: a trial wants 8 CPUs, label zone=a");
    assert_eq!(answer.facts, ["the closest is `near`: it has 4 CPUs"]);
}

#[test]
fn a_label_that_differs_is_told() {
    let mut bench = Bench::new();
    let mut study = spec("label");
    study.trial.resources.labels = [("zone".to_owned(), "a".to_owned())].into();
    bench.attach(profile("none", 4));
    let (study, _) = bench.create(study);
    let trial = enqueued(&mut bench, study);
    assert_eq!(waiting(&bench, trial).facts, ["the closest is `none`: it has no label `zone`"]);
}

#[test]
fn everybody_is_busy_and_with_what() {
    let (mut bench, study, _, _) = Bench::with_lease(spec("busy"));
    let trial = enqueued(&mut bench, study);
    let answer = waiting(&bench, trial);
    assert_eq!(answer.summary, "every worker that could run it is busy");
    assert_eq!(answer.facts, ["worker `a` runs trial 0 of `busy` (heard of 0 s ago)"]);
    assert_eq!(idle(&bench, study), None);
}

#[test]
fn another_study_comes_first() {
    let mut bench = Bench::new();
    let (worker, _) = bench.attach(profile("a", 1));
    let mut urgent = spec("urgent");
    urgent.priority = 5;
    let (urgent, outcome) = bench.create(urgent);
    bench.leases_after(outcome);
    enqueued(&mut bench, urgent);
    let (patient, _) = bench.create(spec("patient"));
    let trial = enqueued(&mut bench, patient);
    let facts = waiting(&bench, trial).facts;
    assert_eq!(facts[1], "study `urgent` comes first: its priority is 5, this one's 0");
    bench.ask(Command::CordonWorker { worker });
    assert_eq!(waiting(&bench, trial).summary, "every worker that could run it takes no new work");
    assert_eq!(waiting(&bench, trial).facts, ["worker `a` is cordoned: cordoned by a user"]);
}

#[test]
fn its_study_holds_it_back() {
    let mut limited = spec("limit");
    limited.search.parallel = Some(1);
    let (mut bench, study, _, _) = Bench::with_lease(limited);
    let trial = enqueued(&mut bench, study);
    assert_eq!(waiting(&bench, trial).summary, "1 trials of its study run, and `parallel` allows 1");
    bench.ask(Command::PauseStudy { study });
    assert_eq!(waiting(&bench, trial).summary, "its study is paused: paused by a user");
    bench.ask(Command::PauseTrial { trial });
    assert_eq!(waiting(&bench, trial).summary, "it was paused by a user");
}

#[test]
fn a_retry_waits_for_its_time() {
    let mut retries = spec("retry");
    retries.search.max_trials = Some(1);
    retries.trial.retries = 1;
    let (mut bench, study, worker, lease) = Bench::with_lease(retries);
    bench.records(worker, &lease, 1, vec![ended(exit_code(3))]).expect("accepted");
    let answer = waiting(&bench, lease.task);
    assert_eq!(answer.summary, "its next attempt starts in 1 s, because the last one failed");
    assert_eq!(answer.facts, ["retries used: 1 of 1", "attempt 1 on worker 1, 0 s: failed: exit code 3"]);
    let said = idle(&bench, study);
    assert_eq!(said.as_deref(), Some("trial 0 waits: its next attempt starts in 1 s, because the last one failed"));
}

#[test]
fn a_running_trial_tells_where_it_is() {
    let (mut bench, _, worker, lease) = Bench::with_lease(spec("runs"));
    bench.records(worker, &lease, 1, vec![at(3, 0.25)]).expect("accepted");
    bench.pass(20 * SECOND);
    bench.ask(Command::DetachWorker { worker, stream: STREAM });
    let answer = explain_running(&bench.core.state, &bench.core.roster, bench.now, bench.trial(lease.task));
    assert_eq!(answer.summary, "attempt 1 runs on worker `a` since 20 s");
    let expected = [
        "last report: 0.25 at step 3",
        "its worker is not connected; unless it comes back within 40 s, attempt 1 is lost",
        "its parameters: test, chosen after 0 finished trials",
    ];
    assert_eq!(answer.facts, expected);
}

#[test]
fn a_finished_trial_tells_how_it_went() {
    let mut once = spec("ends");
    once.search.max_trials = Some(2);
    let (mut bench, study, worker, lease) = Bench::with_lease(once);
    bench.pass(5 * SECOND);
    let outcome = bench.complete(worker, &lease, 0.5);
    let second = bench.leases_after(outcome).remove(0);
    bench.records(worker, &second, 1, vec![ended(Cause::Exited)]).expect("accepted");
    let study = bench.core.state.study(study).expect("there");
    let explain = |id| explain_finished(&bench.core.state, study, study.finished_trial(id).expect("finished"));
    let good = explain(lease.task);
    assert_eq!(good.summary, "it is complete");
    let facts = ["loss = 0.5", "its parameters: test, chosen after 0 finished trials", "attempt 1 on worker `a`, 5 s: finished"];
    assert_eq!(good.facts, facts);
    let bad = explain(second.task);
    let said = "it is failed: failed: bad metric: metric `loss` was never reported; the trial reported nothing";
    assert_eq!(bad.summary, said);
    assert_eq!(bad.hints, ["report `loss` as a finite number before the trial returns"]);
}
