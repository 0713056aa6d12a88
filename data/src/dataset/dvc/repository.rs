//! Where a repository of DVC keeps things.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::DvcError;

/// A folder with `.dvc` in it.
#[derive(Debug, Clone)]
pub struct Repository {
    root: PathBuf,
    /// Folders that hold contents by their MD5: the cache, then remotes of this machine.
    places: Vec<PathBuf>,
}

impl Repository {
    /// The repository that a file or folder lies in.
    ///
    /// # Errors
    /// [`DvcError::NoRepository`], or its configuration cannot be read.
    pub fn around(path: &Path) -> Result<Self, DvcError> {
        let absolute = std::path::absolute(path).map_err(DvcError::reading(path))?;
        let root = absolute.ancestors().find(|folder| folder.join(".dvc").is_dir());
        let root = root.ok_or_else(|| DvcError::NoRepository { path: path.to_owned() })?;
        Self::open(root)
    }

    /// The repository with `.dvc` in `root`.
    ///
    /// # Errors
    /// Its configuration cannot be read.
    pub fn open(root: &Path) -> Result<Self, DvcError> {
        let settings = root.join(".dvc");
        let mut config = Config::default();
        for name in ["config", "config.local"] {
            let path = settings.join(name);
            match fs::read_to_string(&path) {
                Ok(text) => config.read(&text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(DvcError::reading(&path)(error)),
            }
        }
        let cache = config.cache.map_or_else(|| settings.join("cache"), |cache| settings.join(cache));
        let remotes = config.remotes.iter().filter_map(|url| local(url)).map(|path| settings.join(path));
        let places = std::iter::once(cache).chain(remotes).collect();
        Ok(Self { root: root.to_owned(), places })
    }

    /// The folder with `.dvc` in it.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The cache that new content goes to.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.places[0]
    }

    /// Where a content is kept, by its MD5 with or without `.dir`.
    #[must_use]
    pub fn find(&self, md5: &str) -> Option<PathBuf> {
        let (first, rest) = md5.split_at_checked(2)?;
        let below = |place: &PathBuf| {
            let newer = place.join("files").join("md5").join(first).join(rest);
            let older = place.join(first).join(rest);
            [newer, older].into_iter().find(|path| path.is_file())
        };
        self.places.iter().find_map(below)
    }
}

/// The settings that say where contents are.
#[derive(Debug, Default)]
struct Config {
    cache: Option<String>,
    remotes: Vec<String>,
}

impl Config {
    fn read(&mut self, text: &str) {
        let mut section = String::new();
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name.trim_matches('\'').replace('"', "");
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = value.trim().trim_matches('"').to_owned();
            match (section.as_str(), key.trim()) {
                ("cache", "dir") => self.cache = Some(value),
                (section, "url") if section.starts_with("remote ") => self.remotes.push(value),
                _ => {}
            }
        }
    }
}

/// The path of a remote of this machine.
fn local(url: &str) -> Option<&str> {
    match url.split_once("://") {
        Some(("file" | "local", path)) => Some(path),
        Some(_) => None,
        None => Some(url),
    }
}
