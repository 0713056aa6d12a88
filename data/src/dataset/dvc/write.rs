//! Snapshots as DVC would keep them: contents in the cache, and what stands for them in a `.dvc` file or `dvc.lock`.

use std::{
    fs::{self, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use md5::{Digest as _, Md5};

use super::read::hex;
use super::text::{json, yaml};
use super::{DvcError, Repository};
use crate::dataset::{DatasetError, Entry, Manifest};
use crate::durable::temporary_in;
use crate::hash::Hash;
use crate::outputs::BlobSource;

/// What DVC knows of an exported snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Its name in the cache; a folder's ends with `.dir`.
    pub md5: String,
    /// Bytes of all files.
    pub size: u64,
    /// Files of a folder; `None`: it is one file.
    pub files: Option<u64>,
    /// A file that may be executed.
    pub executable: bool,
}

impl Exported {
    /// The text of a `.dvc` file beside the path.
    #[must_use]
    pub fn dvc_file(&self, path: &str) -> String {
        let Self { md5, size, files, executable } = self;
        let files = files.map_or_else(String::new, |files| format!("  nfiles: {files}\n"));
        let executable = if *executable { "  isexec: true\n" } else { "" };
        format!("outs:\n- md5: {md5}\n  size: {size}\n{files}{executable}  hash: md5\n  path: {}\n", yaml(path))
    }

    /// The lines of an out in `dvc.lock`, each with `indent` blanks before it.
    #[must_use]
    pub fn lock_lines(&self, path: &str, indent: usize) -> String {
        let Self { md5, size, files, executable } = self;
        let mut lines = vec![format!("- path: {}", yaml(path)), "  hash: md5".to_owned(), format!("  md5: {md5}")];
        lines.push(format!("  size: {size}"));
        lines.extend(files.map(|files| format!("  nfiles: {files}")));
        lines.extend(executable.then(|| "  isexec: true".to_owned()));
        lines.iter().map(|line| format!("{}{line}\n", " ".repeat(indent))).collect()
    }
}

/// Puts the contents of a snapshot into the repository's cache. `alone`: it is one file, and no folder with one file.
///
/// # Errors
/// [`DvcError::Io`], [`DvcError::Data`]; what is in the cache is whole all the same.
pub fn export(
    manifest: &Manifest,
    alone: bool,
    repository: &Repository,
    source: &mut dyn BlobSource,
) -> Result<Exported, DvcError> {
    let cache = repository.cache().join("files").join("md5");
    fs::create_dir_all(&cache).map_err(DvcError::writing(&cache))?;
    let mut listed = Vec::with_capacity(manifest.files().len());
    for entry in manifest.files() {
        listed.push((entry.path.as_str(), put(&cache, entry, source)?));
    }
    if let [(_, md5)] = listed.as_slice()
        && alone
    {
        let executable = manifest.files()[0].executable;
        return Ok(Exported { md5: md5.clone(), size: manifest.bytes(), files: None, executable });
    }
    let items: Vec<String> =
        listed.iter().map(|(path, md5)| format!("{{\"md5\": \"{md5}\", \"relpath\": {}}}", json(path))).collect();
    let text = format!("[{}]", items.join(", "));
    let md5 = format!("{}.dir", hex(&Md5::digest(text.as_bytes())));
    let mut file = temporary_in(&cache).map_err(DvcError::writing(&cache))?;
    file.write_all(text.as_bytes()).map_err(DvcError::writing(&cache))?;
    install(&cache, file, &md5)?;
    Ok(Exported { md5, size: manifest.bytes(), files: Some(listed.len() as u64), executable: false })
}

/// Puts one file into the cache and answers its name there.
fn put(cache: &Path, entry: &Entry, source: &mut dyn BlobSource) -> Result<String, DvcError> {
    let mut file = temporary_in(cache).map_err(DvcError::writing(cache))?;
    let (mut md5, mut whole) = (Md5::new(), blake3::Hasher::new());
    let mut buffer = vec![0; 1 << 18];
    for (hash, size) in entry.parts() {
        let mut content = source.open_blob(hash).map_err(DatasetError::Blob)?.take(size);
        loop {
            let read = match content.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(DvcError::reading(Path::new(entry.path.as_str())))?,
            };
            if read == 0 {
                break;
            }
            md5.update(&buffer[..read]);
            whole.update(&buffer[..read]);
            file.write_all(&buffer[..read]).map_err(DvcError::writing(cache))?;
        }
    }
    if Hash::of_hasher(&whole) != entry.hash {
        return Err(DatasetError::Mismatch { path: entry.path.clone() }.into());
    }
    let md5 = hex(&md5.finalize());
    install(cache, file, &md5)?;
    Ok(md5)
}

fn install(cache: &Path, file: tempfile::NamedTempFile, md5: &str) -> Result<(), DvcError> {
    let folder = cache.join(&md5[..2]);
    let place: PathBuf = folder.join(&md5[2..]);
    if place.is_file() {
        return Ok(());
    }
    let install = || {
        fs::create_dir_all(&folder)?;
        file.as_file().set_permissions(Permissions::from_mode(0o444))?;
        file.persist(&place).map(drop).map_err(|error| error.error)
    };
    install().map_err(DvcError::writing(&place))
}
