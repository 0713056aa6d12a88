//! What a study says of its parameters, for people and programs.

use hone_proto::v1;
use serde::Serialize;

use super::{Cell, Column, Listing, Look, counts_text, documents::Number, values::visible};

/// Describes findings: a table of parameters, then what to change, then what else stands out.
pub fn findings_text(found: &v1::StudyExplanation, look: Look) -> String {
    let study = found.study.clone().unwrap_or_default();
    let mut out = format!("{}: {}\n", visible(&study.name), counts_text(&study));
    let is_told = found.parameters.iter().any(|parameter| parameter.importance > 0.0);
    if is_told {
        out += &format!("\nwhat matters, by {} over {} trials\n", method_text(&found.method), found.judged);
        out += &indented(&parameters(found).table(look));
        if found.parameters.iter().any(|parameter| !parameter.is_clear) {
            out += "    ?: no more than chance would show\n";
        }
    }
    out += &section("what depends on what", found.interactions.iter().map(|pair| &pair.sentence));
    out += &section("what to change", found.advice.iter().map(|advice| &advice.sentence));
    out + &section("what else stands out", found.remarks.iter())
}

fn method_text(method: &str) -> &str {
    match method {
        "fanova" => "fANOVA",
        "ped-anova" => "PED-ANOVA",
        other => other,
    }
}

fn parameters(found: &v1::StudyExplanation) -> Listing {
    let columns = [("name", "PARAMETER"), ("importance", "IMPORTANCE"), ("clear", ""), ("good", "GOOD TRIALS")];
    let columns = columns.map(|(name, title)| Column::new(name, if title.is_empty() { " " } else { title }));
    let mut listing = Listing::new(columns.to_vec(), "no parameters");
    for parameter in &found.parameters {
        listing.push(vec![
            Cell::Text(parameter.name.clone()),
            Cell::Text(format!("{:>8.0} %", 100.0 * parameter.importance)),
            if parameter.is_clear { Cell::Nothing } else { Cell::Text("?".to_owned()) },
            if parameter.good.is_empty() { Cell::Nothing } else { Cell::Text(parameter.good.clone()) },
        ]);
    }
    listing
}

fn section<'a>(title: &str, sentences: impl Iterator<Item = &'a String>) -> String {
    let lines: String = sentences.map(|sentence| format!("    {}\n", visible(sentence))).collect();
    if lines.is_empty() { lines } else { format!("\n{title}\n{lines}") }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> v1::StudyExplanation {
        let range = v1::GoodRange { low: 1e-4, high: 1e-3, share: 0.25 };
        let rate = v1::ParameterFinding {
            name: "rate".to_owned(),
            importance: 0.9,
            is_clear: true,
            trials: 40,
            good: "from 0.0001 to 0.001, 25 % of its range".to_owned(),
            good_range: Some(range),
            good_options: vec![],
        };
        let option = v1::GoodOption { option: "adam".to_owned(), of_good: 1.0, of_all: 0.5, trials: 20 };
        let kind = v1::ParameterFinding {
            name: "kind".to_owned(),
            importance: 0.1,
            is_clear: false,
            trials: 40,
            good: "`adam` in 100 % (of all trials 50 %)".to_owned(),
            good_range: None,
            good_options: vec![option],
        };
        let sentence = "widen `rate`: 9 of 10 good trials lie at its lower bound 0.0001, the best may lie beyond".to_owned();
        v1::StudyExplanation {
            study: Some(v1::Study { name: "digits".to_owned(), ..v1::Study::default() }),
            method: "fanova".to_owned(),
            judged: 40,
            parameters: vec![rate, kind],
            interactions: vec![],
            advice: vec![v1::Advice { kind: "widen".to_owned(), parameter: "rate".to_owned(), sentence }],
            remarks: vec!["3 of 43 trials were pruned".to_owned()],
        }
    }

    #[test]
    fn people_read_a_table_and_sentences() {
        let text = findings_text(&found(), Look::default());
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for line in
            ["what matters, by fANOVA over 40 trials", "what to change", "what else stands out", "3 of 43 trials were pruned"]
        {
            assert!(lines.contains(&line), "`{line}` is missing in\n{text}");
        }
        let parameter = |name: &str| lines.iter().find(|line| line.starts_with(name)).copied().unwrap_or_default();
        assert!(parameter("rate").contains("90 %") && parameter("rate").ends_with("25 % of its range"), "{text}");
        assert!(parameter("kind").contains('?') && !parameter("rate").contains('?'), "{text}");
        assert!(text.contains("widen `rate`: 9 of 10 good trials") && !text.contains("what depends on what"), "{text}");
    }

    #[test]
    fn programs_read_numbers_and_names() {
        let text = super::super::json_text(&ExplanationDocument::from(&found())).expect("plain data");
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(document["parameters"][0]["good_range"]["high"], 1e-3);
        assert_eq!(document["parameters"][1]["good_options"][0]["option"], "adam");
        assert_eq!((&document["advice"][0]["kind"], &document["judged"]), (&"widen".into(), &40.into()));
    }

    #[test]
    fn a_study_without_trials_says_only_what_stands_out() {
        let remarks = vec!["no trial has finished with a value yet, so there is nothing to explain".to_owned()];
        let study = Some(v1::Study { name: "new".to_owned(), ..v1::Study::default() });
        let text = findings_text(&v1::StudyExplanation { study, remarks, ..Default::default() }, Look::default());
        assert!(!text.contains("what matters") && text.contains("nothing to explain"), "{text}");
    }
}
