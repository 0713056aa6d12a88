//! Why a trial waits, runs or has ended as it did, and why a study starts nothing: answers in plain words.
//!
//! Reads the same state and roster that the scheduler reads, and asks the questions in the scheduler's order, so that
//! the first answer is the one that holds the trial back.

use std::fmt::Write as _;

use crate::{
    command::Now,
    event::{Driver, Failure, GpuShare, Origin, StudyState, WorkerState},
    finished::FinishedTrial,
    ids::{CLIENT, Micros, SECOND, StudyId, TaskId, WorkerId},
    roster::{Free, Roster, Session},
    spec::{Constraint, Resources},
    state::State,
    study::Study,
    trial::{Attempt, Trial, TrialState, Verdict},
    worker::Worker,
};

/// An answer for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// One sentence.
    pub summary: String,
    /// What it rests on, one line each.
    pub facts: Vec<String>,
    /// What the reader may do about it.
    pub hints: Vec<String>,
}

impl Explanation {
    fn new(summary: impl Into<String>) -> Explanation {
        Explanation { summary: summary.into(), ..Explanation::default() }
    }

    fn fact(mut self, fact: impl Into<String>) -> Explanation {
        self.facts.push(fact.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Explanation {
        self.hints.push(hint.into());
        self
    }
}

// ---------------------------------------------------------------- trials

/// Why an open trial has no worker: what holds it back first.
pub fn explain_waiting(state: &State, roster: &Roster, now: Now, trial: &Trial) -> Explanation {
    let Some(study) = state.study(trial.study) else {
        return Explanation::new("its study was removed");
    };
    let mut answer = held_back_by_itself(study, now, trial)
        .or_else(|| held_back_by_study(study))
        .unwrap_or_else(|| held_back_by_workers(state, roster, now, study));
    answer.facts.extend(history(&trial.attempts));
    answer
}

fn held_back_by_itself(study: &Study, now: Now, trial: &Trial) -> Option<Explanation> {
    if let Some(verdict) = trial.held() {
        return Some(held_by_pruner(study, trial, verdict));
    }
    match trial.state {
        TrialState::Paused => {
            let hint = format!("let it go on with `hone trial resume {}/{}`", study.spec.name, trial.number);
            Some(Explanation::new("it was paused by a user").hint(hint))
        }
        TrialState::Waiting { not_before } if not_before > now.wall => {
            let wait = in_words(not_before - now.wall);
            let summary = format!("its next attempt starts in {wait}, because the last one failed");
            Some(Explanation::new(summary).fact(format!("retries used: {} of {}", trial.own_failures, study.spec.trial.retries)))
        }
        TrialState::Waiting { .. } | TrialState::Running { .. } => None,
        TrialState::Complete | TrialState::Pruned | TrialState::Failed | TrialState::Cancelled => None,
    }
}

fn held_by_pruner(study: &Study, trial: &Trial, verdict: &Verdict) -> Explanation {
    Explanation::new(format!("the pruner holds it back at step {}: {}", verdict.step, verdict.reason))
        .fact("it goes on when later results put it among the best, and ends as pruned if none do")
        .hint(format!("let it go on now with `hone trial resume {}/{}`", study.spec.name, trial.number))
}

fn held_back_by_study(study: &Study) -> Option<Explanation> {
    let name = &study.spec.name;
    match study.state {
        StudyState::Paused => {
            let resume = format!("let it go on with `hone study resume {name}`");
            return Some(Explanation::new(format!("its study is paused: {}", study.reason)).hint(resume));
        }
        StudyState::Stopping => return Some(Explanation::new(format!("its study stops: {}", study.reason))),
        StudyState::Finished => return Some(Explanation::new(format!("its study has ended: {}", study.reason))),
        StudyState::Active => {}
    }
    if study.driver == Driver::Clients {
        return Some(Explanation::new("a client runs the trials of this study, and has not told its result yet"));
    }
    let (running, parallel) = (study.counts.running, study.parallel());
    (running >= parallel).then(|| {
        Explanation::new(format!("{running} trials of its study run, and `parallel` allows {parallel}"))
            .hint(format!("raise it with `hone study set {name} parallel=N`"))
    })
}

fn held_back_by_workers(state: &State, roster: &Roster, now: Now, study: &Study) -> Explanation {
    let wanted = &study.spec.trial.resources;
    let views: Vec<View<'_>> = state.workers().filter_map(|worker| View::of(roster, worker)).collect();
    if views.is_empty() {
        return nobody_connected(state);
    }
    let fitting: Vec<&View<'_>> = views.iter().filter(|view| view.could_ever(wanted).is_empty()).collect();
    if fitting.is_empty() {
        return nobody_big_enough(&views, wanted);
    }
    let taking: Vec<&View<'_>> = fitting.iter().filter(|view| view.worker.state == WorkerState::Active).copied().collect();
    if taking.is_empty() {
        return nobody_takes_work(&fitting);
    }
    if let Some(view) = taking.iter().find(|view| view.has_room(wanted)) {
        return room_is_kept(state, roster, study, view);
    }
    all_busy(state, roster, study, &taking, now)
}

fn nobody_connected(state: &State) -> Explanation {
    let mut answer = Explanation::new("no worker is connected");
    for worker in state.workers() {
        answer.facts.push(format!("worker `{}` is {}, but not connected", worker.profile.name, state_in_words(worker.state)));
    }
    answer.hint("start one with `hone worker --join HOST:PORT`, or look at `hone worker ls`")
}

fn nobody_big_enough(views: &[View<'_>], wanted: &Resources) -> Explanation {
    let lacks = |view: &View<'_>| view.could_ever(wanted);
    let closest = views.iter().min_by_key(|view| (lacks(view).len(), view.worker.id));
    let mut answer = Explanation::new(format!("no connected worker can run it: a trial wants {}", wanted_in_words(wanted)));
    if let Some(view) = closest {
        answer = answer.fact(format!("the closest is `{}`: {}", view.worker.profile.name, lacks(view).join(", ")));
    }
    answer.hint("attach a worker that is large enough and has the labels, or ask for less in `[trial] resources`")
}

fn nobody_takes_work(fitting: &[&View<'_>]) -> Explanation {
    let mut answer = Explanation::new("every worker that could run it takes no new work");
    for view in fitting {
        let Worker { profile, state, reason, .. } = view.worker;
        answer.facts.push(format!("worker `{}` is {}: {reason}", profile.name, state_in_words(*state)));
    }
    answer.hint("let one take work again with `hone worker activate NAME`")
}

/// There is room now: a study that comes first gets it, or the next look at the queue gives it to this one.
fn room_is_kept(state: &State, roster: &Roster, study: &Study, view: &View<'_>) -> Explanation {
    match first_in_line(state, roster, study) {
        Some(other) => Explanation::new(comes_first(study, other))
            .hint(format!("change it with `hone study set {} priority={}`", study.spec.name, other.spec.priority)),
        None => Explanation::new(format!("worker `{}` has room; it starts in a moment", view.worker.profile.name)),
    }
}

/// The study of higher priority that wants workers too.
fn first_in_line<'a>(state: &'a State, roster: &Roster, study: &Study) -> Option<&'a Study> {
    let others = state.unfinished().map(|other| &**other).filter(|other| other.state == StudyState::Active);
    let first = others.filter(|other| other.spec.priority > study.spec.priority);
    let wanting = first.filter(|other| other.counts.waiting > 0 || roster.proposing(other.id) > 0);
    wanting.max_by_key(|other| (other.spec.priority, std::cmp::Reverse(other.id)))
}

fn comes_first(study: &Study, other: &Study) -> String {
    let (mine, theirs) = (study.spec.priority, other.spec.priority);
    format!("study `{}` comes first: its priority is {theirs}, this one's {mine}", other.spec.name)
}

fn all_busy(state: &State, roster: &Roster, study: &Study, taking: &[&View<'_>], now: Now) -> Explanation {
    let mut answer = Explanation::new("every worker that could run it is busy");
    for view in taking {
        let runs: Vec<String> = view.session.claims().map(|(task, _)| claim_in_words(state, task)).collect();
        let heard = in_words(now.wall - view.session.seen);
        answer.facts.push(format!("worker `{}` runs {} (heard of {heard} ago)", view.worker.profile.name, runs.join(", ")));
    }
    answer.facts.extend(first_in_line(state, roster, study).map(|other| comes_first(study, other)));
    answer.hint("it starts when one of them ends; attach another worker to start it sooner")
}

fn claim_in_words(state: &State, task: TaskId) -> String {
    match state.open_trial(task) {
        Some((study, trial)) => format!("trial {} of `{}`", trial.number, study.spec.name),
        None => format!("what is left of trial {task}"),
    }
}

/// Where a running trial is, since when, and what has been before.
pub fn explain_running(state: &State, roster: &Roster, now: Now, trial: &Trial) -> Explanation {
    let Some(running) = trial.running() else { return explain_waiting(state, roster, now, trial) };
    let since = in_words(now.wall - running.started);
    let worker = worker_in_words(state, running.worker);
    let mut answer = Explanation::new(format!("attempt {} runs on worker `{worker}` since {since}", running.number));
    if let Some((step, value)) = trial.curve.last(0) {
        answer = answer.fact(format!("last report: {value} at step {step}"));
    }
    if let Some(verdict) = &trial.verdict {
        let done = if verdict.pause { "paused" } else { "ended: pruned" };
        answer = answer.fact(format!("it is being {done} at step {}: {}", verdict.step, verdict.reason));
    }
    if !running.gpus.is_empty() {
        answer = answer.fact(format!("GPUs: {}", gpus_in_words(&running.gpus)));
    }
    answer.facts.extend(contact(roster.session(running.worker), running, now));
    answer.facts.push(origin_in_words(&trial.origin, &trial.why));
    answer.facts.extend(history(&trial.attempts[..trial.attempts.len() - 1]));
    answer
}

fn contact(session: Option<&Session>, running: &Attempt, now: Now) -> Option<String> {
    match session {
        Some(session) if session.is_connected() => None,
        Some(session) => {
            let left = in_words((session.alive_until - now.mono).max(0));
            Some(format!("its worker is not connected; unless it comes back within {left}, attempt {} is lost", running.number))
        }
        None => Some("its worker has not come back since the coordinator started".to_owned()),
    }
}

/// How a finished trial ended, why, and where its parameters came from.
pub fn explain_finished(state: &State, study: &Study, trial: FinishedTrial<'_>) -> Explanation {
    let (segment, row) = (trial.segment, trial.row);
    let detail = segment.detail(row);
    let outcome = crate::trial::StateKind::of_outcome(trial.outcome()).name();
    let end = detail.map_or_else(|| "finished".to_owned(), |detail| detail.end.clone());
    let mut answer =
        Explanation::new(if end == "finished" { format!("it is {outcome}") } else { format!("it is {outcome}: {end}") });
    for (index, objective) in study.spec.objectives.iter().enumerate() {
        let value = segment.columns.value(index, row);
        if !value.is_nan() {
            answer.facts.push(format!("{} = {value}", objective.metric));
        }
    }
    answer.facts.extend(broken_constraints(study, trial));
    answer.facts.push(origin_in_words(&trial.origin(), segment.why(row)));
    match detail {
        Some(detail) => {
            answer.facts.extend(history(&detail.attempts));
            answer.hints.extend(detail.attempts.last().and_then(|last| way_out(study, last)));
        }
        None => {
            let place = trial.worker().map(|worker| format!("on worker `{}`", worker_in_words(state, worker)));
            let place = place.unwrap_or_else(|| "by a client".to_owned());
            let took = in_words(segment.ended[row] - segment.started[row]);
            answer.facts.push(format!("attempt 1 {place}, {took}: finished"));
        }
    }
    marks(study, trial.id(), &mut answer);
    answer
}

/// Says of each constraint that the trial breaks by how much.
fn broken_constraints(study: &Study, trial: FinishedTrial<'_>) -> Vec<String> {
    let sentence = |constraint: &Constraint| {
        let value = trial.metric(study.metric_index(&constraint.metric)?)?;
        let bound = match (constraint.min, constraint.max) {
            (Some(min), _) if value < min => format!("at least {min}"),
            (_, Some(max)) if value > max => format!("at most {max}"),
            _ => return None,
        };
        Some(format!("it breaks a constraint: {} = {value} and should be {bound}", constraint.metric))
    };
    study.spec.constraints.iter().filter_map(sentence).collect()
}

fn marks(study: &Study, id: TaskId, answer: &mut Explanation) {
    let Some(overlay) = study.overlay(id) else { return };
    if let Some(by) = overlay.superseded_by {
        answer.facts.push(format!("it does not count towards the budget: trial {by} retries it"));
    }
    for (attempt, end) in &overlay.stale {
        answer.facts.push(format!("attempt {attempt} came to its end after it had been replaced ({end}); it counts for nothing"));
    }
}

fn way_out(study: &Study, last: &Attempt) -> Option<String> {
    use crate::event::End;
    let Some(End::Failed(failure)) = &last.end else { return None };
    let metric = study.spec.objectives.first().map_or("", |objective| objective.metric.as_str());
    Some(match failure {
        Failure::BadMetric { .. } => format!("report `{metric}` as a finite number before the trial returns"),
        Failure::TimedOut { .. } => format!("give it more time with `hone study set {} timeout=…`", study.spec.name),
        Failure::OutOfMemory { .. } => "ask for more memory in `[trial] resources`".to_owned(),
        Failure::CrashLimit { .. } => "look at the workers of the lost attempts, then `hone trial retry`".to_owned(),
        Failure::Setup { .. } => "run the study's `setup` by hand on that worker".to_owned(),
        Failure::Spawn { .. } => "check that the command exists on that worker".to_owned(),
        Failure::Told { .. } => "read what the program that asked for it has printed".to_owned(),
        Failure::ExitCode { .. } | Failure::Signal { .. } => "read its output with `hone trial logs`".to_owned(),
    })
}

// ---------------------------------------------------------------- studies

/// Why a study starts nothing, in one sentence; `None`: it runs trials, or is about to.
pub fn explain_study_idle(state: &State, roster: &Roster, now: Now, id: StudyId) -> Option<String> {
    let study = state.study(id)?;
    if study.counts.running > 0 {
        return None;
    }
    if study.state == StudyState::Finished {
        return Some(format!("the study has ended: {}", study.reason));
    }
    // The one that is due first: what holds it back holds the others back too.
    if let Some(first) = study.waiting().next().and_then(|(_, trial)| study.open_trial(trial)) {
        let first_due = explain_waiting(state, roster, now, first);
        return Some(format!("trial {} waits: {}", first.number, first_due.summary));
    }
    if let Some(answer) = held_back_by_study(study) {
        return Some(answer.summary.replace("its study", "the study"));
    }
    let by_users = study.counts.paused - study.held().len() as u64;
    if by_users > 0 {
        return Some(format!("{by_users} trials are paused, and nothing else is left to run"));
    }
    if roster.proposing(id) > 0 {
        return Some("the sampler is choosing the next trials".to_owned());
    }
    Some(held_back_by_workers(state, roster, now, study).summary)
}

// ---------------------------------------------------------------- workers

/// A connected worker.
struct View<'a> {
    worker: &'a Worker,
    session: &'a Session,
}

impl<'a> View<'a> {
    fn of(roster: &'a Roster, worker: &'a Worker) -> Option<View<'a>> {
        let session = roster.session(worker.id).filter(|session| session.is_connected())?;
        Some(View { worker, session })
    }

    /// What an empty worker like this one lacks; nothing: it could run it.
    fn could_ever(&self, wanted: &Resources) -> Vec<String> {
        let capacity = &self.worker.profile.capacity;
        let mut lacks = Vec::new();
        if capacity.cpus_milli < wanted.cpus_milli {
            lacks.push(format!("it has {} CPUs", thousandths(capacity.cpus_milli)));
        }
        if capacity.memory_bytes < wanted.memory_bytes {
            lacks.push(format!("it has {} of memory", bytes_in_words(capacity.memory_bytes)));
        }
        let gpus = capacity.gpus.iter().filter(|gpu| gpu.memory_bytes >= wanted.gpu_memory_bytes).count();
        if gpus < wanted.gpus_milli.div_ceil(1_000) as usize {
            lacks.push(format!("it has {gpus} such GPUs"));
        }
        for (key, value) in &wanted.labels {
            match self.worker.profile.labels.get(key) {
                Some(found) if found == value => {}
                Some(found) => lacks.push(format!("its label `{key}` is `{found}`, not `{value}`")),
                None => lacks.push(format!("it has no label `{key}`")),
            }
        }
        lacks
    }

    fn has_room(&self, wanted: &Resources) -> bool {
        let free: &Free = self.session.free();
        free.place(&self.worker.profile.capacity, wanted).is_some()
    }
}

fn state_in_words(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Active => "active",
        WorkerState::Cordoned => "cordoned",
        WorkerState::Draining => "draining",
        WorkerState::Gone => "gone",
    }
}

