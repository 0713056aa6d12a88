//! A mistake in a study file, and how it is shown.

use std::fmt;

/// One mistake: where it is, what is wrong, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How the caller calls the file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The key with its tables, such as `trial.timeout`; empty when the text is not TOML.
    pub key: String,
    /// What is wrong: lower case, values in backticks.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.headline(f)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl Diagnostic {
    fn headline(&self, f: &mut impl fmt::Write) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }

    /// Writes the mistake with the line of `text` it is in and a mark below:
    ///
    /// ```text
    /// study.toml:12:17: space.learning_rate: lower bound 0.1 is above upper bound 0.001
    ///    12 | learning_rate = { float = [0.1, 0.001] }
    ///       |                 ^
    /// hint: swap them
    /// ```
    fn render(&self, text: &str, f: &mut impl fmt::Write) -> fmt::Result {
        self.headline(f)?;
        if let Some(line) = text.lines().nth(self.line.saturating_sub(1)).filter(|line| !line.is_empty()) {
            let before: String = line.chars().take(self.column - 1).map(|c| if c == '\t' { c } else { ' ' }).collect();
            write!(f, "\n{:>5} | {}\n{:>5} | {before}^", self.line, visible(line), "")?;
        }
        self.hint.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

/// Writes all mistakes for people, each with its line of `text`, one blank line between them.
pub fn render(diagnostics: &[Diagnostic], text: &str) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        // Writing to a string cannot fail.
        let _ = diagnostic.render(text, &mut out);
    }
    out
}

/// Keeps a line from steering the terminal: every control character but the tab becomes `�`.
fn visible(line: &str) -> String {
    line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// Writes a piece of the file into a message: control characters escaped, cut after 60 characters.
pub fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let start: String = text.chars().take(MOST).collect();
    let cut = if start.len() < text.len() { "…" } else { "" };
    harmless(&start) + cut
}

/// Escapes control characters, so that a message stays one line and cannot steer a terminal.
pub(super) fn harmless(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Writes names for a message: `a`, `b` and `c`, each in backticks.
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", shown(name.as_ref()))).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Returns the candidate that `word` was probably meant to be.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distances cost the product of the lengths; nobody means a name by a page of text.
    let word: String = word.chars().take(100).collect();
    let allowed = (word.chars().count() / 3).max(1);
    let rated = candidates.into_iter().map(|candidate| (distance(&word, candidate), candidate));
    let (best, candidate) = rated.min_by_key(|(distance, _)| *distance)?;
    (best <= allowed).then_some(candidate)
}

/// Edits from one name to the other; a name that the other begins with is one edit away.
fn distance(word: &str, candidate: &str) -> usize {
    let (word, candidate) = (word.to_lowercase().replace('-', "_"), candidate.to_lowercase());
    let short = word.len().min(candidate.len()) < 3;
    let begins = !short && (candidate.starts_with(&word) || word.starts_with(&candidate));
    let edits = strsim::damerau_levenshtein(&word, &candidate);
    if begins { edits.min(1) } else { edits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(line: usize, column: usize) -> Diagnostic {
        Diagnostic {
            file: "study.toml".to_owned(),
            line,
            column,
            key: "trial.timeout".to_owned(),
            message: "is wrong".to_owned(),
            hint: Some("write another".to_owned()),
        }
    }

    #[test]
    fn display_is_one_line_and_the_hint() {
        assert_eq!(mistake(2, 3).to_string(), "study.toml:2:3: trial.timeout: is wrong\nhint: write another");
        let bare = Diagnostic { key: String::new(), hint: None, ..mistake(2, 3) };
        assert_eq!(bare.to_string(), "study.toml:2:3: is wrong");
    }

    #[test]
    fn rendering_marks_the_column_and_hides_control_characters() {
        let text = "a = 1\n\té\u{1b} = 2";
        assert_eq!(
            render(&[mistake(2, 4), mistake(9, 1)], text),
            "study.toml:2:4: trial.timeout: is wrong\n    2 | \té\u{fffd} = 2\n      | \t  ^\nhint: write another\n\n\
             study.toml:9:1: trial.timeout: is wrong\nhint: write another"
        );
    }

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["environment", "timeout", "retries", "setup"];
        assert_eq!(nearest("timout", names), Some("timeout"));
        assert_eq!(nearest("env", names), Some("environment"));
        assert_eq!(nearest("Retries", names), Some("retries"));
        assert_eq!(nearest("banana", names), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn pieces_of_the_file_are_short_and_harmless_in_messages() {
        assert_eq!(shown("a\u{1b}[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(shown(&"x".repeat(70)), format!("{}…", "x".repeat(60)));
        assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
