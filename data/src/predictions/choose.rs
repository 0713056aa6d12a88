//! From the rows that were gathered to a batch that people are asked about.
//!
//! ```text
//!  Gathered ─ acquisition plan ─▶ rows in the order of the choice ─▶ priorities, and what the model says of each
//! ```

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::{committee::Committee, gather::Gathered, layout::Kind};
use crate::acquisition::{Block, Candidates, Plan, Points, Refused, SelectError, committee::consensus, uncertainty::top_class};

/// Drawn rows that stand for the pool where a function needs targets: [`crate::acquisition::Acquisition::Epig`] costs as many products a row.
const TARGETS: usize = 300;

/// How many samples are chosen, and by what.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchPlan {
    /// What chooses all but the control slice. Its budget pays for that, too.
    pub plan: Plan,
    /// Samples to choose at most, the control slice among them.
    pub count: usize,
    /// Decides the control slice, ties and all chance; the seed with which rows were gathered.
    pub seed: u64,
    /// The share of samples that are drawn uniformly from the pool, whatever their scores.
    pub control: f64,
    /// The number of batches that were chosen with this seed before, so that control slices of less than one sample add up.
    pub round: u32,
}

impl BatchPlan {
    /// The samples of this batch that are drawn uniformly.
    ///
    /// What is whole of `count × control`, with the parts that earlier rounds left over; at least one in a batch of ten or
    /// more, so that what active learning saves can always be measured.
    #[must_use]
    pub fn control_count(&self) -> usize {
        let due = |rounds: f64| (rounds * self.count as f64 * self.control + 1e-9).floor();
        let count = (due(f64::from(self.round) + 1.0) - due(f64::from(self.round))) as usize;
        let least = usize::from(self.control > 0.0 && self.count >= 10);
        count.max(least).min(self.count)
    }
}

/// What was chosen, and what was not.
#[derive(Clone, Debug, PartialEq)]
pub struct ChosenBatch {
    /// In the order in which they are asked; fewer than were wanted where there are no more that may be chosen.
    pub samples: Vec<Chosen>,
    /// What was passed over.
    pub refused: Refused,
}

/// Chooses a batch from rows that were gathered: first the control slice, from the random sample of the pool, and of the others
/// what the plan says.
///
/// # Errors
/// A plan that cannot be, or that reads what the rows lack.
pub fn choose(gathered: &Gathered, batch: &BatchPlan) -> Result<ChosenBatch, SelectError> {
    if !(0.0..=1.0).contains(&batch.control) {
        return Err(SelectError::Plan { key: "control", value: batch.control, wanted: "a share from 0 to 1" });
    }
    let committee = &gathered.committee;
    let places: BTreeMap<&str, usize> = (0..).zip(&committee.ids).map(|(place, id)| (id.as_str(), place)).collect();
    let drawn: Vec<usize> = gathered.sample.iter().filter_map(|id| places.get(id.as_str()).copied()).collect();
    let control: Vec<usize> = drawn.iter().copied().take(batch.control_count()).collect();
    let taken: BTreeSet<usize> = control.iter().copied().collect();
    let rest: Vec<usize> = (0..committee.len()).filter(|row| !taken.contains(row)).collect();
    let plan = paid(&batch.plan, committee, &control)?;
    let targets: Vec<usize> = drawn.into_iter().take(TARGETS).collect();
    let found =
        of_rows(committee, &rest, &targets, |candidates| plan.choose(candidates, batch.count - control.len(), batch.seed))?;
    let informed: Vec<(usize, f64)> = found.choices.iter().map(|choice| (rest[choice.row], choice.score)).collect();
    Ok(ChosenBatch { samples: in_order(committee, &batch.plan, &control, informed), refused: found.refused })
}

/// The plan with what its budget has left when the control slice is paid.
fn paid(plan: &Plan, committee: &Committee, control: &[usize]) -> Result<Plan, SelectError> {
    let mut settings = plan.settings().clone();
    if let Some(budget) = &mut settings.budget {
        let spent: f64 = control.iter().filter_map(|row| committee.costs.get(*row)).sum();
        *budget = (*budget - spent).max(0.0);
    }
    Plan::new(settings)
}

