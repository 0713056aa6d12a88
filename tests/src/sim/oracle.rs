//! The judge: what workers and clients were promised, kept outside of Hone, and compared with what it remembers.

use std::collections::{BTreeMap, BTreeSet};

use hone_proto::worker::{Record, record};
use hone_search::{Outcome, same_numbers};
use hone_studies::{
    AnnotatorId, AnswerId, Asked, Core, Driver, End, Failure, FinishedTrial, LabelRequestId, Micros, Now, Reject, RequestId,
    Roster, Scope, State, StateKind, Study, StudyId, TaskId, explain, invariants,
};
use hone_worker::machine::AttemptKey;

use super::{asker::Held, label_promises::LabelPromises, labelling::Said, reference::Reference};

/// Invariants are checked after every commit of this many; after every one when a timeline is wanted.
const CHECKED_COMMITS: u64 = 32;
/// The same for explanations.
const EXPLAINED_COMMITS: u64 = 160;

/// What was promised, and what was found broken.
#[derive(Debug, Default)]
pub struct Oracle {
    violations: Vec<String>,
    every_commit: bool,
    commits: u64,
    /// Studies of the plan whose creation was answered.
    studies: BTreeMap<usize, StudyId>,
    trials: BTreeSet<TaskId>,
    cancelled: BTreeSet<TaskId>,
    marked: BTreeSet<TaskId>,
    /// Which worker was sent an attempt.
    leases: BTreeMap<AttemptKey, usize>,
    /// The last acknowledged record of an attempt, and whether its end was.
    acknowledged: BTreeMap<AttemptKey, (u64, bool)>,
    /// Processes that returned 0.
    succeeded: BTreeSet<AttemptKey>,
    /// Finished trials that could be seen.
    finished: BTreeMap<TaskId, (Outcome, Vec<u64>)>,
    /// Rows of each study that are in `finished` already.
    seen: BTreeMap<StudyId, usize>,
    /// Trials whose end was told by a program and acknowledged.
    told: BTreeMap<TaskId, (u32, Outcome)>,
    /// First answers to requests that were sent twice at once.
    twice: BTreeMap<RequestId, Vec<TaskId>>,
    /// What was promised to those who label.
    labels: LabelPromises,
    /// Workers whose process has died at least once.
    died: BTreeSet<usize>,
    /// Studies that were compared with an undisturbed run.
    pub compared: u64,
}

impl Oracle {
    pub fn new(every_commit: bool) -> Oracle {
        Oracle { every_commit, ..Oracle::default() }
    }

    pub fn violation(&mut self, promise: &str, detail: String) {
        self.violations.push(format!("{promise}: {detail}"));
    }

    pub fn has_violations(&self) -> bool {
        !self.violations.is_empty()
    }

    pub fn into_violations(self) -> Vec<String> {
        self.violations
    }

    fn expect(&mut self, holds: bool, promise: &str, detail: impl FnOnce() -> String) {
        if !holds {
            self.violation(promise, detail());
        }
    }

    // ------------------------------------------------------------ promises, as they are made

    pub fn knows_study(&self, study: usize) -> bool {
        self.studies.contains_key(&study)
    }

    pub fn study_created(&mut self, study: usize, id: StudyId) {
        let known = *self.studies.entry(study).or_insert(id);
        self.expect(known == id, "P1", || format!("study {study} was called {known} and then {id}"));
    }

    pub fn trial_created(&mut self, trial: TaskId) {
        let new = self.trials.insert(trial);
        self.expect(new, "P1", || format!("two trials are called {trial}"));
    }

    pub fn cancelled(&mut self, trial: TaskId) {
        self.cancelled.insert(trial);
    }

    pub fn marked(&mut self, trial: TaskId) {
        self.marked.insert(trial);
    }

    /// An attempt is sent to one worker only, whatever crashes.
    pub fn leased(&mut self, worker: usize, task: u64, attempt: u32) {
        let key = AttemptKey { task, attempt };
        let known = *self.leases.entry(key).or_insert(worker);
        self.expect(known == worker, "P2", || format!("attempt {key} was leased to workers {known} and {worker}"));
    }

