//! Problems and their trials that programs keep themselves and only ask the samplers and pruners about.
//!
//! ```text
//!   PastTrials { key, known, finished } ──► the history of that key, if it holds `known` trials ──► + finished
//! ```
//!
//! Remembered for a while, so that a call carries what is new; nothing of it is written down.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use hone_proto::v1;
use hone_search::{
    Columns, Direction, Hints, History as Past, Outcome, Parameter, Pending, PrunerState, Row, SamplerCache, Space,
    SuggestRequest, Value, Verdict,
};
use hone_studies::{Search, file};

use crate::convert::distribution::{distribution_from_proto, parameter_to_proto, value_from_proto};

/// Histories that are remembered; the one that was not asked about for longest goes first.
const MAX_HISTORIES: usize = 64;
/// Proposals in one answer, at most.
const MAX_PROPOSALS: u32 = 10_000;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    /// What was sent before is not known, or not all of it: the caller must send everything.
    #[error("the trials that were sent before are not known here; send all of them")]
    Forgotten,
    #[error("{0}")]
    Invalid(String),
}

/// All that are remembered.
#[derive(Clone, Default)]
pub(crate) struct Histories(Arc<Mutex<Remembered>>);

#[derive(Default)]
struct Remembered {
    by_key: HashMap<String, (u64, Arc<Mutex<History>>)>,
    uses: u64,
}

/// A trial as it was sent.
struct Sent {
    number: u32,
    outcome: Outcome,
    params: Vec<(String, Value)>,
    values: Vec<f64>,
    violation: f64,
    curve: Vec<(i64, f64)>,
}

/// One problem.
#[derive(Default)]
struct History {
    problem: Option<Problem>,
    sent: Vec<Sent>,
    columns: Columns,
    pruner: Option<PrunerState>,
    memory: SamplerCache,
}

#[derive(PartialEq)]
struct Problem {
    search_text: String,
    search: Search,
    space: Space,
    directions: Vec<Direction>,
}

impl Histories {
    /// Parameters to try next.
    pub(crate) fn propose(&self, request: v1::ProposeRequest) -> Result<Vec<v1::Proposal>, HistoryError> {
        let past = request.past.ok_or_else(|| invalid("there is no problem"))?;
        let history = self.find(&past)?;
        let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
        history.learn(past)?;
        history.propose(request.number, request.count, request.pending, request.only.as_deref())
    }

    /// Why a trial under way should stop; `None`: it should not.
    pub(crate) fn judge(&self, request: v1::JudgeRequest) -> Result<Option<String>, HistoryError> {
        let past = request.past.ok_or_else(|| invalid("there is no problem"))?;
        let history = self.find(&past)?;
        let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
        history.learn(past)?;
        history.judge(request.trial.ok_or_else(|| invalid("there is no trial to judge"))?)
    }

    fn find(&self, past: &v1::PastTrials) -> Result<Arc<Mutex<History>>, HistoryError> {
        if past.key.is_empty() {
            return if past.known == 0 { Ok(Arc::default()) } else { Err(HistoryError::Forgotten) };
        }
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.uses += 1;
        let now = remembered.uses;
        if past.known == 0 {
            remembered.by_key.entry(past.key.clone()).or_default().0 = now;
        }
        if remembered.by_key.len() > MAX_HISTORIES {
            let oldest = remembered.by_key.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            oldest.into_iter().for_each(|key| drop(remembered.by_key.remove(&key)));
        }
        let (used, history) = remembered.by_key.get_mut(&past.key).ok_or(HistoryError::Forgotten)?;
        *used = now;
        Ok(history.clone())
    }
}

impl History {
    /// Takes in what is new.
    fn learn(&mut self, past: v1::PastTrials) -> Result<(), HistoryError> {
        if past.known == 0 && !self.sent.is_empty() {
            // The caller begins again; where nothing had ended yet, what trials under way have reported stays.
            *self = Self::default();
        }
        if self.sent.len() as u64 != past.known {
            return Err(HistoryError::Forgotten);
        }
        let new = past.finished.iter().map(sent).collect::<Result<Vec<Sent>, _>>()?;
        self.pose(&past)?;
        for trial in new {
            self.add(&trial);
            self.sent.push(trial);
        }
        Ok(())
    }

