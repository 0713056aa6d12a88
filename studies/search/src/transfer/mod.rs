//! Finished trials of one study in the space of another, for a study that starts from what others have found.
//!
//! ```text
//! trials of another study ─→ objectives by name ─→ parameters by name, values by what people see ─→ rows of this space
//! ```
//!
//! | Difference | What becomes of a trial |
//! |---|---|
//! | a parameter that only the source has | its value is left out |
//! | a parameter that only the new study has | absent in the row |
//! | another scale or step, float and int | the value stays, moved to the nearest step |
//! | a value outside the new bounds, an option that is gone | the whole trial is left out: its result was earned with a value that the new study cannot have |
//! | conditions | a value whose conditions do not hold in the new space is left out |
//!
//! Values of objectives are kept as they were. Those of different studies are on scales of their own: samplers
//! compare them within their source only.

mod values;

use crate::columns::{Columns, History, Outcome, Row};
use crate::sampler::Direction;
use crate::sampler::standing::{self, Standing};
use crate::space::{Params, Space};

use values::{Link, links};

/// Most trials taken from one study: enough to tell good regions from bad ones, few enough to be kept for ever.
pub const MOST_TRIALS: usize = 512;
/// Of more trials, so many of the best are taken in any case; the others are spread evenly over all ranks.
const BEST: usize = 128;

/// Trials of one other study, in the space and with the objectives of the study that starts from them.
///
/// All are complete or pruned.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Foreign {
    /// What people call the other study.
    pub name: String,
    /// Its trials, with the numbers that they have there.
    pub columns: Columns,
}

/// What became of a study's trials on the way into another space.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// The trials that were taken, in the order in which they finished.
    pub columns: Columns,
    /// Complete and pruned trials that were looked at.
    pub looked_at: usize,
    /// How many of those have a value that the new space cannot have.
    pub misfits: usize,
}

/// Names the parameters that both spaces have with values that can be converted, in the new space's order.
pub fn shared<'a>(from: &Space, to: &'a Space) -> Vec<&'a str> {
    let links = links(from, to);
    let is_shared = |(_, link): &(_, &Option<Link>)| link.is_some();
    to.parameters.iter().zip(&links).filter(is_shared).map(|(parameter, _)| parameter.name.as_str()).collect()
}

/// Takes trials from the space `from` into the space `to`.
///
/// `objectives` says which of the source's objectives each one of the new study is; they have the same `directions`.
/// Complete trials need a finite value in all of them. Pruned ones are taken if the first objective is the same,
/// since their reports are of that one. Of more than [`MOST_TRIALS`] the best are taken, and a spread of the others.
pub fn take(from: &Space, to: &Space, history: History<'_>, objectives: &[usize], directions: &[Direction]) -> Taken {
    let links = links(from, to);
    let plan = to.plan();
    let mut taken = Taken::default();
    for (columns, row) in history.rows() {
        let Some(values) = values_of(columns, row, objectives) else { continue };
        taken.looked_at += 1;
        let Some(params) = values::convert(&links, &plan, |parameter| columns.param(parameter, row)) else {
            taken.misfits += 1;
            continue;
        };
        taken.columns.push(lesson(columns, row, params, values));
    }
    taken.columns = thinned(taken.columns, directions);
    taken
}

/// Returns the values that a trial brings along; `None` if it teaches nothing.
fn values_of(columns: &Columns, row: usize, objectives: &[usize]) -> Option<Vec<f64>> {
    match columns.outcome[row] {
        Outcome::Complete => {
            let values: Vec<f64> = objectives.iter().map(|&objective| columns.value(objective, row)).collect();
            values.iter().all(|value| value.is_finite()).then_some(values)
        }
        Outcome::Pruned => {
            let has_report = columns.last_report(row).is_some_and(|(_, value)| value.is_finite());
            (has_report && objectives.first() == Some(&0)).then(Vec::new)
        }
        Outcome::Failed | Outcome::Cancelled => None,
    }
}

fn lesson(columns: &Columns, row: usize, params: Params, values: Vec<f64>) -> Row {
    Row { params, values, ..columns.row(row) }
}

/// Keeps at most [`MOST_TRIALS`] rows, in their order.
fn thinned(columns: Columns, directions: &[Direction]) -> Columns {
    if columns.len() <= MOST_TRIALS {
        return columns;
    }
    let order = order(&columns, directions);
    let (best, rest) = order.split_at(BEST);
    let spread = MOST_TRIALS - BEST;
    let spread = (0..spread).map(|nth| rest[nth * rest.len() / spread]);
    let mut chosen: Vec<usize> = best.iter().copied().chain(spread).collect();
    chosen.sort_unstable();
    let mut kept = Columns::default();
    chosen.into_iter().for_each(|row| kept.push(columns.row(row)));
    kept
}

/// Returns the rows from best to worst; several objectives by front, then by room within it.
pub(crate) fn order(columns: &Columns, directions: &[Direction]) -> Vec<usize> {
    let standing: Vec<Option<Standing>> = (0..columns.len()).map(|row| Standing::of(columns, row, directions)).collect();
    let places = standing::places(columns, directions, &standing);
    let mut order: Vec<usize> = (0..columns.len()).filter(|&row| standing[row].is_some()).collect();
    order.sort_by(|&a, &b| {
        let by_place = places[a].as_ref().zip(places[b].as_ref()).map(|(a, b)| a.compare(b));
        let by_standing = || standing[a].as_ref().zip(standing[b].as_ref()).map(|(a, b)| a.compare(b));
        by_place.or_else(by_standing).unwrap_or(std::cmp::Ordering::Equal).then(a.cmp(&b))
    });
    order
}

#[cfg(test)]
mod tests;
