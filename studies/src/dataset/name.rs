//! What datasets are called, and how people name a version.

/// The longest name, in characters.
const MAX_NAME: usize = 100;

/// Whether a dataset may be called so: letters, digits, `.`, `_` and `-`, with a letter or digit first.
///
/// Names stand in paths of workers, in variables of trials and before `@`, so they are plainer than those of studies.
pub fn is_dataset_name(text: &str) -> bool {
    let first = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    let follows = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    first && text.len() <= MAX_NAME && text.bytes().all(follows)
}

/// Splits `name@3` into the name and the version; `None` for the version where the newest is meant: `name`,
/// `name@latest`. What follows another `@` than a number belongs to no dataset, and is answered as it is.
pub fn split_reference(text: &str) -> (&str, Option<u32>) {
    match text.rsplit_once('@') {
        Some((name, "latest")) => (name, None),
        Some((name, version)) => version.parse().map_or((text, None), |version| (name, Some(version))),
        None => (text, None),
    }
}
