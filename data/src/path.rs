//! Paths that come from elsewhere: relative, inside their folder, and nothing else.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Bytes of a path at most.
pub const MAX_PATH: usize = 1024;
/// Bytes of one part of a path at most, as file systems have it.
pub const MAX_PART: usize = 255;

/// A path of one or more parts joined by `/`, none of them empty, `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelativePath(String);

/// A path that would leave its folder or that no file can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` cannot be used as a path: {reason}")]
pub struct PathError {
    /// The path, shortened.
    pub path: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl RelativePath {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`PathError`]
    pub fn parse(text: &str) -> Result<Self, PathError> {
        match fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(reason) => Err(PathError { path: text.chars().take(200).collect(), reason }),
        }
    }

    /// The path of a file below a folder, as a walk through the folder gives it.
    ///
    /// # Errors
    /// [`PathError`], also for names that are not UTF-8.
    pub fn from_path(path: &Path) -> Result<Self, PathError> {
        match path.to_str() {
            Some(text) => Self::parse(text),
            None => Err(PathError { path: path.to_string_lossy().into_owned(), reason: "it is not UTF-8" }),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below `folder`.
    #[must_use]
    pub fn below(&self, folder: &Path) -> PathBuf {
        folder.join(&self.0)
    }

    /// The folder it lies in; nothing at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// Number of folders around it.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.matches('/').count()
    }
}

fn fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > MAX_PATH {
        return Some("it is too long");
    }
    if text.starts_with('/') {
        return Some("it is absolute");
    }
    if text.contains('\0') {
        return Some("it contains a zero byte");
    }
    text.split('/').find_map(part_fault)
}

fn part_fault(part: &str) -> Option<&'static str> {
    match part {
        "" => Some("one of its parts is empty"),
        "." | ".." => Some("it contains `.` or `..`"),
        part if part.len() > MAX_PART => Some("one of its parts is too long"),
        _ => None,
    }
}

/// Why the target of the link `link` is refused, if it is: the target must stay in the folder that
/// the link's path is relative to, whatever other links it passes.
///
/// Only leading `..` are accepted: after a part that may itself be a link, `..` leads anywhere.
#[must_use]
pub fn link_fault(link: &RelativePath, target: &str) -> Option<&'static str> {
    if target.is_empty() || target.starts_with('/') || target.contains('\0') {
        return Some("its target is not a relative path");
    }
    if target.len() > MAX_PATH {
        return Some("its target is too long");
    }
    let parts: Vec<_> = target.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let up = parts.iter().take_while(|part| **part == "..").count();
    if up > link.depth() {
        return Some("its target lies outside");
    }
    parts[up..].contains(&"..").then_some("its target has `..` after a name")
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RelativePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<RelativePath> for String {
    fn from(path: RelativePath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).unwrap()
    }

    #[test]
    fn paths_that_leave_their_folder_are_refused() {
        let long = "a/".repeat(600);
        for text in ["", "/", "/etc/passwd", "..", "a/../b", "a/..", "./a", "a//b", "a/", "a\0b", &long] {
            assert!(RelativePath::parse(text).is_err(), "{text:?}");
        }
        for text in ["a", "a/b.c", "...", "a b/\u{e9}", "..a/b..", "a\\b"] {
            assert_eq!(path(text).as_str(), text);
        }
    }

    #[test]
    fn a_link_may_point_up_only_as_far_as_its_folder_reaches() {
        let fault = |link, target| link_fault(&path(link), target);
        assert_eq!(fault("a/b/link", "../../top"), None);
        assert_eq!(fault("link", "sub/./file"), None);
        for (link, target) in
            [("link", "../x"), ("a/link", "../../x"), ("a/link", "/etc/passwd"), ("a/link", "b/../../x"), ("link", "")]
        {
            assert!(fault(link, target).is_some(), "{link} -> {target}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_path_has_only_plain_parts(text in "[a./\\\\\0 ]{0,12}|\\PC{0,40}") {
            if let Ok(path) = RelativePath::parse(&text) {
                let joined = path.below(Path::new("/base"));
                prop_assert!(joined.starts_with("/base"));
                prop_assert!(Path::new(path.as_str()).components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert_eq!(Path::new(path.as_str()).components().count(), path.depth() + 1);
                let json = serde_json::to_string(&path).unwrap();
                prop_assert_eq!(serde_json::from_str::<RelativePath>(&json).unwrap(), path);
            } else {
                prop_assert!(serde_json::from_str::<RelativePath>(&serde_json::to_string(&text).unwrap()).is_err());
            }
        }

        #[test]
        fn an_accepted_link_stays_inside(depth in 0_usize..4, target in "([a.]{1,2}/){0,5}[a.]{1,2}") {
            let link = path(&format!("{}link", "d/".repeat(depth)));
            if link_fault(&link, &target).is_none() {
                let mut level = depth as i64;
                for part in target.split('/') {
                    level += match part { ".." => -1, "." => 0, _ => 1 };
                    prop_assert!(level >= 0);
                }
            }
        }
    }
}
