//! The finished trials that an analysis rests on, and which of them are good.

use super::pareto;
use crate::columns::{Columns, History, Outcome};
use crate::sampler::Direction;

/// A complete or pruned trial. Failed and cancelled ones say nothing about values and are never among them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    columns: &'a Columns,
    row: usize,
    /// Smaller is better; infinite for the worst. NaN if it has no final value.
    pub(crate) loss: f64,
    /// Complete, with values, and no constraint violated.
    pub(crate) may_be_good: bool,
}

impl Seen<'_> {
    /// Internal number of a parameter; NaN where absent.
    pub(crate) fn param(&self, parameter: usize) -> f64 {
        self.columns.param(parameter, self.row)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.columns.outcome[self.row] == Outcome::Complete
    }
}

/// Which loss trials are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// One objective, by its position.
    Objective(usize),
    /// All of them: a trial's loss is the number of the front it lies on (see [`pareto::front_numbers`]).
    Front,
}

/// Collects complete and pruned trials in the order in which they finished.
pub(crate) fn seen<'a>(history: History<'a>, directions: &[Direction], goal: Goal) -> Vec<Seen<'a>> {
    let objective = match goal {
        Goal::Objective(objective) => objective,
        Goal::Front => 0,
    };
    let direction = directions.get(objective).copied().unwrap_or_default();
    let tells = |columns: &Columns, row: usize| matches!(columns.outcome[row], Outcome::Complete | Outcome::Pruned);
    let rows = history.rows().filter(|&(columns, row)| tells(columns, row));
    let mut seen: Vec<Seen<'_>> = rows
        .map(|(columns, row)| {
            let is_complete = columns.outcome[row] == Outcome::Complete;
            let loss = if is_complete { direction.to_loss(columns.value(objective, row)) } else { f64::NAN };
            Seen { columns, row, loss, may_be_good: !loss.is_nan() && columns.violation(row) <= 0.0 }
        })
        .collect();
    if goal == Goal::Front {
        judge_by_front(&mut seen, directions);
    }
    seen
}

fn judge_by_front(seen: &mut [Seen<'_>], directions: &[Direction]) {
    let losses_of = |trial: &Seen<'_>| -> Vec<f64> {
        let loss = |(objective, direction): (usize, &Direction)| direction.to_loss(trial.columns.value(objective, trial.row));
        directions.iter().enumerate().map(loss).collect()
    };
    let mut places = Vec::new();
    let mut losses = Vec::new();
    for (place, trial) in seen.iter_mut().enumerate() {
        let own = losses_of(trial);
        trial.may_be_good &= own.iter().all(|loss| !loss.is_nan());
        trial.loss = f64::NAN;
        if trial.may_be_good {
            places.push(place);
            losses.push(own);
        }
    }
    for (place, front) in places.into_iter().zip(pareto::front_numbers(&losses)) {
        seen[place].loss = front as f64;
    }
}

/// The share of trials that counts as good once there are enough.
const GOOD_SHARE: f64 = 0.1;
/// So many count as good at least, as long as they are no more than half.
const FEWEST_GOOD: usize = 10;

/// Returns how many of so many trials count as good: a tenth, and at least ten or half of them.
pub(crate) fn good_count(trials: usize) -> usize {
    let share = (GOOD_SHARE * trials as f64).ceil() as usize;
    share.max(FEWEST_GOOD.min(trials.div_ceil(2)))
}

/// Returns how good each trial is: 1 for the best of them, 0 for the rest.
///
/// Trials that tie for the last places share them, so that order decides nothing: if all losses are equal, all trials
/// are equally good. Pruned and infeasible trials are never good.
pub(crate) fn goodness(trials: &[Seen<'_>]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..trials.len()).filter(|&at| trials[at].may_be_good).collect();
    let wanted = good_count(trials.len()).min(order.len());
    let mut good = vec![0.0; trials.len()];
    if wanted == 0 {
        return good;
    }
    let loss = |at: usize| trials[at].loss + 0.0;
    order.select_nth_unstable_by(wanted - 1, |&a, &b| loss(a).total_cmp(&loss(b)));
    let last = loss(order[wanted - 1]);
    let better = order.iter().filter(|&&at| loss(at) < last).count();
    let tied = order.iter().filter(|&&at| loss(at) == last).count();
    let part = (wanted - better) as f64 / tied as f64;
    for at in order {
        if loss(at) <= last {
            good[at] = if loss(at) < last { 1.0 } else { part };
        }
    }
    good
}

/// Trials are ranked among so many parts of a history, each of at least [`SHORTEST_STRETCH`] trials.
const STRETCHES: usize = 10;
const SHORTEST_STRETCH: usize = 10;

/// Returns each trial's rank among those that finished around the same time: 0 for the best, 1 for the worst, ties in
/// the middle of their places. Pruned and infeasible trials share the last places.
pub(crate) fn ranks(trials: &[Seen<'_>]) -> Vec<f64> {
    let stretch = trials.len().div_ceil(STRETCHES).max(SHORTEST_STRETCH);
    trials.chunks(stretch).flat_map(ranks_within).collect()
}

fn ranks_within(trials: &[Seen<'_>]) -> Vec<f64> {
    let key = |at: usize| if trials[at].may_be_good { trials[at].loss + 0.0 } else { f64::INFINITY };
    let mut order: Vec<usize> = (0..trials.len()).collect();
    order.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
    let mut ranks = vec![0.5; trials.len()];
    let last = trials.len().saturating_sub(1).max(1) as f64;
    let mut start = 0;
    for tied in order.chunk_by(|&a, &b| key(a) == key(b)) {
        let middle = start as f64 + 0.5 * (tied.len() - 1) as f64;
        tied.iter().for_each(|&at| ranks[at] = middle / last);
        start += tied.len();
    }
    ranks
}