    pub fn acknowledged(&mut self, acknowledged: &Record) {
        let entry = self.acknowledged.entry(AttemptKey::of(acknowledged)).or_default();
        entry.0 = entry.0.max(acknowledged.in_attempt);
        entry.1 |= matches!(acknowledged.kind, Some(record::Kind::Ended(_)));
    }

    pub fn succeeded(&mut self, key: AttemptKey) {
        self.succeeded.insert(key);
    }

    /// A trial ends once, by the attempt that has it.
    pub fn told(&mut self, held: Held, outcome: Outcome) {
        let known = *self.told.entry(held.trial).or_insert((held.attempt, outcome));
        self.expect(known == (held.attempt, outcome), "P2", || format!("trial {} was told twice: {known:?}", held.trial));
    }

    /// Whoever sends a request twice at once has the same trials twice.
    pub fn asked_twice(&mut self, request: RequestId, asked: &Asked) {
        let trials: Vec<TaskId> = asked.trials.iter().map(|(trial, _)| *trial).collect();
        if let Some(first) = self.twice.remove(&request) {
            let same = first == trials || first.is_empty() || trials.is_empty();
            self.expect(same, "P2", || format!("request {request:?} was answered {first:?} and {trials:?}"));
        } else {
            self.twice.insert(request, trials);
        }
    }

    /// An annotator sends an answer, for the first time or again.
    pub fn says(&mut self, said: Said) {
        self.labels.says(said);
    }

    /// An answer was acknowledged.
    pub fn labelled(&mut self, said: Said, answer: AnswerId) {
        let known = self.labels.acknowledged(said, answer);
        self.expect(known == answer, "P2", || format!("{said:?} was called answer {known} and then {answer}"));
    }

    /// An annotator wants an answer back; whether they get it, they may not hear.
    pub fn takes_back(&mut self, request: LabelRequestId, annotator: AnnotatorId) {
        self.labels.takes_back(request, annotator);
    }

    pub fn may_be_withdrawn(&mut self, answer: AnswerId) {
        self.labels.may_be_withdrawn(answer);
    }

    /// A batch that is sent twice is asked for once.
    pub fn batch_asked(&mut self, batch: u32, new: u32, whole: bool) {
        let known = self.labels.batch_asked(batch, new);
        self.expect(known == new && whole, "P2", || format!("batch {batch} has {known} new requests and then {new}"));
    }

    fn check_labels(&mut self, state: &State) {
        for broken in self.labels.broken(&state.labels) {
            self.violation("P1", broken);
        }
    }

    pub fn worker_died(&mut self, worker: usize) {
        self.died.insert(worker);
    }

    /// A worker that keeps to the protocol is never turned away.
    pub fn refused_worker(&mut self, reject: &Reject) {
        match reject {
            Reject::OutOfOrder { .. } => self.violation("records", reject.to_string()),
            Reject::NoSuchWorker(_) => self.violation("worker", reject.to_string()),
            Reject::NoSuchStudy(_)
            | Reject::NoSuchTrial(_)
            | Reject::StudyExists { .. }
            | Reject::WrongStudyState { .. }
            | Reject::WrongTrialState { .. }
            | Reject::NotChangeable(_)
            | Reject::BadParameters(_)
            | Reject::WarmStart(_)
            | Reject::BudgetUsed { .. }
            | Reject::ImportGap { .. }
            // Its worker has another stream, where nothing is turned away.
            | Reject::OldStream(_)
            | Reject::StaleProposal { .. }
            | Reject::StaleAttempt { .. }
            | Reject::Dataset(_)
            | Reject::Label(_) => {}
        }
    }

    // ------------------------------------------------------------ checks on the way

    /// After every commit: the budget, and what has newly finished. Now and then: everything else.
    pub fn committed(&mut self, core: &Core, now: Now) {
        self.commits += 1;
        for study in core.state.studies() {
            self.check_budget(study);
            self.see_finished(study);
        }
        if self.every_commit || self.commits.is_multiple_of(CHECKED_COMMITS) {
            self.check_invariants(&core.state, &core.roster, now.mono);
        }
        if self.every_commit || self.commits.is_multiple_of(EXPLAINED_COMMITS) {
            self.check_explanations(core, now);
        }
    }

