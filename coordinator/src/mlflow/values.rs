//! What MLflow takes as a name or a value, and what becomes of the rest.
//!
//! MLflow cuts long parameters in silence and stores infinities as the greatest finite number, so neither is sent.

use hone_data::Hash;
use serde_json::Value as Json;

/// Characters of the name of a metric, parameter or tag.
pub(super) const MAX_KEY: usize = 250;
/// Characters of a parameter's value.
pub(super) const MAX_PARAM: usize = 6_000;
/// Characters of a tag's value; servers before 3.0 take no more.
pub(super) const MAX_TAG: usize = 5_000;
/// Characters of an experiment's tag; longer ones are refused.
pub(super) const MAX_EXPERIMENT_TAG: usize = 5_000;
pub(super) const MAX_EXPERIMENT_NAME: usize = 500;
/// Hexadecimal digits of a dataset's digest; 36 would be taken.
pub(super) const DIGEST: usize = 32;

/// Returns a name that MLflow takes: the same where it does, else one that no other name becomes.
pub(super) fn key(name: &str) -> String {
    let taken = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ' ' | ':' | '/');
    if name.chars().all(taken) && is_plain_path(name) && name.chars().count() <= MAX_KEY {
        return name.to_owned();
    }
    let written: String = name.chars().map(|letter| if taken(letter) && letter != '/' { letter } else { '_' }).collect();
    let written = written.trim_start_matches('.');
    format!("{}-{}", start(written, MAX_KEY - 9), short_hash(name))
}

/// Names serve as paths of files there: none may lead to another one.
fn is_plain_path(name: &str) -> bool {
    !name.is_empty() && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Returns a text of at most `limit` characters; what is cut ends in a hash of the whole.
pub(super) fn fitted(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    format!("{}… {}", start(text, limit - 10), short_hash(text))
}

/// Whether [`fitted`] leaves the text as it is.
pub(super) fn fits(text: &str, limit: usize) -> bool {
    text.chars().count() <= limit
}

fn start(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}

fn short_hash(text: &str) -> String {
    Hash::of(text.as_bytes()).to_string()[..8].to_owned()
}

/// A metric's value as JSON, if MLflow keeps it.
pub(super) fn number(value: f64) -> Option<Json> {
    match value {
        value if value.is_nan() => Some(Json::from("NaN")),
        value if value.is_infinite() => None,
        value => Some(Json::from(value)),
    }
}
