//! From the rows that were gathered to a batch that people are asked about.
//!
//! ```text
//!  Gathered ─ acquisition plan ─▶ rows in the order of the choice ─▶ priorities, and what the model says of each
//! ```

use std::cmp::Ordering;

use super::{committee::Committee, gather::Gathered, layout::Kind};
use crate::acquisition::{Acquisition, AcquisitionError, Noise, Plan, committee::consensus, uncertainty::top_class};

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

/// A row that was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pick {
    /// Its place in the committee's rows.
    row: usize,
    is_control: bool,
}

/// What the committee says of one of its samples.
fn prediction(committee: &Committee, sample: usize) -> Option<Prediction> {
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

/// The function whose scores can be compared with those of another batch: a single one, which rates rows by themselves.
fn comparable(plan: &Plan) -> Option<Acquisition> {
    match plan.acquisition.parts() {
        [(only, _)] if only.row_wise() == Some(*only) => match only {
            Acquisition::Random | Acquisition::Epig => None,
            _ => Some(*only),
        },
        _ => None,
    }
}

/// The batch in the order in which it is asked, of what was chosen in that order.
///
/// Samples that were chosen for a score have it for a priority where scores of batches can be compared, else their place in the
/// batch, from 1 down. Control samples stand among them at even distances, with the priority of the one before.
fn batch(gathered: &Gathered, plan: &Plan, picks: &[Pick]) -> Result<Vec<Chosen>, AcquisitionError> {
    let committee = &gathered.committee;
    let (control, informed): (Vec<Pick>, Vec<Pick>) = picks.iter().partition(|pick| pick.is_control);
    let mut informed: Vec<(Pick, f64)> = match comparable(plan) {
        Some(acquisition) => {
            let scores = committee.score(acquisition, Noise { seed: plan.seed, beta: plan.beta })?;
            informed.into_iter().map(|pick| (pick, scores[pick.row])).collect()
        }
        None => {
            let count = informed.len() as f64;
            informed.into_iter().enumerate().map(|(place, pick)| (pick, 1.0 - place as f64 / count)).collect()
        }
    };
    // Stable: what was chosen first stays first of equal ones.
    informed.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal));
    let chosen = |pick: &Pick, priority: f64| Chosen {
        id: committee.ids[pick.row].clone(),
        priority,
        is_control: pick.is_control,
        prediction: prediction(committee, pick.row),
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
            Some(pick) => batch.push(chosen(pick, before.or(after).unwrap_or(1.0))),
            None => batch.extend(waiting.next().map(|(pick, score)| chosen(pick, *score))),
        }
    }
    Ok(batch)
}

/// TEMP
pub fn choose(gathered: &Gathered, plan: &Plan) -> Result<Vec<Chosen>, crate::acquisition::SelectError> {
    let control = plan.control_count();
    let place = |id: &String| gathered.committee.ids.binary_search(id).unwrap();
    let mut picks: Vec<Pick> =
        gathered.sample.iter().take(control).map(|id| Pick { row: place(id), is_control: true }).collect();
    let scores = gathered.committee.score(plan.acquisition.parts()[0].0, Noise { seed: plan.seed, beta: plan.beta })?;
    let mut order: Vec<usize> = (0..scores.len()).filter(|row| !picks.iter().any(|pick| pick.row == *row)).collect();
    order.sort_by(|a, b| scores[*b].partial_cmp(&scores[*a]).unwrap());
    picks.extend(order.into_iter().take(plan.count - picks.len()).map(|row| Pick { row, is_control: false }));
    Ok(batch(gathered, plan, &picks)?)
}
