//! How much each parameter matters: shares of the variation of a study's losses, summing to 1.
//!
//! | Method | Asks | Reads | Cost |
//! |---|---|---|---|
//! | [`Method::PedAnova`] | which parameters separate the best tenth of the trials from the rest | ranks; pruned trials count as not good | linear, milliseconds |
//! | [`Method::Fanova`] | which parameters move the loss over the whole range | final values; pruned trials are left out | a forest over at most 2,048 trials |
//!
//! Failed and cancelled trials are left out of both. Trials that violate constraints are never good; their values
//! count for fANOVA like any other. A parameter that exists only under conditions is judged among the trials that had
//! it, against each other, and its share is scaled by how many of all trials those are: it explains nothing about the
//! others.

mod fanova;
mod forest;
mod marginals;
mod ped;
mod table;

use super::seen::{self, Goal};
use crate::columns::History;
use crate::sampler::Direction;
use crate::space::Space;

pub use fanova::Interaction;

/// How importances are worked out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Local to the good region, fast, robust against outliers (Watanabe, Bansal and Hutter 2023).
    #[default]
    PedAnova,
    /// Global, sees interactions, needs final values (Hutter, Hoos and Leyton-Brown 2014).
    Fanova,
}

/// What importances are asked of.
#[derive(Clone, Copy, Debug)]
pub struct ImportanceRequest<'a> {
    /// A valid space.
    pub space: &'a Space,
    /// One direction per objective; empty counts as one objective to minimise.
    pub directions: &'a [Direction],
    /// The finished trials.
    pub history: History<'a>,
    /// The loss that trials are judged by.
    pub goal: Goal,
    /// Makes the forest of fANOVA repeatable; PED-ANOVA draws nothing.
    pub seed: u64,
}

/// How much one parameter matters.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterImportance {
    /// Position in the space.
    pub parameter: usize,
    /// Share of the variation explained by single parameters, from 0 to 1.
    pub importance: f64,
    /// Whether the effect is larger than chance would show with so few trials.
    pub is_clear: bool,
    /// Number of trials that had the parameter and were judged.
    pub trials: usize,
}

/// Importances of all parameters of a space.
#[derive(Clone, Debug, PartialEq)]
pub struct Importances {
    /// How they were worked out.
    pub method: Method,
    /// Number of trials judged.
    pub trials: usize,
    /// The most important first, ties in order of definition. They sum to 1, or are all 0 if nothing stands out.
    pub parameters: Vec<ParameterImportance>,
    /// Pairs that matter together, the strongest first; only [`Method::Fanova`] finds them.
    pub interactions: Vec<Interaction>,
}

/// Returns how much each parameter matters for the goal.
pub fn importances(method: Method, request: &ImportanceRequest<'_>) -> Importances {
    let trials = seen::seen(request.history, request.directions, request.goal);
    match method {
        Method::PedAnova => ped::importances(request.space, &trials),
        Method::Fanova => fanova::importances(request.space, &trials, request.seed),
    }
}

/// A parameter's effect before shares are formed.
#[derive(Clone, Copy, Debug, Default)]
struct Effect {
    /// Variation it explains, in any unit that is common to all.
    explained: f64,
    is_clear: bool,
    trials: usize,
}

/// Turns effects, one per parameter, into shares, the largest first.
fn shares(effects: &[Effect]) -> Vec<ParameterImportance> {
    let total: f64 = effects.iter().map(|effect| effect.explained).sum();
    let share = |explained: f64| if total > 0.0 { explained / total } else { 0.0 };
    let of_effect = |(parameter, effect): (usize, &Effect)| ParameterImportance {
        parameter,
        importance: share(effect.explained),
        is_clear: effect.is_clear,
        trials: effect.trials,
    };
    let mut parameters: Vec<ParameterImportance> = effects.iter().enumerate().map(of_effect).collect();
    parameters.sort_by(|a, b| b.importance.total_cmp(&a.importance).then(a.parameter.cmp(&b.parameter)));
    parameters
}

#[cfg(test)]
#[path = "importance_tests.rs"]
mod tests;