/// Hands some rows of a committee on as candidates, and others as targets.
fn of_rows<T>(
    committee: &Committee,
    rows: &[usize],
    targets: &[usize],
    work: impl FnOnce(&Candidates<'_>) -> Result<T, SelectError>,
) -> Result<T, SelectError> {
    let width = committee.layout.width();
    let members = |rows: &[usize]| -> Vec<Vec<f64>> {
        committee.members.iter().map(|member| picked(&member.values, width, rows)).collect()
    };
    let (values, of_targets) = (members(rows), members(targets));
    let slices: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
    let target_slices: Vec<&[f64]> = of_targets.iter().map(Vec::as_slice).collect();
    let kind = committee.layout.kind.for_acquisition();
    let ids = rows.iter().map(|row| committee.ids[*row].as_str());
    let mut candidates = Candidates::new(ids).with_predictions(Block::new(kind, &slices)?);
    if !targets.is_empty() {
        candidates = candidates.with_targets(Block::new(kind, &target_slices)?);
    }
    let width = committee.layout.embedding.unwrap_or(0);
    let embeddings = picked(&committee.embeddings, width, rows);
    if width > 0 {
        candidates = candidates.with_embeddings(Points::of_f32(&embeddings, width)?);
    }
    let costs = picked(&committee.costs, usize::from(committee.layout.has_cost), rows);
    if committee.layout.has_cost {
        candidates = candidates.with_costs(&costs);
    }
    work(&candidates)
}

fn picked<T: Copy>(values: &[T], width: usize, rows: &[usize]) -> Vec<T> {
    rows.iter().flat_map(|row| &values[row * width..(row + 1) * width]).copied().collect()
}

/// A sample of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The sample.
    pub id: String,
    /// Higher is asked first.
    pub priority: f64,
    /// Drawn uniformly from the pool, not for a score.
    pub is_control: bool,
    /// What the model says of it, or the committee's mean.
    pub prediction: Option<Prediction>,
}

/// What a model says of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Prediction {
    /// The likeliest class.
    Class {
        /// Its number.
        class: usize,
        /// Its probability.
        confidence: f64,
    },
    /// A regression's mean.
    Number(f64),
}

/// What the committee says of one of its samples.
#[must_use]
pub fn prediction_of(committee: &Committee, sample: usize) -> Option<Prediction> {
    let width = committee.layout.width();
    let rows = committee.members.iter().map(|member| &member.values[sample * width..(sample + 1) * width]);
    let mut mean = vec![0.0; width];
    if consensus(rows.filter(|row| !row[0].is_nan()), &mut mean) == 0 {
        return None;
    }
    match committee.layout.kind {
        Kind::Probabilities(_) => {
            let class = top_class(&mean);
            Some(Prediction::Class { class, confidence: mean[class].min(1.0) })
        }
        Kind::Spread => Some(Prediction::Number(mean[0])),
        Kind::Score => None,
    }
}

/// Whether scores of a batch can be compared with those of another one: a single function chose, which rates rows by themselves.
fn are_comparable(plan: &Plan) -> bool {
    match plan.settings().method.parts() {
        [(only, _)] => only.row_wise() == Some(*only) && !only.is_noisy(),
        _ => false,
    }
}

/// The batch in the order in which it is asked, of rows in the order in which they were chosen.
///
/// Samples that were chosen for a score have it for a priority where scores of batches can be compared, else their place in the
/// batch, from 1 down. Control samples stand among them at even distances, with the priority of the one before.
fn in_order(committee: &Committee, plan: &Plan, control: &[usize], mut informed: Vec<(usize, f64)>) -> Vec<Chosen> {
    if are_comparable(plan) {
        // Stable: what was chosen first stays first of equal ones.
        informed.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal));
    } else {
        let count = informed.len() as f64;
        informed.iter_mut().enumerate().for_each(|(place, (_, score))| *score = 1.0 - place as f64 / count);
    }
    let chosen = |row: usize, priority: f64, is_control: bool| Chosen {
        id: committee.ids[row].clone(),
        priority,
        is_control,
        prediction: prediction_of(committee, row),
    };
    let all = informed.len() + control.len();
    let (mut waiting, mut drawn) = (informed.iter().peekable(), control.iter().peekable());
    let mut batch: Vec<Chosen> = Vec::with_capacity(all);
    for place in 0..all {
        // The middle of each control sample's share of the batch.
        let placed = control.len() - drawn.len();
        let is_due = waiting.peek().is_none() || (2 * placed + 1) * all <= 2 * control.len() * place + control.len();
        let (before, after) = (batch.last().map(|one| one.priority), waiting.peek().map(|(_, score)| *score));
        match drawn.next_if(|_| is_due) {
            Some(row) => batch.push(chosen(*row, before.or(after).unwrap_or(1.0), true)),
            None => batch.extend(waiting.next().map(|(row, score)| chosen(*row, *score, false))),
        }
    }
    batch
}

#[cfg(test)]
#[path = "choose_tests.rs"]
mod tests;
