//! Fills the placeholders of a study's command, environment and paths: `{params.NAME}`, `{params.NAME:-DEFAULT}`, `{params}`,
//! `{dataset.NAME}`, `{trial}`, `{study}`, `{source}`, `{output}`, `{checkpoint}`, `{seed}`; `{{` and `}}` are braces. In a command `{overrides}` and
//! `{flags}` stand for several arguments.
//!
//! The coordinator has checked every template when the study was created, so a text that is none is taken as it is.

use std::collections::BTreeMap;

use hone_proto::worker::{Program, TrialWork};

use crate::arguments::{Params, listed};

/// What placeholders stand for here. One that has no value in this place is not among them.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// By the names of the placeholders.
    texts: BTreeMap<String, String>,
    params: Params,
}

/// A placeholder without a value and without a default.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{{{0}}}` has no value here; give it a default as in `{{{0}:-0}}`")]
pub struct NoValue(String);

impl Values {
    /// What is the same for every trial of a study.
    #[must_use]
    pub fn of_study(program: &Program) -> Self {
        let seed = program.seed.to_string();
        Self::default().with("study", &program.study_name).with("seed", &seed)
    }

    /// Adds one placeholder.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.texts.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds a trial's number and parameters.
    #[must_use]
    pub fn with_trial(mut self, trial: &TrialWork) -> Self {
        self = self.with("trial", &trial.number.to_string()).with("params", &trial.params_json);
        self.params = serde_json::from_str(&trial.params_json).unwrap_or_default();
        for (name, value) in &self.params {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.texts.insert(format!("params.{name}"), text);
        }
        self
    }

    /// Fills every element of a command; one that stands for several arguments becomes these.
    ///
    /// # Errors
    /// The first placeholder that has neither a value nor a default.
    pub fn fill_command(&self, command: &[String]) -> Result<Vec<String>, NoValue> {
        let mut words = Vec::with_capacity(command.len());
        for element in command {
            match listed(element, &self.params) {
                Some(arguments) => words.extend(arguments),
                None => words.push(self.fill(element)?),
            }
        }
        Ok(words)
    }

    /// Fills every placeholder of a text.
    ///
    /// # Errors
    /// The first placeholder that has neither a value nor a default.
    pub fn fill(&self, text: &str) -> Result<String, NoValue> {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let (brace, tail) = rest[at..].split_at(1);
            rest = if let Some(tail) = tail.strip_prefix(brace) {
                out.push_str(brace);
                tail
            } else if let Some((body, tail)) = tail.split_once('}').filter(|_| brace == "{") {
                out.push_str(&self.value(body)?);
                tail
            } else {
                out.push_str(brace);
                tail
            };
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&self, body: &str) -> Result<String, NoValue> {
        let (name, default) = body.split_once(":-").map_or((body, None), |(name, default)| (name, Some(default)));
        let value = self.texts.get(name).map(String::as_str).or(default);
        value.map(str::to_owned).ok_or_else(|| NoValue(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        let program = Program { study_name: "s".to_owned(), seed: 7, ..Program::default() };
        let trial = TrialWork { number: 3, params_json: r#"{"lr":0.1,"act":"relu","big":true,"n":5}"#.to_owned() };
        Values::of_study(&program).with_trial(&trial).with("source", "/src")
    }

    #[test]
    fn placeholders_are_filled_and_doubled_braces_are_braces() {
        for (text, filled) in [
            ("plain", "plain"),
            ("--lr={params.lr}", "--lr=0.1"),
            ("{params.act}-{params.big}-{params.n}", "relu-true-5"),
            ("{params.momentum:-0}", "0"),
            ("{params.lr:-9}", "0.1"),
            ("{source}/train.py", "/src/train.py"),
            ("{trial}/{study}/{seed}", "3/s/7"),
            ("{params}", r#"{"lr":0.1,"act":"relu","big":true,"n":5}"#),
            ("{{x}}", "{x}"),
        ] {
            assert_eq!(values().fill(text).as_deref(), Ok(filled), "{text}");
        }
    }

    #[test]
    fn a_command_has_an_argument_for_each_parameter_where_it_asks_for_them() {
        let command = ["train", "{overrides:+}", "--", "{params.n}", "{flags}"].map(str::to_owned);
        let words =
            ["train", "+act=relu", "+big=true", "+lr=0.1", "+n=5", "--", "5", "--act=relu", "--big=true", "--lr=0.1", "--n=5"];
        assert_eq!(values().fill_command(&command), Ok(words.map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_placeholder_without_a_value_is_named() {
        assert_eq!(
            values().fill("{params.gone}").unwrap_err().to_string(),
            "`{params.gone}` has no value here; give it a default as in `{params.gone:-0}`"
        );
    }

    #[test]
    fn what_is_no_template_stays_as_it_is() {
        assert_eq!(values().fill("a { b").as_deref(), Ok("a { b"));
        assert_eq!(values().fill("a } b").as_deref(), Ok("a } b"));
    }
}