    /// Makes it a history of this problem; what is known is read again where the problem is another one.
    fn pose(&mut self, past: &v1::PastTrials) -> Result<(), HistoryError> {
        let (space, directions) = (space(&past.space)?, directions(&past.directions)?);
        let same =
            |problem: &Problem| problem.search_text == past.search && problem.space == space && problem.directions == directions;
        if self.problem.as_ref().is_some_and(same) {
            return Ok(());
        }
        let search = search(&past.search)?;
        if let Some(error) = search.sampler.validate(&space).first() {
            return Err(HistoryError::Invalid(error.to_string()));
        }
        self.pruner = Some(PrunerState::for_objectives(&search.pruner, &directions));
        self.problem = Some(Problem { search_text: past.search.clone(), search, space, directions });
        (self.columns, self.memory) = (Columns::default(), SamplerCache::default());
        let sent = std::mem::take(&mut self.sent);
        sent.iter().for_each(|trial| self.add(trial));
        self.sent = sent;
        Ok(())
    }

    fn add(&mut self, trial: &Sent) {
        let Some(problem) = &self.problem else { return };
        let last = trial.curve.last();
        self.columns.push(Row {
            number: trial.number,
            outcome: trial.outcome,
            params: internal(&problem.space, &trial.params),
            values: trial.values.clone(),
            violation: trial.violation,
            last_step: last.map(|(step, _)| *step),
            last_value: last.map_or(f64::NAN, |(_, value)| *value),
        });
        if let Some(pruner) = &mut self.pruner {
            for end in 1..=trial.curve.len() {
                pruner.record(trial.number, &trial.curve[..end]);
            }
            pruner.finish(trial.number, trial.outcome, &trial.curve);
        }
    }

    fn propose(
        &mut self,
        number: u64,
        count: u32,
        pending: Vec<v1::PastTrial>,
        only: Option<&str>,
    ) -> Result<Vec<v1::Proposal>, HistoryError> {
        let Some(Problem { search, space, directions, .. }) = &self.problem else { return Ok(Vec::new()) };
        let pending: Vec<Pending> = pending
            .iter()
            .map(|trial| Ok(Pending { number: number_of(trial.number)?, params: internal(space, &named(&trial.params)) }))
            .collect::<Result<_, HistoryError>>()?;
        let request = SuggestRequest {
            space,
            directions,
            history: Past { chunks: &[], tail: Some(&self.columns) },
            pending: &pending,
            seed: search.seed,
            first_number: number_of(number)?,
            count: count.clamp(1, MAX_PROPOSALS) as usize,
            hints: Hints { max_trials: search.max_trials.and_then(|max| u32::try_from(max).ok()), parallel: search.parallel },
        };
        if let Some(name) = only {
            let at = space.index_of(name).ok_or_else(|| invalid(&format!("the space has no parameter `{name}`")))?;
            let chosen = hone_search::suggest_one_param_cached(&search.sampler, &request, name, &mut self.memory);
            let chosen = chosen.ok_or_else(|| invalid(&format!("the space has no parameter `{name}`")))?;
            let value = space.parameters[at].distribution.to_external(chosen.value);
            return Ok(vec![v1::Proposal { params: vec![parameter_to_proto(name, value)], why: chosen.why }]);
        }
        let suggestions = hone_search::suggest_cached(&search.sampler, &request, &mut self.memory);
        let proposal = |suggestion: hone_search::Suggestion| v1::Proposal {
            params: external(space, &suggestion.params),
            why: suggestion.why,
        };
        Ok(suggestions.into_iter().map(proposal).collect())
    }

    fn judge(&mut self, trial: v1::PastTrial) -> Result<Option<String>, HistoryError> {
        let (number, curve) = (number_of(trial.number)?, curve(&trial.curve));
        let Some(pruner) = self.pruner.as_mut().filter(|_| !curve.is_empty()) else { return Ok(None) };
        let verdict = pruner.judge(number, &curve);
        pruner.record(number, &curve);
        Ok(match verdict {
            Verdict::Continue => None,
            // Nobody lets the trial go on later: a place to wait at is its end.
            Verdict::Prune { reason } | Verdict::Pause { reason, .. } => Some(reason),
        })
    }
}