// ---------------------------------------------------------------- words

fn history(attempts: &[Attempt]) -> impl Iterator<Item = String> + '_ {
    attempts.iter().filter_map(|attempt| {
        let end = attempt.end.as_ref()?;
        let took = in_words(attempt.ended.unwrap_or(attempt.started) - attempt.started);
        let place = if attempt.worker == CLIENT { "by a client".to_owned() } else { format!("on worker {}", attempt.worker) };
        Some(format!("attempt {} {place}, {took}: {end}", attempt.number))
    })
}

fn origin_in_words(origin: &Origin, why: &str) -> String {
    match origin {
        Origin::Sampled { as_of } => format!("its parameters: {why}, chosen after {as_of} finished trials"),
        Origin::Enqueued { .. } => format!("its parameters: {why}"),
        Origin::Retry { of } => format!("its parameters: those of trial {of}, which it retries"),
        Origin::Imported => "it was imported".to_owned(),
        Origin::Asked { as_of } => format!("its parameters were chosen by a client, after {as_of} finished trials"),
    }
}

fn worker_in_words(state: &State, id: WorkerId) -> String {
    state.worker(id).map_or_else(|| id.to_string(), |worker| worker.profile.name.clone())
}

fn wanted_in_words(wanted: &Resources) -> String {
    let mut text = format!("{} CPUs", thousandths(wanted.cpus_milli));
    if wanted.memory_bytes > 0 {
        let _ = write!(text, ", {} of memory", bytes_in_words(wanted.memory_bytes));
    }
    if wanted.gpus_milli > 0 {
        let _ = write!(text, ", {} GPUs", thousandths(wanted.gpus_milli));
    }
    if wanted.gpu_memory_bytes > 0 {
        let _ = write!(text, " with {} each", bytes_in_words(wanted.gpu_memory_bytes));
    }
    for (key, value) in &wanted.labels {
        let _ = write!(text, ", label {key}={value}");
    }
    text
}

fn gpus_in_words(gpus: &[GpuShare]) -> String {
    let one = |gpu: &GpuShare| match gpu.milli {
        1_000 => gpu.index.to_string(),
        part => format!("{} of {}", thousandths(part), gpu.index),
    };
    gpus.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn thousandths(milli: u32) -> String {
    format!("{}", f64::from(milli) / 1_000.0)
}

fn bytes_in_words(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{} {unit}", (bytes as f64 / *size as f64 * 10.0).round() / 10.0),
        None => format!("{bytes} bytes"),
    }
}

/// A length of time, rounded to what matters: `0.4 s`, `12 s`, `3 min`, `2 h`.
fn in_words(time: Micros) -> String {
    let time = time.max(0);
    match time / SECOND {
        0..10 => format!("{} s", (time as f64 / 1e5).round() / 10.0),
        10..100 => format!("{} s", time / SECOND),
        100..6_000 => format!("{} min", time / SECOND / 60),
        _ => format!("{} h", time / SECOND / 3_600),
    }
}
