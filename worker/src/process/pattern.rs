//! Values on standard output, found by the study's pattern.
//!
//! A pattern is plain text with `{name}`, `{value}` and `{step}`; the first and the last may be missing. White
//! space in it matches any white space.

use hone_proto::worker::Metric;
use regex::Regex;

/// Longer lines are progress bars or data, not values.
const LINE_LIMIT: usize = 64 << 10;
const NAME: &str = r"(?P<name>[A-Za-z_][A-Za-z0-9_./-]*)";
const VALUE: &str =
    r"(?P<value>[+-]?(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|(?i:nan|inf(?:inity)?)))";
const STEP: &str = r"(?P<step>[0-9]+)";

/// Why a pattern cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There is nothing to read.
    #[error("the metrics pattern `{0}` has no `{{value}}`; write for example `{{name}}={{value}}`")]
    NoValue(String),
    /// A placeholder twice, or too long.
    #[error("the metrics pattern `{0}` cannot be used; each of `{{name}}`, `{{value}}` and `{{step}}` may stand once")]
    Unusable(String),
}

/// A study's pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// The metric of a pattern without `{name}`.
    default_name: String,
}

/// A value that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// `None`: the pattern has no step.
    pub step: Option<i64>,
    /// What was found.
    pub metric: Metric,
}

impl Pattern {
    /// Reads a pattern; `default_name` is the metric of a pattern without `{name}`.
    ///
    /// # Errors
    ///
    /// [`PatternError`] when it has no value, or one placeholder twice.
    pub fn parse(text: &str, default_name: &str) -> Result<Self, PatternError> {
        if !text.contains("{value}") {
            return Err(PatternError::NoValue(text.to_owned()));
        }
        let words: Vec<String> = text.split_whitespace().map(regex::escape).collect();
        let source = words.join(r"\s+").replace(r"\{name\}", NAME).replace(r"\{value\}", VALUE).replace(r"\{step\}", STEP);
        let regex = Regex::new(&source).map_err(|_| PatternError::Unusable(text.to_owned()))?;
        Ok(Self { regex, default_name: default_name.to_owned() })
    }

    /// Every value in a line.
    pub fn find(&self, line: &str) -> impl Iterator<Item = Found> {
        self.regex.captures_iter(line).filter_map(|captures| {
            let text = |group| captures.name(group).map(|found| found.as_str());
            let value = text("value")?.parse().ok()?;
            let step = match text("step") {
                Some(step) => Some(step.parse().ok()?),
                None => None,
            };
            let name = text("name").unwrap_or(&self.default_name).to_owned();
            Some(Found { step, metric: Metric { name, value } })
        })
    }
}

/// Cuts what a process writes into lines, of which long ones are skipped.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    skipping: bool,
}

impl Lines {
    /// Takes the next bytes and hands on every line that they complete.
    pub fn feed(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let ends = matches!(piece.last(), Some(b'\n' | b'\r'));
            self.take(&piece[..piece.len() - usize::from(ends)]);
            if ends {
                self.end(&mut line);
            }
        }
    }

    /// The output has ended, perhaps within a line.
    pub fn end(&mut self, mut line: impl FnMut(&str)) {
        if !self.skipping && !self.buffer.is_empty() {
            line(&String::from_utf8_lossy(&self.buffer));
        }
        self.buffer.clear();
        self.skipping = false;
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.skipping || self.buffer.len() + bytes.len() > LINE_LIMIT {
            self.skipping = true;
            self.buffer = Vec::new();
        } else {
            self.buffer.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, line: &str) -> Vec<(Option<i64>, String, f64)> {
        let pattern = Pattern::parse(pattern, "loss").expect("a pattern");
        pattern.find(line).map(|found| (found.step, found.metric.name, found.metric.value)).collect()
    }

    #[test]
    fn every_value_of_a_line_is_found() {
        let named = |name: &str, value| (None, name.to_owned(), value);
        assert_eq!(found("{name}={value}", "epoch 3 loss=0.5 val/acc=1e-3,"), vec![named("loss", 0.5), named("val/acc", 1e-3)]);
        assert_eq!(found("{name}: {value}", "acc:\t.25"), vec![named("acc", 0.25)]);
        assert_eq!(found("[{value}]", "[-3.]"), vec![named("loss", -3.0)]);
        assert_eq!(found("{name}={value}", "nothing here"), vec![]);
    }

    #[test]
    fn a_step_is_read_where_the_pattern_has_one() {
        let line = "epoch 12: loss = -inf";
        assert_eq!(found("epoch {step}: {name} = {value}", line), vec![(Some(12), "loss".to_owned(), f64::NEG_INFINITY)]);
        assert!(found("{name}={value}", "loss=NaN")[0].2.is_nan());
        assert_eq!(found("{step} {value}", "99999999999999999999 1"), vec![]);
    }

    #[test]
    fn patterns_that_cannot_work_are_refused() {
        assert!(matches!(Pattern::parse("{name}", "loss"), Err(PatternError::NoValue(_))));
        assert!(matches!(Pattern::parse("{value} {value}", "loss"), Err(PatternError::Unusable(_))));
    }

    #[test]
    fn lines_are_cut_and_long_ones_are_skipped() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        let long = vec![b'x'; LINE_LIMIT + 1];
        for bytes in [b"a=".as_slice(), b"1\nb=2\r", &long, &long, b"\nc=3"] {
            lines.feed(bytes, |line| seen.push(line.to_owned()));
        }
        lines.end(|line| seen.push(line.to_owned()));
        assert_eq!(seen, vec!["a=1", "b=2", "c=3"]);
        assert!(lines.buffer.capacity() <= LINE_LIMIT);
    }
}
