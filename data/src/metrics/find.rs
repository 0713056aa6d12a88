//! Finds files by a pattern. `*` and `?` stand for characters of one name, `**` for any number of folders.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

/// Entries of folders that one search looks at.
const ENTRY_LIMIT: usize = 20_000;
/// Folders within folders.
const DEPTH_LIMIT: usize = 32;

/// A search for files.
#[derive(Debug)]
pub(super) struct Search {
    found: BTreeSet<PathBuf>,
    entries_left: usize,
}

/// Finds the files that match `pattern`, by path, and tells whether the search was given up for too many entries.
/// Where it matches a folder and `in_folders` is set, the files below count. Links to folders are followed only where
/// the pattern names them.
pub(super) fn find(pattern: &Path, in_folders: bool) -> (BTreeSet<PathBuf>, bool) {
    let mut search = Search { found: BTreeSet::new(), entries_left: ENTRY_LIMIT };
    let parts: Vec<Component> = pattern.components().collect();
    search.descend(PathBuf::new(), &parts, in_folders, DEPTH_LIMIT);
    (search.found, search.entries_left == 0)
}

impl Search {
    fn descend(&mut self, place: PathBuf, parts: &[Component], in_folders: bool, depth: usize) {
        let Some((part, rest)) = parts.split_first() else {
            return self.take(place, in_folders, depth);
        };
        let name = part.as_os_str().to_string_lossy();
        if name == "**" {
            self.descend(place.clone(), rest, in_folders, depth);
            for (path, is_folder) in self.list(&place, depth) {
                if is_folder {
                    self.descend(path, parts, in_folders, depth - 1);
                } else if rest.is_empty() {
                    self.found.insert(path);
                }
            }
        } else if name.contains(['*', '?']) {
            for (path, _) in self.list(&place, depth) {
                if path.file_name().is_some_and(|file| matches(&name, &file.to_string_lossy())) {
                    self.descend(path, rest, in_folders, depth - 1);
                }
            }
        } else {
            self.descend(place.join(part), rest, in_folders, depth);
        }
    }

    /// Takes what a pattern has led to.
    fn take(&mut self, place: PathBuf, in_folders: bool, depth: usize) {
        match fs::metadata(&place) {
            Ok(metadata) if metadata.is_file() => {
                self.found.insert(place);
            }
            Ok(metadata) if metadata.is_dir() && in_folders => {
                for (path, is_folder) in self.list(&place, depth) {
                    if is_folder {
                        self.take(path, in_folders, depth - 1);
                    } else {
                        self.found.insert(path);
                    }
                }
            }
            // Not there yet, or nothing that can be followed.
            Ok(_) | Err(_) => {}
        }
    }

    /// What is in a folder, and whether it is a folder itself; links are none.
    fn list(&mut self, folder: &Path, depth: usize) -> Vec<(PathBuf, bool)> {
        let Ok(entries) = fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }) else {
            return Vec::new();
        };
        if depth == 0 {
            return Vec::new();
        }
        let entries = entries.flatten().take(self.entries_left);
        let found: Vec<(PathBuf, bool)> =
            entries.map(|entry| (entry.path(), entry.file_type().is_ok_and(|kind| kind.is_dir()))).collect();
        self.entries_left -= found.len();
        found
    }
}

/// Whether a name is one of a pattern with `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Where the last `*` stands, and where what it takes ends.
    let (mut at, mut taken, mut star) = (0, 0, None);
    while taken < name.len() {
        match (pattern.get(at), star) {
            (Some('*'), _) => {
                star = Some((at, taken));
                at += 1;
            }
            (Some(wanted), _) if *wanted == '?' || *wanted == name[taken] => {
                at += 1;
                taken += 1;
            }
            (_, Some((place, end))) => {
                star = Some((place, end + 1));
                (at, taken) = (place + 1, end + 1);
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*.csv", "metrics.csv", true),
            ("*.csv", "metrics.csv.old", false),
            ("version_?", "version_3", true),
            ("version_?", "version_10", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn files_are_found_by_name_by_stars_and_below_folders() {
        let folder = tempfile::tempdir().expect("a folder");
        for path in ["a/x/1.csv", "a/x/deep/2.csv", "a/y/1.csv", "b"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/round")).expect("a link");
        let found = |pattern: &str, in_folders| {
            let (paths, given_up) = find(&folder.path().join(pattern), in_folders);
            assert!(!given_up);
            let name = |path: PathBuf| path.strip_prefix(folder.path()).expect("inside").display().to_string();
            paths.into_iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(found("a/x/1.csv", false), ["a/x/1.csv"]);
        assert_eq!(found("a/?/1.csv", false), ["a/x/1.csv", "a/y/1.csv"]);
        assert_eq!(found("a/**/*.csv", false), ["a/x/1.csv", "a/x/deep/2.csv", "a/y/1.csv"]);
        assert_eq!(found("a/x/**", false), ["a/x/1.csv", "a/x/deep/2.csv"]);
        assert_eq!(found("a/x", true), ["a/x/1.csv", "a/x/deep/2.csv"]);
        assert!(found("a/x", false).is_empty() && found("none/*", true).is_empty());
    }
}