    /// Whatever is asked about a trial has an answer.
    fn check_explanations(&mut self, core: &Core, now: Now) {
        let (state, roster) = (&core.state, &core.roster);
        for study in state.studies() {
            let open = study.open().map(|trial| explain::explain_running(state, roster, now, trial));
            let finished = (0..study.finished.len()).rev().take(2).map(|row| study.finished.by_row(row));
            let finished = finished.map(|trial| explain::explain_finished(state, study, trial));
            let silent = open.chain(finished).filter(|answer| answer.summary.is_empty()).count();
            self.expect(silent == 0, "P6", || format!("{silent} trials of study {} cannot be explained", study.id));
            let idle = study.counts.running == 0 && study.counts.waiting > 0;
            let told = explain::explain_study_idle(state, roster, now, study.id).is_some();
            self.expect(told || !idle, "P6", || format!("study {} does not say why it runs nothing", study.id));
        }
    }

    fn check_invariants(&mut self, state: &State, roster: &Roster, now: Micros) {
        for violation in invariants::violations(state, roster) {
            self.violation("invariant", format!("{violation} (at {} s)", now / 1_000_000));
        }
    }

    fn check_budget(&mut self, study: &Study) {
        let Some(max) = study.spec.search.max_trials else { return };
        let used = study.counts.counted() + study.counts.open();
        self.expect(used <= max, "P3", || format!("study {} has used {used} of {max} trials", study.id));
    }

    fn see_finished(&mut self, study: &Study) {
        let seen = self.seen.get(&study.id).copied().unwrap_or(0);
        for row in seen..study.finished.len() {
            let trial = study.finished.by_row(row);
            let twice = self.finished.insert(trial.id(), of_trial(trial));
            self.expect(twice.is_none(), "P2", || format!("trial {} has finished twice", trial.id()));
            self.check_result(study, trial);
        }
        self.seen.insert(study.id, study.finished.len().max(seen));
    }

    /// A result comes from a process that returned 0 and had the lease at last.
    fn check_result(&mut self, study: &Study, trial: FinishedTrial<'_>) {
        if trial.outcome() != Outcome::Complete {
            return;
        }
        let detail = trial.segment.detail(trial.row);
        let attempt = last_attempt(trial);
        let key = AttemptKey { task: trial.id().0, attempt };
        if study.driver == Driver::Clients {
            let (said, value) = (trial.segment.columns.value(0, trial.row), Held { trial: trial.id(), attempt }.value());
            self.expect(said == value, "P2", || format!("{key} has the result {said} and not {value}"));
        }
        let succeeded = self.succeeded.contains(&key);
        self.expect(succeeded, "P2", || format!("trial {key} counts as complete, but its process has not returned 0"));
        let said = study.metric_index("attempt").and_then(|metric| detail.and_then(|detail| detail.finals.get(&metric)));
        if let Some(said) = said {
            self.expect(*said == f64::from(attempt), "P2", || format!("the result of {key} comes from attempt {said}"));
        }
    }

    // ------------------------------------------------------------ checks after a start

    /// The journal gives back the state that the former process had.
    pub fn replayed(&mut self, state: &State, expected: &State) {
        let same = digest(state) == digest(expected);
        self.expect(same, "P1", || "the journal gives another state than there was".to_owned());
    }

