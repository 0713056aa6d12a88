//! Parameters as several arguments of a command: `{overrides}` for Hydra, `{flags}` for argparse and its like.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

/// The parameters of a trial, by name.
pub type Params = BTreeMap<String, Value>;

/// What an element of a command stands for where it stands for several arguments; `None` for any other.
#[must_use]
pub fn listed(element: &str, params: &Params) -> Option<Vec<String>> {
    match element {
        "{overrides}" => Some(overrides(params, "")),
        "{overrides:+}" => Some(overrides(params, "+")),
        "{overrides:++}" => Some(overrides(params, "++")),
        "{flags}" => Some(flags(params)),
        _ => None,
    }
}

fn overrides(params: &Params, prefix: &str) -> Vec<String> {
    params.iter().map(|(name, value)| format!("{prefix}{name}={}", override_value(value))).collect()
}

fn flags(params: &Params) -> Vec<String> {
    params.iter().map(|(name, value)| format!("--{name}={}", plain(value))).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A value by Hydra's grammar. What would be read as a number, a truth value or null, or not as one word, is quoted.
fn override_value(value: &Value) -> String {
    match value {
        Value::String(text) if is_word(text) => text.clone(),
        Value::String(text) => quoted(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn is_word(text: &str) -> bool {
    let follows = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    let is_reserved = ["null", "true", "false", "nan", "inf"].iter().any(|word| text.eq_ignore_ascii_case(word));
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') && text.bytes().all(follows) && !is_reserved
}

/// A text in quotes. Backslashes count only before a quote, and before `${`, which would begin an interpolation.
fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    let mut backslashes = 0;
    for (at, character) in text.char_indices() {
        if character == '\\' {
            backslashes += 1;
            continue;
        }
        let count = match character {
            '\'' => 2 * backslashes + 1,
            '$' if text[at..].starts_with("${") => 2 * backslashes + 1,
            _ => backslashes,
        };
        // Writing to a string cannot fail.
        let _ = write!(out, "{}{character}", "\\".repeat(count));
        backslashes = 0;
    }
    out + &"\\".repeat(2 * backslashes) + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> Params {
        let text = r#"{"lr":1e-7,"n":-3,"whole":1.0,"big":true,"name":"resnet-50.v1","odd":"it's","model/head":"mlp"}"#;
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn every_parameter_becomes_an_override() {
        let words = ["big=true", "lr=1e-7", "model/head=mlp", "n=-3", "name=resnet-50.v1", "odd='it\\'s'", "whole=1.0"];
        assert_eq!(listed("{overrides}", &params()), Some(words.map(str::to_owned).to_vec()));
        assert_eq!(listed("{overrides:+}", &params()).expect("a list")[0], "+big=true");
        assert_eq!(listed("{overrides:++}", &params()).expect("a list")[1], "++lr=1e-7");
        assert_eq!(listed("{overrides}", &Params::new()), Some(vec![]));
    }

    #[test]
    fn every_parameter_becomes_a_flag() {
        let flags = listed("{flags}", &params()).expect("a list");
        assert_eq!(flags[..3], ["--big=true", "--lr=1e-7", "--model/head=mlp"]);
        assert_eq!(flags[5], "--odd=it's");
    }

    #[test]
    fn other_elements_are_none() {
        assert!(["{params}", "--x={flags}", "{{overrides}}", ""].iter().all(|text| listed(text, &params()).is_none()));
    }

    #[test]
    fn texts_that_mean_something_else_are_quoted() {
        for (text, written) in [
            ("adam", "adam"),
            ("", "''"),
            ("true", "'true'"),
            ("NULL", "'NULL'"),
            ("1e5", "'1e5'"),
            ("3", "'3'"),
            ("a b", "'a b'"),
            ("a,b", "'a,b'"),
            ("$HOME", "'$HOME'"),
            ("${x}", "'\\${x}'"),
            ("\\${x}", "'\\\\\\${x}'"),
            ("C:\\dir\\", "'C:\\dir\\\\'"),
            ("\\'", "'\\\\\\''"),
            ("größe", "'größe'"),
        ] {
            assert_eq!(override_value(&Value::from(text)), written, "{text}");
        }
    }
}
