//! Study files: found, read, changed by options, and checked here for the sake of good messages.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use hone_proto::v1::CreateStudyRequest;
use hone_studies::{
    Source, StudySpec,
    file::{parse_named, render},
};
use toml_edit::{DocumentMut, Item, Table, value};

use crate::errors::{Failure, Kind, Result};

/// The name of a study's file in its folder.
const STUDY_FILE: &str = "study.toml";

/// What options say instead of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The study's name.
    pub name: Option<String>,
    /// `search.parallel`
    pub parallel: Option<u32>,
    /// `search.max_trials`
    pub max_trials: Option<u64>,
}

/// A checked study file.
#[derive(Clone, Debug)]
pub struct StudyFile {
    /// Its text, with the overrides in it.
    pub text: String,
    /// How messages call it.
    pub shown: String,
    /// The folder it lies in.
    pub folder: PathBuf,
    /// Its name there.
    pub name: String,
    /// What it comes to.
    pub spec: StudySpec,
}

impl StudyFile {
    /// Reads a file, or `study.toml` in a folder.
    ///
    /// # Errors
    /// No such file, or mistakes in it, each with its line.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self> {
        let path = if path.is_dir() { path.join(STUDY_FILE) } else { path.to_owned() };
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        let folder = folder_of(&path).map_err(|error| Failure::file("find the folder of", &path, &error))?;
        let shown = path.display().to_string();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let default_name = default_name(&path, &folder);
        // As written first: the lines in messages are those that the user sees.
        checked(&text, &shown, &default_name)?;
        let text = overridden(&text, overrides)?;
        let mut spec = checked(&text, &shown, &default_name)?;
        if let Some(name) = &overrides.name {
            spec.name.clone_from(name);
        }
        Ok(Self { text, shown, folder, name, spec })
    }

    /// The folder whose files the trials need; `None`: they are everywhere already.
    pub fn source(&self) -> Option<(PathBuf, u64)> {
        match &self.spec.source {
            Source::Path { path, max_bytes } => Some((self.folder.join(path), *max_bytes)),
            Source::None => None,
        }
    }

    /// The name of the study file where it lies in the source folder: not part of the source, so that editing the budget
    /// does not look like other code.
    pub fn own_name(&self) -> Vec<String> {
        let beside = matches!(&self.spec.source, Source::Path { path, .. } if Path::new(path).components().all(|part| part == Component::CurDir));
        if beside { vec![self.name.clone()] } else { Vec::new() }
    }

    /// The request that creates the study, or updates it.
    pub fn request(&self, source: Vec<u8>, update: bool) -> CreateStudyRequest {
        CreateStudyRequest {
            text: self.text.clone(),
            file: self.shown.clone(),
            source: source.into(),
            name: Some(self.spec.name.clone()),
            update,
            paused: false,
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::usage(format!("there is no study file `{}`", path.display()))
            .hint("name a study file or the folder of a `study.toml`; `hone init python DIRECTORY` writes one"),
        io::ErrorKind::InvalidData => Failure::usage(format!("`{}` is not text in UTF-8", path.display())),
        _ => Failure::file("read", path, error),
    }
}

fn folder_of(path: &Path) -> io::Result<PathBuf> {
    let path = path.canonicalize()?;
    Ok(path.parent().map(Path::to_owned).unwrap_or_default())
}