    /// Everything that was promised is still there.
    pub fn recovered(&mut self, state: &State) {
        for (study, id) in self.studies.clone() {
            self.expect(state.study(id).is_some(), "P1", || format!("study {study} is gone"));
        }
        for trial in self.trials.clone() {
            self.expect(state.trial_state(trial).is_some(), "P1", || format!("trial {trial} is gone"));
        }
        for trial in self.cancelled.clone() {
            let found = state.trial_state(trial);
            self.expect(found == Some(StateKind::Cancelled), "P1", || format!("the cancelled trial {trial} is {found:?}"));
        }
        for trial in self.marked.clone() {
            self.expect(is_marked(state, trial), "P1", || format!("the mark on trial {trial} is gone"));
        }
        for (trial, (attempt, outcome)) in self.told.clone() {
            let study = state.study_of(trial);
            let found = study.and_then(|study| study.finished_trial(trial)).map(|trial| (trial.outcome(), last_attempt(trial)));
            self.expect(found == Some((outcome, attempt)), "P1", || {
                format!("attempt {attempt} of trial {trial} was told to be {outcome:?}, found {found:?}")
            });
        }
        for (key, promise) in self.acknowledged.clone() {
            self.check_acknowledged(state, key, promise);
        }
        for key in self.leases.keys().copied().collect::<Vec<_>>() {
            self.expect(attempt_of(state, key).is_some(), "P1", || format!("the leased attempt {key} is gone"));
        }
        self.check_labels(state);
        for (trial, finished) in self.finished.clone() {
            let found = state.study_of(trial).and_then(|study| study.finished_trial(trial)).map(of_trial);
            self.expect(found.as_ref() == Some(&finished), "P1", || format!("trial {trial} was {finished:?}, is {found:?}"));
        }
    }

    fn check_acknowledged(&mut self, state: &State, key: AttemptKey, (record, ended): (u64, bool)) {
        let Some(attempt) = attempt_of(state, key) else {
            return self.violation("P1", format!("attempt {key}, of which a record was acknowledged, is gone"));
        };
        if ended {
            self.expect(attempt.end.is_some(), "P1", || format!("the acknowledged end of {key} is gone"));
        }
        let by_its_own_record = match &attempt.end {
            None | Some(End::Finished { .. } | End::Pruned) => true,
            Some(End::Failed(failure)) => !matches!(failure, Failure::CrashLimit { .. }),
            Some(End::Preempted { .. } | End::Lost { .. } | End::Cancelled { .. }) => false,
        };
        let kept = attempt.pruned_while_away || attempt.through >= record;
        self.expect(!by_its_own_record || kept, "P1", || {
            format!("record {record} of {key} was acknowledged, the state knows {}", attempt.through)
        });
    }

    // ------------------------------------------------------------ checks at the end

    pub fn ended(&mut self, core: &Core, calm: bool) {
        self.check_invariants(&core.state, &core.roster, 0);
        self.check_snapshot(&core.state);
        self.check_labels(&core.state);
        for study in core.state.studies() {
            self.check_final_budget(study);
            self.check_ends(study, calm);
        }
    }

    /// A state comes back whole from its bytes, as it does from a snapshot.
    fn check_snapshot(&mut self, state: &State) {
        let bytes = rmp_serde::to_vec_named(state).unwrap_or_default();
        let back: Result<State, _> = rmp_serde::from_slice(&bytes);
        let same = back.map(|mut back| {
            state.segments().for_each(|(study, segments)| back.restore_segments(study, segments.to_vec()));
            (digest(&back), invariants::violations(&back, &Roster::default()).len())
        });
        let expected = (digest(state), 0);
        self.expect(same.as_ref().is_ok_and(|same| *same == expected), "snapshot", || {
            format!("{same:?} instead of {expected:?}")
        });
    }

    fn check_final_budget(&mut self, study: &Study) {
        let (counts, max) = (study.counts, study.spec.search.max_trials);
        let exact = study.reason != "budget used" || max.is_none_or(|max| counts.counted() == max);
        self.expect(exact, "P3", || format!("study {} ended with {counts:?} of {max:?}", study.id));
    }

    /// Every attempt says why it ended, and losses have a cause.
    fn check_ends(&mut self, study: &Study, calm: bool) {
        for row in 0..study.finished.len() {
            let trial = study.finished.by_row(row);
            let Some(detail) = trial.segment.detail(trial.row) else { continue };
            self.expect(!detail.end.is_empty(), "P6", || format!("trial {} does not say why it ended", trial.id()));
            let losses = detail.attempts.iter().filter(|attempt| was_lost(attempt.end.as_ref())).count();
            let worst =
                detail.attempts.iter().any(|attempt| matches!(attempt.end, Some(End::Failed(Failure::CrashLimit { .. }))));
            let limit = study.spec.trial.crash_limit.max(1) as usize;
            self.expect(!worst || losses >= limit, "P6", || {
                format!("trial {} failed by its workers after {losses} of {limit} losses", trial.id())
            });
            self.expect(losses == 0 || !calm || !self.died.is_empty(), "P6", || {
                format!("trial {} lost an attempt although nothing went wrong", trial.id())
            });
        }
    }

