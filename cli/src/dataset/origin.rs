//! Where the data of `hone dataset add` comes from: a path, DVC's files, or a store of objects.

#[cfg(feature = "object-store")]
mod objects;

use std::{
    env,
    path::{Path, PathBuf},
};

use hone_data::{
    RelativePath,
    dataset::{
        Index, Progress, Taken,
        dvc::{DvcError, Repository, lock_out, out_of},
        take, take_files,
    },
};

use super::add::refused;
use crate::{
    errors::{Failure, Kind, Result, chain},
    output::visible,
};

/// What is taken, once it is on this machine.
#[derive(Debug)]
pub struct Origin {
    place: Place,
    /// How people call it.
    pub shown: String,
    /// It is one file, and was named as such.
    pub alone: bool,
    /// What was fetched is removed with the last use.
    _fetched: Option<tempfile::TempDir>,
}

#[derive(Debug)]
enum Place {
    Path(PathBuf),
    /// Files that DVC keeps, by their paths.
    Dvc(PathBuf, Vec<(RelativePath, PathBuf)>),
    /// Fetched objects.
    #[cfg(feature = "object-store")]
    Fetched(PathBuf),
}

impl Origin {
    /// Finds what `text` names; `out`: which one of the things that a file of DVC describes.
    ///
    /// # Errors
    /// There is no such thing, or it cannot be fetched.
    pub async fn find(text: &str, out: Option<&str>) -> Result<Self> {
        match text.split_once("://") {
            Some(("file", path)) => Self::of_path(Path::new(path), out).await,
            Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => Self::of_objects(text).await,
            _ => Self::of_path(Path::new(text), out).await,
        }
    }

    async fn of_path(path: &Path, out: Option<&str>) -> Result<Self> {
        let path = std::path::absolute(path).map_err(|error| Failure::file("find", path, &error))?;
        let shown = path.display().to_string();
        let lock = path.file_name().is_some_and(|name| name == "dvc.lock");
        if (lock || path.extension().is_some_and(|ending| ending == "dvc")) && path.is_file() {
            return Self::of_dvc(path, lock, out.map(str::to_owned)).await;
        }
        if let Some(out) = out {
            let message = format!("`--out {}` is for files of DVC, and `{}` is none", visible(out), visible(&shown));
            return Err(Failure::usage(message).hint("name a `.dvc` file or `dvc.lock`"));
        }
        let alone = path.is_file();
        Ok(Self { place: Place::Path(path), shown, alone, _fetched: None })
    }

    async fn of_dvc(file: PathBuf, lock: bool, wanted: Option<String>) -> Result<Self> {
        let work = move || {
            let repository = Repository::around(&file)?;
            let out = if lock { lock_out(&file, None, wanted.as_deref()) } else { out_of(&file, wanted.as_deref()) }?;
            let beside = file.parent().unwrap_or(Path::new("."));
            let files = out.files(&repository, beside)?;
            let shown = format!("{} ({})", file.display(), out.path);
            let alone = !out.md5.ends_with(".dir");
            Ok(Self { place: Place::Dvc(file, files), shown, alone, _fetched: None })
        };
        let found = tokio::task::spawn_blocking(work).await;
        found.map_err(|_| crashed())?.map_err(|error: DvcError| dvc_refused(&error))
    }

    #[cfg(feature = "object-store")]
    async fn of_objects(url: &str) -> Result<Self> {
        let (folder, root, alone) = objects::fetch(url).await?;
        Ok(Self { place: Place::Fetched(root), shown: url.to_owned(), alone, _fetched: Some(folder) })
    }

    #[cfg(not(feature = "object-store"))]
    async fn of_objects(url: &str) -> Result<Self> {
        let failure = Failure::usage(format!("this build of hone reads no stores of objects, so not `{}`", visible(url)));
        Err(failure.hint("build it with the feature `object-store`, or fetch the data first"))
    }

    /// Takes the snapshot.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub async fn take(&self) -> Result<Taken> {
        let work: Box<dyn FnOnce() -> Result<Taken> + Send> = match &self.place {
            Place::Path(path) => {
                let path = path.clone();
                Box::new(move || remembered(&path, |index| take(&path, index, &Progress::default())))
            }
            Place::Dvc(file, files) => {
                let (file, files) = (file.clone(), files.clone());
                Box::new(move || remembered(&file, |index| take_files(files, index, &Progress::default())))
            }
            #[cfg(feature = "object-store")]
            Place::Fetched(root) => {
                let root = root.clone();
                Box::new(move || take(&root, &mut Index::default(), &Progress::default()).map_err(|error| refused(&error)))
            }
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| crashed())?
    }
}

/// Reads only what has changed since the last time.
fn remembered(
    root: &Path,
    take: impl FnOnce(&mut Index) -> std::result::Result<Taken, hone_data::dataset::DatasetError>,
) -> Result<Taken> {
    let mut index = index_folder().map_or_else(Index::default, |folder| Index::open(&folder, root));
    let taken = take(&mut index).map_err(|error| refused(&error))?;
    if let Err(error) = index.save() {
        tracing::debug!(%error, "what was read is not remembered");
    }
    Ok(taken)
}

/// Where it is kept what files held when they were last read.
fn index_folder() -> Option<PathBuf> {
    let path = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")))?;
    Some(cache.join("hone").join("datasets"))
}

fn crashed() -> Failure {
    Failure::new(Kind::Internal, "reading the data failed unexpectedly")
}

/// Says why DVC's files cannot be used.
pub fn dvc_refused(error: &DvcError) -> Failure {
    let kind = match error {
        DvcError::File { .. } | DvcError::Which { .. } | DvcError::NoRepository { .. } | DvcError::Path(_) => Kind::Usage,
        DvcError::Missing { .. } => Kind::NotFound,
        DvcError::Mismatch { .. } => Kind::Storage,
        DvcError::Data(error) => return refused(error),
        DvcError::Io { operation, path, source } => {
            return Failure::file(if *operation == "reading" { "read" } else { "write" }, path, source);
        }
    };
    Failure::new(kind, visible(&chain(error)))
}
