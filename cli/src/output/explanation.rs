//! What a study says of its parameters, its progress and its front, as JSON.

use hone_proto::v1;
use serde::Serialize;

use super::documents::Number;

/// Findings as JSON.
#[derive(Debug, Serialize)]
pub struct ExplanationDocument {
    study: String,
    method: String,
    judged: u64,
    parameters: Vec<ParameterDocument>,
    interactions: Vec<InteractionDocument>,
    advice: Vec<AdviceDocument>,
    remarks: Vec<String>,
    progress: Vec<ImprovementDocument>,
    front: Option<FrontDocument>,
}

#[derive(Debug, Serialize)]
struct ParameterDocument {
    name: String,
    importance: Number,
    is_clear: bool,
    trials: u64,
    good_range: Option<RangeDocument>,
    good_options: Option<Vec<OptionDocument>>,
}

#[derive(Debug, Serialize)]
struct RangeDocument {
    low: Number,
    high: Number,
    share: Number,
}

#[derive(Debug, Serialize)]
struct OptionDocument {
    option: String,
    of_good: Number,
    of_all: Number,
    trials: u64,
}

#[derive(Debug, Serialize)]
struct InteractionDocument {
    parameters: [String; 2],
    strength: Number,
    sentence: String,
}

#[derive(Debug, Serialize)]
struct AdviceDocument {
    kind: String,
    parameter: String,
    sentence: String,
}

#[derive(Debug, Serialize)]
struct ImprovementDocument {
    finished: u64,
    number: u64,
    value: Number,
}

#[derive(Debug, Serialize)]
struct FrontDocument {
    trials: u64,
    hypervolume: Option<Number>,
    reference: Vec<Number>,
}

impl From<&v1::StudyExplanation> for ExplanationDocument {
    fn from(found: &v1::StudyExplanation) -> Self {
        Self {
            study: found.study.as_ref().map(|study| study.name.clone()).unwrap_or_default(),
            method: found.method.clone(),
            judged: found.judged,
            parameters: found.parameters.iter().map(parameter_document).collect(),
            interactions: found.interactions.iter().map(interaction_document).collect(),
            advice: found.advice.iter().map(advice_document).collect(),
            remarks: found.remarks.clone(),
            progress: found.progress.iter().map(improvement_document).collect(),
            front: found.front.as_ref().map(front_document),
        }
    }
}

fn parameter_document(parameter: &v1::ParameterFinding) -> ParameterDocument {
    let range =
        |range: &v1::GoodRange| RangeDocument { low: Number(range.low), high: Number(range.high), share: Number(range.share) };
    let option = |option: &v1::GoodOption| OptionDocument {
        option: option.option.clone(),
        of_good: Number(option.of_good),
        of_all: Number(option.of_all),
        trials: option.trials,
    };
    let options = &parameter.good_options;
    ParameterDocument {
        name: parameter.name.clone(),
        importance: Number(parameter.importance),
        is_clear: parameter.is_clear,
        trials: parameter.trials,
        good_range: parameter.good_range.as_ref().map(range),
        good_options: (!options.is_empty()).then(|| options.iter().map(option).collect()),
    }
}

fn interaction_document(pair: &v1::Interaction) -> InteractionDocument {
    InteractionDocument {
        parameters: [pair.first.clone(), pair.second.clone()],
        strength: Number(pair.strength),
        sentence: pair.sentence.clone(),
    }
}

fn advice_document(advice: &v1::Advice) -> AdviceDocument {
    AdviceDocument { kind: advice.kind.clone(), parameter: advice.parameter.clone(), sentence: advice.sentence.clone() }
}

fn improvement_document(step: &v1::Improvement) -> ImprovementDocument {
    ImprovementDocument { finished: step.finished, number: step.number, value: Number(step.value) }
}

fn front_document(front: &v1::Front) -> FrontDocument {
    FrontDocument {
        trials: front.trials,
        hypervolume: front.hypervolume.map(Number),
        reference: front.reference.iter().copied().map(Number).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{findings::tests::found, json_text};

    #[test]
    fn programs_read_numbers_and_names() {
        let text = json_text(&ExplanationDocument::from(&found())).expect("plain data");
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(document["parameters"][0]["good_range"]["high"], 1e-3);
        assert_eq!(document["parameters"][1]["good_options"][0]["option"], "adam");
        assert_eq!((&document["progress"][1]["value"], &document["front"]), (&0.25.into(), &serde_json::Value::Null));
        assert_eq!((&document["advice"][0]["kind"], &document["judged"]), (&"widen".into(), &40.into()));
    }
}