    /// An interrupted study went as if it had not been interrupted.
    pub fn compare(&mut self, state: &State, name: &str, reference: &Reference) {
        self.compared += 1;
        let Some(study) = state.study_named(name) else { return self.violation("P4", format!("study {name} is gone")) };
        self.expect(study.finished.len() == reference.rows.len(), "P4", || {
            format!("study {name} has {} trials, undisturbed {}", study.finished.len(), reference.rows.len())
        });
        for (row, expected) in reference.rows.iter().enumerate().take(study.finished.len()) {
            let trial = study.finished.by_row(row);
            let found = trial.segment.columns.row(trial.row);
            let as_of = trial.segment.as_of[trial.row];
            // Where the last attempt of a trial that fails began, and so what it reported, depends on checkpoints.
            let failed = expected.outcome == Outcome::Failed;
            let same = found.number == expected.number
                && found.outcome == expected.outcome
                && same_numbers(&found.params, &expected.params)
                && same_numbers(&found.values, &expected.values)
                && (failed || found.last_step == expected.last_step)
                && as_of == expected.as_of;
            self.expect(same, "P4", || format!("study {name}: {found:?} (as of {as_of}), undisturbed {expected:?}"));
        }
    }
}

fn last_attempt(trial: FinishedTrial<'_>) -> u32 {
    let detail = trial.segment.detail(trial.row);
    detail.and_then(|detail| detail.attempts.last()).map_or(1, |last| last.number)
}

fn was_lost(end: Option<&End>) -> bool {
    matches!(end, Some(End::Lost { .. } | End::Failed(Failure::CrashLimit { .. })))
}

fn of_trial(trial: FinishedTrial<'_>) -> (Outcome, Vec<u64>) {
    let row = trial.segment.columns.row(trial.row);
    // Absent numbers fill up rows as others come to have them, so they are left out.
    let present = row.values.iter().chain(&row.params).filter(|value| !value.is_nan());
    (row.outcome, present.map(|value| value.to_bits()).collect())
}

fn is_marked(state: &State, trial: TaskId) -> bool {
    let key = (Scope::User, "mark".to_owned());
    let Some(study) = state.study_of(trial) else { return false };
    let open = study.open_trial(trial).is_some_and(|trial| trial.attributes.contains_key(&key));
    let later = study.overlay(trial).is_some_and(|overlay| overlay.attributes.contains_key(&key));
    let detail = study.finished_trial(trial).and_then(|trial| trial.segment.detail(trial.row).cloned());
    open || later || detail.is_some_and(|detail| detail.attributes.contains_key(&key))
}

/// What the state remembers of an attempt.
struct Remembered {
    through: u64,
    end: Option<End>,
    /// It had its verdict, so it ended as pruned however it came to its end.
    pruned_while_away: bool,
}

fn attempt_of(state: &State, key: AttemptKey) -> Option<Remembered> {
    let id = TaskId(key.task);
    let study = state.study_of(id)?;
    let remembered = |attempt: &hone_studies::Attempt| Remembered {
        through: attempt.through,
        end: attempt.end.clone(),
        pruned_while_away: attempt.end == Some(End::Pruned),
    };
    if let Some(trial) = study.open_trial(id) {
        return trial.attempts.iter().find(|attempt| attempt.number == key.attempt).map(remembered);
    }
    let finished = study.finished_trial(id)?;
    match finished.segment.detail(finished.row) {
        Some(detail) => detail.attempts.iter().find(|attempt| attempt.number == key.attempt).map(remembered),
        // The plain case: one attempt, finished.
        None => (key.attempt == 1).then(|| Remembered {
            through: u64::MAX,
            end: Some(End::Finished { values: Vec::new() }),
            pruned_while_away: false,
        }),
    }
}

/// One number for everything that a state holds.
pub fn digest(state: &State) -> u64 {
    let bytes = rmp_serde::to_vec(state).unwrap_or_default();
    let hash = blake3::hash(&bytes);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first)
}
