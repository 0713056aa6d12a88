//! Which sampler suits which situation. The limits are where the search bench saw the order of samplers change.

use super::situation::Situation;
use crate::sampler::{CmaEsConfig, GpConfig, Nsga2Config, SamplerConfig, TpeConfig};

/// With no more trials than this there is nothing to learn from.
const FEWEST_TRIALS: u32 = 10;
/// Trials that a Gaussian process holds all at once; beyond, it forgets, and others go on from what it found.
const MOST_MODELLED: usize = 500;
/// Parameters beyond which a Gaussian process takes long to fit and finds little.
const MOST_PARAMETERS: usize = 60;
/// Trials at once beyond which suggestions of a Gaussian process cannot keep up.
const MOST_PARALLEL: usize = 128;
/// The same for several objectives, where each suggestion takes a fit of its own.
const MOST_PARALLEL_SEVERAL: usize = 32;
/// Objectives beyond which weights drawn for each trial hardly ever meet a good trade-off.
const MOST_OBJECTIVES: usize = 3;

/// A sampler, and a clause that says what speaks for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) sampler: SamplerConfig,
    pub(super) because: String,
}

/// Chooses for the next trial.
pub(super) fn choose(situation: &Situation) -> Choice {
    let space = space(situation);
    if situation.parameters() == 0 {
        return Choice { sampler: SamplerConfig::Random, because: "nothing varies".to_owned() };
    }
    if let Some(budget) = situation.budget.filter(|&budget| budget <= FEWEST_TRIALS) {
        let are = if budget == 1 { "is" } else { "are" };
        let because = format!("{} {are} too few to learn from", counted(budget as usize, "trial"));
        return Choice { sampler: SamplerConfig::Sobol, because };
    }
    if situation.objectives > 1 {
        return several(situation, &space);
    }
    if situation.parallel > MOST_PARALLEL {
        return cheap(situation, format!("{} trials at once and {space}", situation.parallel));
    }
    if situation.parameters() > MOST_PARAMETERS {
        return cheap(situation, space);
    }
    if situation.ended >= MOST_MODELLED {
        return cheap(situation, format!("{space} and {} trials so far", situation.ended));
    }
    Choice { sampler: SamplerConfig::Gp(GpConfig::default()), because: format!("{space} and {}", trials(situation)) }
}

/// Chooses among samplers whose suggestions cost next to nothing.
fn cheap(situation: &Situation, because: String) -> Choice {
    let is_plain = situation.options == 0 && !situation.is_conditional && !situation.is_constrained;
    let sampler = if is_plain { SamplerConfig::CmaEs(CmaEsConfig::default()) } else { SamplerConfig::Tpe(TpeConfig::default()) };
    Choice { sampler, because }
}

/// Chooses for several objectives.
fn several(situation: &Situation, space: &str) -> Choice {
    let Situation { objectives, parallel, ended, .. } = *situation;
    let is_light =
        objectives <= MOST_OBJECTIVES && parallel <= MOST_PARALLEL_SEVERAL && situation.parameters() <= MOST_PARAMETERS;
    let at_once = if parallel > MOST_PARALLEL_SEVERAL { format!(", {parallel} trials at once") } else { String::new() };
    let (sampler, trials) = if ended >= MOST_MODELLED {
        (SamplerConfig::Nsga2(Nsga2Config::default()), format!("{ended} trials so far"))
    } else if is_light {
        (SamplerConfig::Gp(GpConfig::default()), trials(situation))
    } else {
        (SamplerConfig::Tpe(TpeConfig::default()), trials(situation))
    };
    Choice { sampler, because: format!("{objectives} objectives{at_once}, {space} and {trials}") }
}

/// Says how many trials are planned, or else have ended.
fn trials(situation: &Situation) -> String {
    situation
        .budget
        .map_or_else(|| format!("{} so far", counted(situation.ended, "trial")), |budget| counted(budget as usize, "trial"))
}

/// Says what varies.
fn space(situation: &Situation) -> String {
    let kinds = [(situation.numbers, "number"), (situation.options, "option")];
    let named: Vec<String> =
        kinds.into_iter().filter(|(count, _)| *count > 0).map(|(count, name)| counted(count, name)).collect();
    let conditions = if situation.is_conditional { " under conditions" } else { "" };
    format!("{}{conditions}", named.join(" and "))
}

fn counted(count: usize, name: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {name}{ending}")
}
