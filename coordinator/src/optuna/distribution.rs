//! Distributions as Optuna writes them: JSON, with what Python adds to it.

use hone_search::{Choice, Distribution};
use serde::{Deserialize, Serialize};

/// How Python's `json` writes numbers that JSON does not have.
const WORDS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];

#[derive(Serialize, Deserialize)]
#[serde(tag = "name", content = "attributes")]
enum Written {
    #[serde(rename = "FloatDistribution")]
    Float { low: f64, high: f64, log: bool, step: Option<f64> },
    #[serde(rename = "IntDistribution")]
    Int { low: i64, high: i64, log: bool, step: i64 },
    #[serde(rename = "CategoricalDistribution")]
    Categorical { choices: Vec<serde_json::Value> },
    // Names before Optuna 3.
    #[serde(rename = "UniformDistribution")]
    Uniform { low: f64, high: f64 },
    #[serde(rename = "LogUniformDistribution")]
    LogUniform { low: f64, high: f64 },
    #[serde(rename = "DiscreteUniformDistribution")]
    DiscreteUniform { low: f64, high: f64, q: f64 },
    #[serde(rename = "IntUniformDistribution")]
    IntUniform { low: i64, high: i64, step: i64 },
    #[serde(rename = "IntLogUniformDistribution")]
    IntLogUniform { low: i64, high: i64, step: i64 },
}

/// Reads a distribution.
///
/// # Errors
/// Why it is none, in words.
pub(super) fn parse(text: &str) -> Result<Distribution, String> {
    let written: Written = serde_json::from_str(&without_words(text)).map_err(|error| format!("the distribution: {error}"))?;
    let float = |low, high, log, step| Distribution::Float { low, high, log, step };
    let int = |low, high, log, step| Distribution::Int { low, high, log, step };
    Ok(match written {
        Written::Float { low, high, log, step } => float(low, high, log, step),
        Written::Uniform { low, high } => float(low, high, false, None),
        Written::LogUniform { low, high } => float(low, high, true, None),
        Written::DiscreteUniform { low, high, q } => float(low, high, false, Some(q)),
        Written::Int { low, high, log, step } => int(low, high, log, step),
        Written::IntUniform { low, high, step } => int(low, high, false, step),
        Written::IntLogUniform { low, high, step } => int(low, high, true, step),
        Written::Categorical { choices } => Distribution::Categorical { choices: choices.into_iter().map(choice).collect() },
    })
}

/// Writes a distribution as Optuna does.
pub(crate) fn write(distribution: &Distribution) -> String {
    let written = match distribution {
        Distribution::Float { low, high, log, step } => Written::Float { low: *low, high: *high, log: *log, step: *step },
        Distribution::Int { low, high, log, step } => Written::Int { low: *low, high: *high, log: *log, step: *step },
        Distribution::Categorical { choices } => {
            let choices = choices.iter().map(|choice| serde_json::to_value(choice).expect("an option is plain data"));
            Written::Categorical { choices: choices.collect() }
        }
    };
    serde_json::to_string(&written).expect("a distribution is plain data")
}

/// An option; what is no plain value goes by its text.
fn choice(value: serde_json::Value) -> Choice {
    match value {
        serde_json::Value::Bool(value) => Choice::Bool(value),
        serde_json::Value::String(text) => Choice::Str(text),
        serde_json::Value::Null => Choice::Str("None".to_owned()),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Choice::Int(value),
            (None, Some(value)) => Choice::Float(value),
            (None, None) => Choice::Str(number.to_string()),
        },
        other @ (serde_json::Value::Array(_) | serde_json::Value::Object(_)) => Choice::Str(other.to_string()),
    }
}

/// The same JSON with Python's words for numbers in quotes.
fn without_words(text: &str) -> String {
    let (mut whole, mut rest, mut quoted) = (String::with_capacity(text.len() + 8), text, false);
    while let Some(first) = rest.chars().next() {
        if let Some(word) = WORDS.iter().find(|word| !quoted && rest.starts_with(**word)) {
            whole.push('"');
            whole.push_str(word);
            whole.push('"');
            rest = &rest[word.len()..];
            continue;
        }
        // Within quotes a backslash takes the next character along.
        let taken = if quoted && first == '\\' { rest.chars().take(2).map(char::len_utf8).sum() } else { first.len_utf8() };
        quoted ^= first == '"';
        whole.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read() {
        let float = r#"{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}"#;
        assert_eq!(parse(float), Ok(Distribution::Float { low: 1e-5, high: 0.1, log: true, step: None }));
        let int = r#"{"name": "IntDistribution", "attributes": {"log": false, "step": 2, "low": -4, "high": 8}}"#;
        assert_eq!(parse(int), Ok(Distribution::Int { low: -4, high: 8, log: false, step: 2 }));
        let old = r#"{"name": "DiscreteUniformDistribution", "attributes": {"low": 0, "high": 1, "q": 0.25}}"#;
        assert_eq!(parse(old), Ok(Distribution::Float { low: 0.0, high: 1.0, log: false, step: Some(0.25) }));
    }

    #[test]
    fn what_is_written_is_read() {
        let choices = vec![Choice::Bool(true), Choice::Int(1), Choice::Float(0.5), Choice::Str("a\"".to_owned())];
        let written = [
            Distribution::Float { low: 1e-5, high: 0.1, log: true, step: None },
            Distribution::Float { low: 0.0, high: 1.0, log: false, step: Some(0.25) },
            Distribution::Int { low: -4, high: 8, log: false, step: 2 },
            Distribution::Categorical { choices },
        ];
        for distribution in written {
            assert_eq!(parse(&write(&distribution)), Ok(distribution));
        }
    }

    #[test]
    fn options_may_be_what_json_does_not_have() {
        let text = r#"{"name": "CategoricalDistribution", "attributes": {"choices": [NaN, -Infinity, null, true, 1, 0.5, "NaN \" Infinity", [1]]}}"#;
        let text_of = |text: &str| Choice::Str(text.to_owned());
        let choices = vec![
            text_of("NaN"),
            text_of("-Infinity"),
            text_of("None"),
            Choice::Bool(true),
            Choice::Int(1),
            Choice::Float(0.5),
            text_of("NaN \" Infinity"),
            text_of("[1]"),
        ];
        assert_eq!(parse(text), Ok(Distribution::Categorical { choices }));
    }

    #[test]
    fn what_is_no_distribution_is_refused_in_words() {
        for text in ["", "{}", r#"{"name": "Cauchy", "attributes": {}}"#, r#"{"name": "FloatDistribution", "attributes": {}}"#] {
            assert!(parse(text).unwrap_err().starts_with("the distribution: "), "{text}");
        }
    }
}