fn invalid(message: &str) -> HistoryError {
    HistoryError::Invalid(message.to_owned())
}

fn number_of(number: u64) -> Result<u32, HistoryError> {
    u32::try_from(number).map_err(|_| invalid(&format!("there is no trial {number}: numbers have 32 bits")))
}

fn space(parameters: &[v1::SpaceParameter]) -> Result<Space, HistoryError> {
    let parameters = parameters.iter().map(|parameter| {
        let distribution = distribution_from_proto(&parameter.name, parameter.distribution.clone());
        let distribution = distribution.map_err(HistoryError::Invalid)?;
        Ok(Parameter { name: parameter.name.clone(), distribution, when: Vec::new() })
    });
    let space = Space { parameters: parameters.collect::<Result<_, HistoryError>>()? };
    match space.validate().first() {
        Some(error) => Err(HistoryError::Invalid(error.to_string())),
        None => Ok(space),
    }
}

fn directions(given: &[String]) -> Result<Vec<Direction>, HistoryError> {
    let direction = |text: &String| match text.as_str() {
        "minimize" => Ok(Direction::Minimize),
        "maximize" => Ok(Direction::Maximize),
        other => Err(invalid(&format!("`{other}` is neither minimize nor maximize"))),
    };
    if given.is_empty() { Err(invalid("there is no objective")) } else { given.iter().map(direction).collect() }
}

/// Reads the keys of `[search]` as a study file's, with the same words for mistakes.
fn search(text: &str) -> Result<Search, HistoryError> {
    let whole = format!("objective = {{ metric = \"value\", direction = \"minimize\" }}\n[search]\n{text}");
    let spec = file::parse_driven(&whole, "search").map_err(|errors| HistoryError::Invalid(file::render(&errors, &whole)))?;
    Ok(spec.search)
}

fn sent(trial: &v1::PastTrial) -> Result<Sent, HistoryError> {
    let outcome = match trial.state.as_str() {
        "complete" => Outcome::Complete,
        "pruned" => Outcome::Pruned,
        "failed" => Outcome::Failed,
        other => {
            return Err(invalid(&format!("the state `{other}` of trial {} is none of complete, pruned, failed", trial.number)));
        }
    };
    Ok(Sent {
        number: number_of(trial.number)?,
        outcome,
        params: named(&trial.params),
        values: if outcome == Outcome::Complete { trial.values.clone() } else { Vec::new() },
        violation: trial.violation,
        curve: curve(&trial.curve),
    })
}

fn named(params: &[v1::Parameter]) -> Vec<(String, Value)> {
    let value = |parameter: &v1::Parameter| Some((parameter.name.clone(), value_from_proto(parameter.value.as_ref()?)));
    params.iter().filter_map(value).collect()
}

/// Steps in order; a step that is there twice has its last value.
fn curve(points: &[v1::Point]) -> Vec<(i64, f64)> {
    let by_step: std::collections::BTreeMap<i64, f64> = points.iter().map(|point| (point.step, point.value)).collect();
    by_step.into_iter().collect()
}

/// A point of the space; what is not in it, or not there, is absent.
fn internal(space: &Space, params: &[(String, Value)]) -> Vec<f64> {
    let mut point = vec![f64::NAN; space.len()];
    for (name, value) in params {
        if let Some(at) = space.index_of(name) {
            point[at] = space.parameters[at].distribution.to_internal(value).unwrap_or(f64::NAN);
        }
    }
    point
}

fn external(space: &Space, params: &[f64]) -> Vec<v1::Parameter> {
    let present = space.parameters.iter().zip(params).filter(|(_, value)| !value.is_nan());
    present.map(|(parameter, value)| parameter_to_proto(&parameter.name, parameter.distribution.to_external(*value))).collect()
}

#[cfg(test)]
#[path = "histories_tests.rs"]
mod tests;
