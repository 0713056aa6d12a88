//! Tree-structured Parzen estimator: its startup points.

use super::{
    ParamSuggestion, Startup, SuggestRequest, Suggestion, TpeConfig, numbers, random, random_value,
    sobol,
};
use crate::space::Plan;

pub(super) fn suggest(
    config: &TpeConfig,
    request: &SuggestRequest<'_>,
    plan: &Plan,
) -> Vec<Suggestion> {
    numbers(request)
        .map(|number| startup(config, request, plan, number))
        .collect()
}

fn startup(
    config: &TpeConfig,
    request: &SuggestRequest<'_>,
    plan: &Plan,
    number: u32,
) -> Suggestion {
    let mut suggestion = match config.startup {
        Startup::Sobol => sobol::point(request, plan, number),
        Startup::Random => random(request, plan, number),
    };
    suggestion.why.insert_str(0, "startup: ");
    suggestion
}

pub(super) fn suggest_one(
    _: &TpeConfig,
    request: &SuggestRequest<'_>,
    index: usize,
) -> ParamSuggestion {
    let value = random_value(request, request.first_number, index);
    ParamSuggestion {
        value,
        why: "startup: random".to_owned(),
    }
}