/// A `study.toml` is called like its folder, another file like itself.
fn default_name(path: &Path, folder: &Path) -> String {
    let own = path.file_stem();
    let folder = folder.file_name().filter(|_| own.is_none_or(|name| name == "study"));
    folder.or(own).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn checked(text: &str, shown: &str, default_name: &str) -> Result<StudySpec> {
    parse_named(text, shown, default_name).map_err(|mistakes| Failure::new(Kind::Usage, render(&mistakes, text)))
}

/// Writes options into the text, so that what is kept with the study is what was run.
fn overridden(text: &str, overrides: &Overrides) -> Result<String> {
    let settings = [
        ("parallel", overrides.parallel.map(i64::from)),
        ("max_trials", overrides.max_trials.map(|count| i64::try_from(count).unwrap_or(i64::MAX))),
    ];
    if settings.iter().all(|(_, setting)| setting.is_none()) {
        return Ok(text.to_owned());
    }
    let unusable = |error: &dyn std::fmt::Display| Failure::usage(format!("cannot put options into the study file: {error}"));
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| unusable(&error))?;
    let search = document.entry("search").or_insert(Item::Table(Table::new()));
    let search = search.as_table_like_mut().ok_or_else(|| unusable(&"`search` is no table"))?;
    for (key, setting) in settings {
        if let Some(setting) = setting {
            search.insert(key, value(setting));
        }
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mine\n[objective]\nmetric = \"loss\"\ndirection = \"minimize\"\n\n[search]\nmax_trials = 5 # few\n\n\
                        [space]\nx = { float = [0.0, 1.0] }\n\n[trial]\ncommand = [\"true\"]\n";

    fn in_folder(text: &str) -> tempfile::TempDir {
        let folder = tempfile::Builder::new().prefix("digits").tempdir().unwrap();
        fs::write(folder.path().join(STUDY_FILE), text).unwrap();
        folder
    }

    #[test]
    fn a_folder_means_the_study_file_in_it_and_gives_the_name() {
        let folder = in_folder(TEXT);
        let file = StudyFile::load(folder.path(), &Overrides::default()).unwrap();
        assert_eq!(file.spec.name, folder.path().file_name().unwrap().to_str().unwrap());
        assert_eq!(file.text, TEXT);
        let same = StudyFile::load(&folder.path().join(STUDY_FILE), &Overrides::default()).unwrap();
        assert_eq!(same.spec, file.spec);
        assert_eq!(file.source().unwrap().0, folder.path().canonicalize().unwrap().join("."));
    }

    #[test]
    fn options_go_into_the_text_and_leave_the_rest_as_it_was() {
        let folder = in_folder(TEXT);
        let overrides = Overrides { name: Some("fork".to_owned()), parallel: Some(3), max_trials: Some(9) };
        let file = StudyFile::load(folder.path(), &overrides).unwrap();
        assert_eq!(file.spec.name, "fork");
        assert_eq!((file.spec.search.parallel, file.spec.search.max_trials), (Some(3), Some(9)));
        assert!(file.text.starts_with("# mine\n"));
        assert_eq!(file.request(Vec::new(), true).name.as_deref(), Some("fork"));
    }

    #[test]
    fn options_make_the_table_they_need() {
        let text = TEXT.replace("[search]\nmax_trials = 5 # few\n\n", "");
        let overrides = Overrides { parallel: Some(2), ..Overrides::default() };
        let file = StudyFile::load(in_folder(&text).path(), &overrides).unwrap();
        assert_eq!(file.spec.search.parallel, Some(2));
    }

    #[test]
    fn mistakes_are_shown_with_their_lines() {
        let folder = in_folder(&TEXT.replace("max_trials", "max_trails"));
        let failure = StudyFile::load(folder.path(), &Overrides::default()).unwrap_err();
        assert_eq!(failure.kind.exit_code(), 2);
        assert!(failure.message.contains("study.toml:7:1: "), "{failure}");
        assert!(failure.message.contains("max_trails = 5"), "{failure}");
    }

    #[test]
    fn an_impossible_option_is_a_mistake_too() {
        let folder = in_folder(TEXT);
        let failure = StudyFile::load(folder.path(), &Overrides { max_trials: Some(0), ..Overrides::default() }).unwrap_err();
        assert_eq!(failure.kind.exit_code(), 2);
    }

    #[test]
    fn a_missing_file_names_the_way_to_one() {
        let failure = StudyFile::load(Path::new("/nonexistent/study.toml"), &Overrides::default()).unwrap_err();
        assert_eq!(failure.kind.exit_code(), 2);
        assert!(failure.to_string().contains("hone init"), "{failure}");
    }
}
