//! From DVC's files to the contents that they name, each checked against its name.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use md5::{Digest as _, Md5};
use rayon::prelude::*;
use saphyr::{LoadableYamlNode as _, Yaml};
use serde::Deserialize;

use super::{DvcError, Repository};
use crate::path::RelativePath;

/// A file or folder that DVC looks after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Out {
    /// Where it lies in the workspace.
    pub path: String,
    /// Its name in the cache; a folder's ends with `.dir`.
    pub md5: String,
    /// Its MD5 may be of the text with line ends of Unix, as DVC 2 had it.
    pub older: bool,
}

/// A file in the manifest of a folder.
#[derive(Debug, Deserialize)]
struct Listed {
    md5: String,
    relpath: String,
}

/// Reads what a `.dvc` file describes. `wanted`: which one of several.
///
/// # Errors
/// [`DvcError::File`], [`DvcError::Which`], [`DvcError::Io`]
pub fn out_of(file: &Path, wanted: Option<&str>) -> Result<Out, DvcError> {
    let text = fs::read_to_string(file).map_err(DvcError::reading(file))?;
    let wrong = |reason: String| DvcError::File { file: file.to_owned(), reason };
    let document = document(&text).map_err(wrong)?;
    let outs = document.as_mapping_get("outs").and_then(Yaml::as_sequence);
    let outs = outs.ok_or_else(|| wrong("it has no `outs`".to_owned()))?;
    let outs = outs.iter().map(parse_out).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    choose(file, outs, wanted)
}

/// The document of a YAML text.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn document(text: &str) -> Result<Yaml<'_>, String> {
    let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
    documents.into_iter().next().ok_or_else(|| "it is empty".to_owned())
}

pub(super) fn choose(file: &Path, outs: Vec<Out>, wanted: Option<&str>) -> Result<Out, DvcError> {
    let paths: Vec<String> = outs.iter().take(10).map(|out| format!("`{}`", out.path)).collect();
    let has = if paths.is_empty() { "no outs".to_owned() } else { paths.join(", ") };
    let which = |wanted: String| DvcError::Which { file: file.to_owned(), has, wanted };
    match wanted {
        Some(wanted) => {
            outs.into_iter().find(|out| out.path == wanted).ok_or_else(|| which(format!("`{wanted}` is none of them")))
        }
        None if outs.len() == 1 => Ok(outs.into_iter().next().expect("one")),
        None => Err(which("one has to be named with `--out`".to_owned())),
    }
}

/// Reads one out of a `.dvc` file or `dvc.lock`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_out(out: &Yaml<'_>) -> Result<Out, String> {
    let text = |key: &str| out.as_mapping_get(key).and_then(Yaml::as_str).map(str::to_owned);
    let path = text("path").ok_or("an out has no `path`")?;
    let md5 =
        text("md5").ok_or_else(|| format!("`{path}` has no `md5`: only files that DVC keeps in its own cache can be read"))?;
    let plain = md5.strip_suffix(".dir").unwrap_or(&md5);
    let is_hash = plain.len() == 32 && plain.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text("hash").as_deref() {
        _ if !is_hash => Err(format!("`{path}` has the md5 `{md5}`, which is none")),
        Some("md5") => Ok(Out { path, md5, older: false }),
        None => Ok(Out { path, md5, older: true }),
        Some(other) => Err(format!("`{path}` has hashes of the kind `{other}`")),
    }
}

impl Out {
    /// Where each file of it lies on this machine, checked, by its path in the snapshot: a folder's files by their paths in
    /// it, a file by its name. `beside` is the folder that the out's path is relative to.
    ///
    /// # Errors
    /// [`DvcError::Missing`], [`DvcError::Mismatch`], [`DvcError::Path`], [`DvcError::File`], [`DvcError::Io`]
    pub fn files(&self, repository: &Repository, beside: &Path) -> Result<Vec<(RelativePath, PathBuf)>, DvcError> {
        let workspace = beside.join(&self.path);
        if !self.md5.ends_with(".dir") {
            let name = Path::new(&self.path).file_name().map(Path::new).unwrap_or_else(|| Path::new(&self.path));
            let file = self.locate(repository, &self.path, &self.md5, &workspace)?;
            return Ok(vec![(RelativePath::from_path(name)?, file)]);
        }
        let manifest = repository.find(&self.md5);
        let manifest = manifest.ok_or_else(|| DvcError::Missing { path: self.path.clone(), md5: self.md5.clone() })?;
        let listed = self.listed(&manifest)?;
        let file = |listed: &Listed| {
            let path = RelativePath::parse(&listed.relpath)?;
            let shown = format!("{}/{path}", self.path);
            Ok((path.clone(), self.locate(repository, &shown, &listed.md5, &path.below(&workspace))?))
        };
        listed.par_iter().map(file).collect()
    }

    fn listed(&self, manifest: &Path) -> Result<Vec<Listed>, DvcError> {
        let bytes = fs::read(manifest).map_err(DvcError::reading(manifest))?;
        let found = hex(&Md5::digest(&bytes));
        if self.md5.strip_suffix(".dir") != Some(&found) {
            return Err(DvcError::Mismatch { file: manifest.to_owned(), md5: self.md5.clone(), found });
        }
        let wrong = |error: serde_json::Error| DvcError::File { file: manifest.to_owned(), reason: error.to_string() };
        serde_json::from_slice(&bytes).map_err(wrong)
    }

    /// A file of this content: in the cache, where it has to be right; else in the workspace, if it has not changed.
    fn locate(&self, repository: &Repository, shown: &str, md5: &str, workspace: &Path) -> Result<PathBuf, DvcError> {
        if let Some(file) = repository.find(md5) {
            let found = md5_of(&file, false)?;
            // The other one is rarely needed, and costs another reading.
            if found == md5 || (self.older && md5_of(&file, true)? == md5) {
                return Ok(file);
            }
            return Err(DvcError::Mismatch { file, md5: md5.to_owned(), found });
        }
        let unchanged =
            workspace.is_file() && (md5_of(workspace, false)? == md5 || (self.older && md5_of(workspace, true)? == md5));
        if unchanged { Ok(workspace.to_owned()) } else { Err(DvcError::Missing { path: shown.to_owned(), md5: md5.to_owned() }) }
    }
}

/// The MD5 of a file; `as_unix`: of its text with line ends of Unix.
fn md5_of(path: &Path, as_unix: bool) -> Result<String, DvcError> {
    let mut file = File::open(path).map_err(DvcError::reading(path))?;
    let mut hasher = Md5::new();
    if as_unix {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(DvcError::reading(path))?;
        let mut unix = Vec::with_capacity(bytes.len());
        for (at, byte) in bytes.iter().enumerate() {
            if *byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
                unix.push(*byte);
            }
        }
        hasher.update(&unix);
    } else {
        let mut buffer = vec![0; 1 << 18];
        loop {
            match file.read(&mut buffer).map_err(DvcError::reading(path))? {
                0 => break,
                read => hasher.update(&buffer[..read]),
            }
        }
    }
    Ok(hex(&hasher.finalize()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
