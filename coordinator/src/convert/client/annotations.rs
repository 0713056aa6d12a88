//! Tags and notes: attributes of the user's, under two keys. An attribute that does not read as tags is no tags.
//!
//! Neither is ever removed, only emptied: marks on a finished trial lie over what it finished with, and a removed
//! mark would bring the old value back.

use std::collections::BTreeSet;

use hone_studies::{Attributes, Scope};

/// The key of the tags, a JSON array of texts.
pub const TAGS: &str = "hone:tags";
/// The key of the note, text.
pub const NOTE: &str = "hone:note";

/// The value of [`TAGS`] for these tags, in order and without repetitions.
pub fn tags_to_bytes(tags: &[String]) -> Vec<u8> {
    let unique: BTreeSet<&String> = tags.iter().collect();
    serde_json::to_vec(&unique).expect("texts are JSON")
}

/// The value of [`NOTE`].
pub fn note_to_bytes(note: &str) -> Vec<u8> {
    note.as_bytes().to_vec()
}

/// Tags after some were added and some removed; removing wins.
pub fn tags_after(tags: &[String], add: &[String], remove: &[String]) -> Vec<String> {
    let all: BTreeSet<&String> = tags.iter().chain(add).filter(|tag| !remove.contains(tag)).collect();
    all.into_iter().cloned().collect()
}

/// Tags and note of a trial; earlier layers win over later ones.
pub(super) fn annotations(layers: &[Option<&Attributes>]) -> (Vec<String>, String) {
    let tags = find(layers, TAGS).and_then(|value| serde_json::from_slice(value).ok()).unwrap_or_default();
    let note = find(layers, NOTE).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default();
    (tags, note)
}

fn find<'a>(layers: &[Option<&'a Attributes>], key: &str) -> Option<&'a Vec<u8>> {
    let key = (Scope::User, key.to_owned());
    layers.iter().flatten().find_map(|layer| layer.get(&key))
}
