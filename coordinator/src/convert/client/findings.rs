//! What a study says of its parameters, as clients are shown it.

use hone_proto::v1;
use hone_search::{
    Direction, History, Space,
    analysis::{
        explain::{Advice, ExplainRequest, OptionShare, Region, StudyExplanation, Where, explain},
        importance::{Interaction, Method, ParameterImportance},
        progress::Progress,
    },
};
use hone_studies::Study;

use super::front::whole_front;

/// Explains a study from its finished trials. Takes up to seconds where there are many: not for an async thread.
pub fn findings(study: &Study) -> v1::StudyExplanation {
    let space = &study.spec.space;
    let directions: Vec<Direction> = study.spec.objectives.iter().map(|objective| objective.direction).collect();
    let chunks = study.finished.columns();
    let history = History { chunks: &chunks, tail: None };
    let found = explain(&ExplainRequest { space, directions: &directions, history, seed: study.spec.search.seed });
    v1::StudyExplanation {
        study: None,
        method: method_name(found.importances.method).to_owned(),
        judged: found.importances.trials as u64,
        parameters: found.importances.parameters.iter().map(|importance| parameter(space, importance, &found)).collect(),
        interactions: found.importances.interactions.iter().map(|pair| interaction(space, pair)).collect(),
        advice: found.advice.iter().map(|advice| advice_to_proto(space, advice)).collect(),
        remarks: found.remarks.iter().map(|remark| remark.sentence()).collect(),
        progress: progress(history, &directions),
        front: whole_front(study, Vec::new()).ok().flatten(),
    }
}

/// With several objectives there is no single best.
fn progress(history: History<'_>, directions: &[Direction]) -> Vec<v1::Improvement> {
    let [direction] = directions else { return Vec::new() };
    let progress = Progress::of(history, 0, *direction);
    let message = |step: &hone_search::analysis::progress::Improvement| v1::Improvement {
        finished: step.finished,
        number: step.number.into(),
        value: step.value,
    };
    progress.improvements().iter().map(message).collect()
}

fn method_name(method: Method) -> &'static str {
    match method {
        Method::Fanova => "fanova",
        Method::PedAnova => "ped-anova",
    }
}

fn name(space: &Space, parameter: usize) -> String {
    space.parameters[parameter].name.clone()
}

fn parameter(space: &Space, importance: &ParameterImportance, found: &StudyExplanation) -> v1::ParameterFinding {
    let region = found.regions.iter().find(|region| region.parameter == importance.parameter);
    let (good_range, good_options) = region.map_or_else(Default::default, |region| good(space, region));
    v1::ParameterFinding {
        name: name(space, importance.parameter),
        importance: importance.importance,
        is_clear: importance.is_clear,
        trials: importance.trials as u64,
        good: region.map(|region| region.place_in_words(space)).unwrap_or_default(),
        good_range,
        good_options,
    }
}

fn good(space: &Space, region: &Region) -> (Option<v1::GoodRange>, Vec<v1::GoodOption>) {
    let option = |share: &OptionShare| v1::GoodOption {
        option: space.parameters[region.parameter].distribution.to_external(share.option as f64).to_string(),
        of_good: share.of_good,
        of_all: share.of_all,
        trials: share.trials as u64,
    };
    match &region.place {
        Where::Range { low, high, share } => (Some(v1::GoodRange { low: *low, high: *high, share: *share }), Vec::new()),
        Where::Options(options) => (None, options.iter().map(option).collect()),
    }
}

fn interaction(space: &Space, pair: &Interaction) -> v1::Interaction {
    v1::Interaction {
        first: name(space, pair.parameters.0),
        second: name(space, pair.parameters.1),
        strength: pair.strength,
        sentence: pair.sentence(space),
    }
}

fn advice_to_proto(space: &Space, advice: &Advice) -> v1::Advice {
    let kind = match advice {
        Advice::Widen { .. } => "widen",
        Advice::Narrow { .. } => "narrow",
        Advice::Fix { .. } => "fix",
        Advice::Drop { .. } => "drop",
    };
    v1::Advice { kind: kind.to_owned(), parameter: name(space, advice.parameter()), sentence: advice.sentence(space) }
}
