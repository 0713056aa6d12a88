//! How people name a trial.

use crate::errors::{Failure, Result};

/// A study and a trial in it, as the coordinator understands them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialSelector {
    /// Name or id, or `last`.
    pub study: String,
    /// A number, `last` or `best`.
    pub trial: String,
}

impl TrialSelector {
    /// Resolves `17`, `best`, `digits/17`, or `17` with a study beside it. Names of studies may hold slashes: the last
    /// one counts, and none does where the study is named apart.
    ///
    /// # Errors
    /// The text is no number, `last` or `best`.
    pub fn resolve(text: &str, study: Option<&str>) -> Result<Self> {
        let (study, trial) = match (study, text.rsplit_once('/')) {
            (Some(study), _) => (study, text),
            (None, Some((study, trial))) => (study, trial),
            (None, None) => ("last", text),
        };
        if !is_trial(trial) {
            let failure = Failure::usage(format!("`{text}` names no trial"));
            return Err(failure.hint("write a number, `last` or `best`, with `STUDY/` before it for another study than the last"));
        }
        Ok(Self { study: study.to_owned(), trial: trial.to_owned() })
    }
}

fn is_trial(text: &str) -> bool {
    matches!(text, "last" | "best") || text.parse::<u64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, study: Option<&str>) -> (String, String) {
        let selector = TrialSelector::resolve(text, study).unwrap();
        (selector.study, selector.trial)
    }

    fn pair(study: &str, trial: &str) -> (String, String) {
        (study.to_owned(), trial.to_owned())
    }

    #[test]
    fn a_bare_trial_is_one_of_the_last_study() {
        assert_eq!(resolved("17", None), pair("last", "17"));
        assert_eq!(resolved("best", None), pair("last", "best"));
        assert_eq!(resolved("last", None), pair("last", "last"));
    }

    #[test]
    fn a_study_stands_before_the_last_slash_or_beside() {
        assert_eq!(resolved("digits/17", None), pair("digits", "17"));
        assert_eq!(resolved("a/b/best", None), pair("a/b", "best"));
        assert_eq!(resolved("3", Some("a/b")), pair("a/b", "3"));
        assert_eq!(resolved("/3", None), pair("", "3"));
    }

    #[test]
    fn what_names_no_trial_is_refused_with_the_way_out() {
        for (text, study) in [("digits", None), ("-1", None), ("digits/", None), ("a/1", Some("b")), ("", None)] {
            let failure = TrialSelector::resolve(text, study).unwrap_err();
            assert_eq!(failure.kind.exit_code(), 2, "{text}");
            assert!(!failure.hints.is_empty());
        }
    }
}
