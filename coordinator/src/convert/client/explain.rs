//! Why a trial waits, how it runs, or why it ended as it did: read from the state, never guessed.

use hone_proto::v1;
use hone_studies::{
    End, FinishedTrial, Free, Micros, Resources, Roster, SECOND, State, StateKind, Study, StudyState, Trial, TrialState, Worker,
    WorkerState,
};

use super::{TrialRef, trial::worker_name};

/// Facts are told at most; the rest is counted.
const MAX_FACTS: usize = 20;

/// An answer under construction: the first sentence is the summary.
#[derive(Debug, Default)]
struct Answer {
    summary: String,
    facts: Vec<String>,
    hints: Vec<String>,
}

impl Answer {
    fn new(summary: impl Into<String>) -> Self {
        Answer { summary: summary.into(), ..Answer::default() }
    }

    fn fact(mut self, fact: impl Into<String>) -> Self {
        self.facts.push(fact.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// Explains a trial's state. `now` is on the wall clock.
pub fn explanation(state: &State, roster: &Roster, study: &Study, trial: TrialRef<'_>, now: Micros) -> v1::Explanation {
    let answer = match trial {
        TrialRef::Open(open) => match open.state {
            TrialState::Waiting { not_before } if not_before > now => backing_off(open, not_before - now),
            TrialState::Waiting { .. } => waiting(state, roster, study),
            TrialState::Paused => {
                Answer::new("it is paused: a user held it back").hint("`hone trial resume` lets it wait for a worker")
            }
            TrialState::Running { .. } => running(state, roster, open),
            TrialState::Complete | TrialState::Pruned | TrialState::Failed | TrialState::Cancelled => Answer::default(),
        },
        TrialRef::Finished(row) => ended(state, study, row),
    };
    let Answer { summary, facts, hints } = with_attempts(answer, state, trial);
    v1::Explanation { summary, facts, hints }
}

/// Why nothing of a study runs, in one sentence; empty when something does, or when nothing is to run.
pub fn waits_for(state: &State, roster: &Roster, study: &Study) -> String {
    if study.state == StudyState::Finished || study.counts.running > 0 {
        return String::new();
    }
    waiting(state, roster, study).summary
}

fn backing_off(trial: &Trial, left: Micros) -> Answer {
    let seconds = (left + SECOND - 1) / SECOND;
    let failures = trial.own_failures;
    Answer::new(format!("it waits {seconds} s more before its next attempt"))
        .fact(format!("{failures} of its attempts failed; the wait doubles with each"))
}

fn waiting(state: &State, roster: &Roster, study: &Study) -> Answer {
    match study.state {
        StudyState::Paused => return Answer::new("the study is paused").hint("`hone study resume` goes on"),
        StudyState::Stopping => return Answer::new(format!("the study stops: {}", study.reason)),
        StudyState::Finished => return Answer::new(format!("the study is finished: {}", study.reason)),
        StudyState::Active => {}
    }
    if study.counts.running >= study.parallel() {
        return Answer::new(format!("{} trials of the study run, as many as `parallel` allows", study.counts.running))
            .hint("`hone study set NAME parallel=N` allows more");
    }
    waiting_for_worker(state, roster, study)
}

fn waiting_for_worker(state: &State, roster: &Roster, study: &Study) -> Answer {
    let connected = |worker: &Worker| roster.session(worker.id).is_some_and(|session| session.connected);
    let here: Vec<&Worker> = state.workers().map(|worker| &**worker).filter(|worker| connected(worker)).collect();
    if here.is_empty() {
        return Answer::new("no worker is connected").hint("`hone worker --join HOST:PORT` attaches a machine");
    }
    let wanted = &study.spec.trial.resources;
    let obstacles: Vec<(&Worker, Obstacle)> =
        here.into_iter().filter_map(|worker| Some((worker, obstacle(roster, worker, wanted)?))).collect();
    let answer = match obstacles.iter().map(|(_, obstacle)| obstacle.rank()).min() {
        _ if obstacles.len() < connected_count(state, roster) => Answer::new("it is about to start: a worker has room for it"),
        Some(0) => Answer::new("every worker that could run it is busy").hint("more workers make it start sooner"),
        Some(1) => Answer::new("every worker that could run it takes nothing new").hint("`hone worker activate` takes it back"),
        _ => Answer::new("no connected worker can ever run it")
            .hint("ask for less under `[trial.resources]`, or attach a larger worker"),
    };
    let told = obstacles.iter().take(MAX_FACTS);
    told.fold(answer, |answer, (worker, obstacle)| answer.fact(format!("worker `{}` {obstacle}", worker.profile.name)))
}

fn connected_count(state: &State, roster: &Roster) -> usize {
    state.workers().filter(|worker| roster.session(worker.id).is_some_and(|session| session.connected)).count()
}

/// Why a worker does not take a trial now.
#[derive(Debug)]
enum Obstacle {
    Busy,
    NotTaking(WorkerState),
    Lacks(String),
}

impl Obstacle {
    /// How far the worker is from taking the trial.
    fn rank(&self) -> u8 {
        match self {
            Obstacle::Busy => 0,
            Obstacle::NotTaking(_) => 1,
            Obstacle::Lacks(_) => 2,
        }
    }
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Obstacle::Busy => f.write_str("is busy"),
            Obstacle::NotTaking(WorkerState::Cordoned) => f.write_str("is cordoned"),
            Obstacle::NotTaking(WorkerState::Draining) => f.write_str("is draining"),
            Obstacle::NotTaking(WorkerState::Active | WorkerState::Gone) => f.write_str("has left"),
            Obstacle::Lacks(what) => f.write_str(what),
        }
    }
}

fn obstacle(roster: &Roster, worker: &Worker, wanted: &Resources) -> Option<Obstacle> {
    let capacity = &worker.profile.capacity;
    if let Some((key, value)) = wanted.labels.iter().find(|(key, value)| worker.profile.labels.get(*key) != Some(*value)) {
        return Some(Obstacle::Lacks(format!("does not have the label `{key}={value}`")));
    }
    if Free::of(capacity).place(capacity, wanted).is_none() {
        return Some(Obstacle::Lacks(lack(worker, wanted)));
    }
    match worker.state {
        WorkerState::Active => {}
        WorkerState::Cordoned | WorkerState::Draining | WorkerState::Gone => return Some(Obstacle::NotTaking(worker.state)),
    }
    let fits = roster.session(worker.id).is_some_and(|session| session.free().place(capacity, wanted).is_some());
    (!fits).then_some(Obstacle::Busy)
}

fn lack(worker: &Worker, wanted: &Resources) -> String {
    let capacity = &worker.profile.capacity;
    if capacity.cpus_milli < wanted.cpus_milli {
        return format!("has {} cpus, the trial wants {}", milli(capacity.cpus_milli), milli(wanted.cpus_milli));
    }
    if capacity.memory_bytes < wanted.memory_bytes {
        return format!("has {} bytes of memory, the trial wants {}", capacity.memory_bytes, wanted.memory_bytes);
    }
    format!("has {} gpus, not the {} that the trial wants", capacity.gpus.len(), milli(wanted.gpus_milli))
}

fn milli(milli: u32) -> f64 {
    f64::from(milli) / 1000.0
}

fn running(state: &State, roster: &Roster, trial: &Trial) -> Answer {
    let Some(attempt) = trial.running() else { return Answer::default() };
    let name = worker_name(state, attempt.worker);
    let mut answer = Answer::new(format!("attempt {} runs on worker `{name}`", attempt.number));
    if let Some((step, value)) = trial.curve.last(0) {
        answer = answer.fact(format!("it last reported {value} at step {step}"));
    }
    if let Some(verdict) = &trial.verdict {
        answer =
            answer.fact(format!("the pruner ended it at step {}: {}; its process is about to go", verdict.step, verdict.reason));
    }
    if !roster.session(attempt.worker).is_some_and(|session| session.connected) {
        answer =
            answer.fact(format!("worker `{name}` is disconnected; the attempt is lost if it stays away until its lease ends"));
    }
    answer
}

fn ended(state: &State, study: &Study, row: FinishedTrial<'_>) -> Answer {
    let detail = row.segment.detail(row.row);
    let end = detail.map_or("finished", |detail| detail.end.as_str());
    let kind = StateKind::of_outcome(row.outcome());
    let mut answer = match kind {
        StateKind::Complete => Answer::new("it is complete: its program returned 0 and every objective has a value"),
        StateKind::Pruned => Answer::new(format!("it was {end}")),
        StateKind::Failed => {
            Answer::new(format!("it {end}")).hint("`hone trial logs` shows its output; `hone trial retry` runs it again")
        }
        StateKind::Waiting | StateKind::Running | StateKind::Paused | StateKind::Cancelled => {
            Answer::new(format!("it is {}: {end}", kind.name()))
        }
    };
    let overlay = study.overlay(row.id());
    if let Some(by) = overlay.and_then(|overlay| overlay.superseded_by) {
        let number =
            study.open_trial(by).map(|trial| trial.number).or_else(|| study.finished_trial(by).map(|trial| trial.number()));
        let by = number.map_or_else(|| "another trial".to_owned(), |number| format!("trial {number}"));
        answer = answer.fact(format!("{by} took its place in the budget"));
    }
    if let Some(worker) = row.worker() {
        answer = answer.fact(format!("its last attempt ran on worker `{}`", worker_name(state, worker)));
    }
    answer
}

fn with_attempts(answer: Answer, state: &State, trial: TrialRef<'_>) -> Answer {
    let attempts = match trial {
        TrialRef::Open(trial) => trial.attempts.as_slice(),
        TrialRef::Finished(row) => row.segment.detail(row.row).map_or(&[][..], |detail| &detail.attempts),
    };
    let earlier = attempts.iter().filter_map(|attempt| Some((attempt, attempt.end.as_ref()?)));
    let unfinished = earlier.filter(|(_, end)| !matches!(end, End::Finished { .. }));
    unfinished.take(MAX_FACTS).fold(answer, |answer, (attempt, end)| {
        answer.fact(format!("attempt {} on worker `{}`: {end}", attempt.number, worker_name(state, attempt.worker)))
    })
}
