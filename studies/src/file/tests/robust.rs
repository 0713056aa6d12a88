//! No text brings the parser down, and every mistake points into the text.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::file::{apply_settings, render, spec_to_toml};

/// Pieces that change the meaning of what is around them.
const PIECES: &[&str] = &[
    "",
    "\n",
    "\"",
    "'",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "=",
    ".",
    ",",
    "#",
    "-1",
    "0",
    "1e999",
    "nan",
    "inf",
    "0x",
    "true",
    "é",
    "\t",
    "\u{1b}",
    "\u{0}",
    "9223372036854775807",
    "-9223372036854775808",
    "1979-05-27",
    "[space]\n",
    "[trial]\n",
    "\"\"\"",
    "{params.",
    ":-",
    "when",
    "float",
    "int",
    "choice",
    "bool",
    "step",
    "scale",
    "grid",
    "[[enqueue]]\n",
    "= []\n",
    "= {}\n",
];

fn mutated(text: &str, edits: &[(Index, Index, Index)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, length, piece) in edits {
        let start = at.index(chars.len() + 1);
        let end = (start + length.index(12)).min(chars.len());
        chars.splice(start..end, PIECES[piece.index(PIECES.len())].chars());
    }
    chars.into_iter().collect()
}

fn assert_positions(text: &str, mistakes: &[Diagnostic]) {
    assert!(!mistakes.is_empty());
    for mistake in mistakes {
        let line = text.split('\n').nth(mistake.line - 1).expect("the line exists");
        assert!(mistake.column <= line.chars().count() + 1, "{mistake} in {text}");
        assert!(!mistake.to_string().replace("\nhint: ", "").chars().any(char::is_control), "{mistake:?}");
    }
    render(mistakes, text);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_get_mistakes_or_a_study(
        file in prop::sample::select(&[STUDY, super::accepted::FULLEST][..]),
        edits in prop::collection::vec(any::<(Index, Index, Index)>(), 1..6),
    ) {
        let text = mutated(file, &edits);
        match parse(&text, "study.toml") {
            Ok(study) => prop_assert_eq!(spec(&spec_to_toml(&study)), study),
            Err(mistakes) => assert_positions(&text, &mistakes),
        }
    }

    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,200}") {
        if let Err(mistakes) = parse(&text, "study.toml") {
            assert_positions(&text, &mistakes);
        }
    }

    #[test]
    fn any_setting_gets_an_answer(
        key in "(space\\.|objective\\.|trial\\.|search\\.)?(learning_rate|hidden|optimizer|timeout|target|seed|)(\\.low|\\.high|)",
        value in "(none|-?[0-9]{0,20}(\\.[0-9]+)?(e[0-9]{1,3})?[smh]?|\\PC{0,10})",
    ) {
        let old = spec(STUDY);
        if let Err(refusals) = apply_settings(&old, &[format!("{key}={value}")]) {
            prop_assert!(!refusals.is_empty());
            prop_assert!(!refusals.concat().chars().any(char::is_control));
        }
    }
}

#[test]
fn a_reversed_parent_is_one_mistake() {
    let text = edited("{ choice = [\"sgd\", \"adam\"] }", "{ int = [9, 1] }");
    let mistakes = parse(&text.replace("optimizer = \"sgd\"", "optimizer = 5"), "study.toml").unwrap_err();
    assert_eq!(
        shown(&mistakes),
        "study.toml:14:13: space.optimizer: lower bound 9 is above upper bound 1\nhint: swap them: `[1, 9]`"
    );
}

#[test]
fn mistakes_are_limited_and_the_rest_counted() {
    let keys: String = (0..80).map(|number| format!("x{number} = 1\n")).collect();
    let mistakes = parse(&(keys + STUDY), "study.toml").unwrap_err();
    assert_eq!(mistakes.len(), 50);
    assert!(mistakes[49].hint.as_ref().is_some_and(|hint| hint.ends_with("; 30 more mistakes follow")));
}

#[test]
fn a_file_and_a_space_have_a_largest_size() {
    let huge = "#".repeat((1 << 20) + 1);
    assert_eq!(shown(&parse(&huge, "f").unwrap_err()), "f:1:1: the file is larger than 1MiB");
    let many: String = (0..1_001).map(|number| format!("p{number} = {{ bool = true }}\n")).collect();
    let text = edited("[space]\n", &format!("[space]\n{many}"));
    let message = "study.toml:11:1: space: 1005 parameters are defined, at most 1000 are possible";
    assert_eq!(shown(&parse(&text, "study.toml").unwrap_err()), message);
}

#[test]
fn deep_nesting_is_refused() {
    let text = "a = ".to_owned() + &"[".repeat(100_000);
    assert!(parse(&text, "f").is_err());
}
