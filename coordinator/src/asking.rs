//! What the samplers choose for trials that clients run.
//!
//! ```text
//!   Ask ──► one at a time per study: view ► sampler ► command, again where the study has moved on meanwhile
//!   SuggestParameter ──► a point chosen as a whole where all trials have the same parameters, else one by one
//! ```
//!
//! Nothing here is written down: what was chosen becomes durable with the command that carries it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hone_search::{Distribution, Outcome, Parameter, Params};
use hone_studies::{Ask, Asked, Command, Proposal, Reject, Reply, Study, StudyId, StudyState, TaskId, Trial};

use crate::{
    actor::{Refusal, View, Writer},
    engine::Question,
    samplers::Samplers,
};

/// How often an ask is tried whose study has moved on meanwhile: its askers wait for each other, others do not.
const TRIES: usize = 100;
/// Studies that are remembered before those that are over are forgotten.
const MAX_STUDIES: usize = 256;
/// Points of running trials that are remembered, at most; one that is forgotten is chosen again.
const MAX_POINTS: usize = 10_000;

/// Shared by all calls.
#[derive(Clone, Default)]
pub(crate) struct Asking {
    samplers: Samplers,
    turns: Arc<Mutex<BTreeMap<StudyId, Arc<tokio::sync::Mutex<()>>>>>,
    points: Arc<Mutex<HashMap<TaskId, Params>>>,
    gaps: Arc<Mutex<BTreeMap<StudyId, Gaps>>>,
}

/// Which parameters some complete trial of a study lacks.
#[derive(Default)]
struct Gaps {
    rows: usize,
    lacking: Vec<bool>,
}

