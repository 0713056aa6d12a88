//! Study files with mistakes: each is refused with the file, the place and the way out, and nothing is created.

use crate::support::{Hone, Place};

/// A correct study in which one line is replaced.
fn with(find: &str, replace: &str) -> String {
    let text = "name = \"bad\"\n[objective]\nmetric = \"loss\"\ndirection = \"minimize\"\n[search]\nmax_trials = 3\n[space]\n\
                x = { float = [0.1, 1.0] }\n[trial]\ncommand = [\"true\"]\n";
    assert!(text.contains(find), "the study has no `{find}`");
    text.replace(find, replace)
}

/// Refused by `hone run`, with all of these words on standard error.
#[track_caller]
fn is_refused(text: &str, words: &[&str]) {
    let place = Place::new();
    let hone = Hone::new(&place);
    let file = place.write("study.toml", text).display().to_string();
    for command in [&["run", &file][..], &["run", "--dry-run", &file], &["study", "create", &file]] {
        let said = hone.run(command).fails(2);
        for word in [&["study.toml:"], words].concat() {
            assert!(said.contains(word), "{command:?} does not say `{word}`:\n{said}");
        }
    }
    assert_eq!(hone.run(&["study", "ls", "--output", "json"]).json().as_array().map(Vec::len), Some(0), "something was created");
}

#[test]
fn text_that_is_no_toml_is_shown_with_its_place() {
    is_refused(&with("[search]", "[search"), &["study.toml:5:", "[search"]);
}

#[test]
fn a_value_of_the_wrong_type_is_shown_with_what_was_expected() {
    is_refused(&with("max_trials = 3", "max_trials = \"many\""), &["study.toml:6:", "max_trials", "whole number"]);
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest_one() {
    is_refused(&with("max_trials", "max_trails"), &["max_trails", "hint:", "max_trials"]);
}

#[test]
fn an_empty_space_is_refused() {
    is_refused(&with("x = { float = [0.1, 1.0] }\n", ""), &["space", "hint:"]);
}

#[test]
fn reversed_bounds_are_answered_with_swapped_ones() {
    is_refused(&with("[0.1, 1.0]", "[1.0, 0.1]"), &["study.toml:8:", "space.x", "above", "hint:"]);
}

#[test]
fn a_log_scale_that_begins_at_zero_is_refused() {
    is_refused(&with("[0.1, 1.0]", "[0, 1.0], scale = \"log\""), &["study.toml:8:", "space.x", "log", "hint:"]);
}

#[test]
fn a_bound_that_is_no_number_is_refused() {
    is_refused(&with("[0.1, 1.0]", "[nan, 1.0]"), &["study.toml:8:", "space.x"]);
    is_refused(&with("[0.1, 1.0]", "[0.1, inf]"), &["study.toml:8:", "space.x"]);
}

#[test]
fn conditions_that_go_in_a_circle_are_named() {
    let circle = "a = { float = [0, 1], when = { b = true } }\nb = { bool = true, when = { c = true } }\nc = { bool = true, when = { b = true } }";
    is_refused(&with("x = { float = [0.1, 1.0] }", circle), &["space.", "hint:"]);
}

#[test]
fn several_mistakes_are_shown_at_once() {
    let text = with("[0.1, 1.0]", "[1.0, 0.1]").replace("max_trials = 3", "max_trials = 0");
    is_refused(&text, &["study.toml:6:", "study.toml:8:"]);
}

#[test]
fn a_placeholder_without_a_parameter_is_refused() {
    is_refused(&with("[\"true\"]", "[\"true\", \"{params.y}\"]"), &["study.toml:10:", "params.y", "hint:"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let place = Place::new();
    let said = Hone::new(&place).run(&["run", "nowhere"]).fails(2);
    assert!(said.contains("nowhere"), "{said}");
}

#[test]
fn a_file_that_is_no_text_is_named() {
    let place = Place::new();
    place.write("study.toml", [0xff, 0xfe, 0x00]);
    let said = Hone::new(&place).run(&["run", "study.toml"]).fails(2);
    assert!(said.contains("study.toml"), "{said}");
}