impl Asking {
    /// Takes trials for a client: such as wait, then new ones with parameters of the study's sampler.
    pub(crate) async fn ask(&self, writer: &Writer, ask: Ask) -> Result<Asked, Refusal> {
        let turn = lock(&self.turns).entry(ask.study).or_default().clone();
        let _turn = turn.lock().await;
        for _ in 0..TRIES {
            let view = writer.view().await?;
            self.drop_idle(&view);
            let (ask, exhausted) = self.propose(&view, ask.clone()).await;
            // Who looks at a study while it changes makes the change copy it.
            drop(view);
            let study = ask.study;
            let waits = ask.proposals.is_empty();
            match writer.command(Command::Ask(Box::new(ask))).await {
                Ok(Reply::Asked(asked)) if exhausted && waits && asked.trials.is_empty() && !asked.over => {
                    return self.exhaust(writer, study, asked).await;
                }
                Ok(Reply::Asked(asked)) => return Ok(asked),
                Ok(_) => return Ok(Asked::default()),
                Err(Refusal::Reject(Reject::StaleProposal { .. })) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(Asked { reason: "others take trials of this study faster; ask again".to_owned(), ..Asked::default() })
    }

    /// Forgets studies that will not be asked for any more, when there are many.
    fn drop_idle(&self, view: &View) {
        let asks = |study: StudyId| view.state.study(study).is_some_and(|study| study.state == StudyState::Active);
        self.samplers.drop_idle(asks);
        let (mut turns, mut gaps) = (lock(&self.turns), lock(&self.gaps));
        if turns.len() > MAX_STUDIES {
            // A turn that somebody has, or waits for, has another owner.
            turns.retain(|study, turn| asks(*study) || Arc::strong_count(turn) > 1);
            gaps.retain(|study, _| asks(*study));
        }
    }

    /// Fills in what the sampler chooses; true: it has nothing more.
    async fn propose(&self, view: &Arc<View>, mut ask: Ask) -> (Ask, bool) {
        let Some(study) = view.state.study(ask.study) else { return (ask, false) };
        let waiting = study.waiting().take(ask.count as usize).count() as u64;
        let wanted = u64::from(ask.count).saturating_sub(waiting).min(study.budget_left());
        (ask.first_number, ask.as_of) = (study.next_number, study.finished.len() as u64);
        if study.spec.is_open {
            let empty = Proposal { params: Params::new(), why: String::new() };
            ask.proposals = vec![empty; wanted as usize];
            return (ask, false);
        }
        let question = Question::new(&view.state, study.id, ask.first_number, wanted as u32, ask.as_of).filter(|_| wanted > 0);
        let Some(question) = question else { return (ask, false) };
        let samplers = self.samplers.clone();
        let answered = tokio::task::spawn_blocking(move || samplers.answer(&question)).await;
        match answered {
            Ok(Command::Proposed { trials, .. }) => {
                ask.proposals = trials;
                (ask, false)
            }
            Ok(_) => (ask, true),
            Err(error) => {
                tracing::error!(%error, "the sampler broke off; this is a bug of hone");
                (ask, false)
            }
        }
    }

    /// The sampler has nothing more: the study is over when nothing runs any more.
    async fn exhaust(&self, writer: &Writer, study: StudyId, asked: Asked) -> Result<Asked, Refusal> {
        writer.command(Command::Exhausted { study }).await?;
        let view = writer.view().await?;
        let over = view.state.study(study).is_none_or(|study| study.counts.open() == 0);
        let reason = "nothing is left to try".to_owned();
        Ok(if over { Asked { over, reason, ..asked } } else { Asked { reason, ..asked } })
    }

    /// The internal number of a parameter that a running trial asks for.
    pub(crate) async fn choose(
        &self,
        view: &Arc<View>,
        study: &Arc<Study>,
        trial: &Trial,
        name: &str,
        wanted: &Distribution,
    ) -> f64 {
        let as_of = study.finished.len() as u64;
        let Some(mut question) = Question::new(&view.state, study.id, trial.number, 1, as_of) else { return f64::NAN };
        question.pending.retain(|pending| pending.number != trial.number);
        let same = question.space.index_of(name).filter(|at| question.space.parameters[*at].distribution == *wanted);
        if let Some(at) = same.filter(|_| self.are_alike(study)) {
            return self.of_whole_point(question, trial, at).await;
        }
        let known = same.is_some();
        widen(&mut question, name, wanted);
        // A space that only this call has must not displace what the study's memory holds.
        let (samplers, name) = (if known { self.samplers.clone() } else { Samplers::default() }, name.to_owned());
        let chosen = tokio::task::spawn_blocking(move || samplers.answer_one(&question, &name)).await;
        chosen.ok().flatten().map_or(f64::NAN, |suggestion| wanted.snap(suggestion.value))
    }

    /// A parameter of the point that is chosen as a whole when the trial first asks.
    async fn of_whole_point(&self, question: Question, trial: &Trial, at: usize) -> f64 {
        if let Some(point) = lock(&self.points).get(&trial.id) {
            return point.get(at).copied().unwrap_or(f64::NAN);
        }
        let samplers = self.samplers.clone();
        let answered = tokio::task::spawn_blocking(move || samplers.answer(&question)).await;
        let Ok(Command::Proposed { mut trials, .. }) = answered else { return f64::NAN };
        let Some(proposal) = trials.pop() else { return f64::NAN };
        let value = proposal.params.get(at).copied().unwrap_or(f64::NAN);
        let mut points = lock(&self.points);
        if points.len() >= MAX_POINTS {
            points.clear();
        }
        points.insert(trial.id, proposal.params);
        value
    }

    /// Forgets the point of a trial that has ended.
    pub(crate) fn forget(&self, trial: TaskId) {
        lock(&self.points).remove(&trial);
    }

    /// Whether every complete trial has every parameter of the study, so that one model of all of them means something.
    fn are_alike(&self, study: &Study) -> bool {
        let mut gaps = lock(&self.gaps);
        let gaps = gaps.entry(study.id).or_default();
        if gaps.lacking.len() != study.spec.space.len() {
            *gaps = Gaps { rows: 0, lacking: vec![false; study.spec.space.len()] };
        }
        for row in gaps.rows..study.finished.len() {
            let found = study.finished.by_row(row);
            if found.outcome() == Outcome::Complete {
                let columns = &found.segment.columns;
                gaps.lacking.iter_mut().enumerate().for_each(|(at, lacks)| *lacks |= columns.param(at, found.row).is_nan());
            }
        }
        gaps.rows = study.finished.len();
        gaps.rows > 0 && !gaps.lacking.contains(&true)
    }
}

/// Gives the question's space the parameter as it is asked for.
fn widen(question: &mut Question, name: &str, wanted: &Distribution) {
    let space = &mut question.space;
    match space.index_of(name) {
        Some(at) => space.parameters[at].distribution = wanted.clone(),
        None => {
            space.parameters.push(Parameter { name: name.to_owned(), distribution: wanted.clone(), when: Vec::new() });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
