//! Where an export goes: standard output, or a file that appears when it is whole.

use std::{
    io::{self, Write},
    path::Path,
};

use hone_data::durable::temporary_in;

use super::{print, remark};
use crate::errors::{Failure, Result};

/// Where an export goes.
pub enum Target<'a> {
    Stdout,
    File(&'a Path, tempfile::NamedTempFile),
}

impl<'a> Target<'a> {
    /// Standard output, or a file beside its later place.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn open(path: Option<&'a Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::Stdout) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = temporary_in(folder).map_err(|error| Failure::file("write into", folder, &error))?;
        Ok(Self::File(path, file))
    }

    /// The file, for what a terminal cannot show.
    ///
    /// # Errors
    /// There is none.
    #[cfg(feature = "parquet")]
    pub fn file(&mut self) -> Result<&mut std::fs::File> {
        match self {
            Self::Stdout => Err(Failure::usage("Parquet goes into a file").hint("name it with `--to FILE`")),
            Self::File(_, file) => Ok(file.as_file_mut()),
        }
    }

    /// Writes text.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, text: &str) -> Result<()> {
        match self {
            Self::Stdout => print(text),
            Self::File(path, file) => file.write_all(text.as_bytes()).map_err(|error| Failure::file("write", path, &error)),
        }
    }

    /// Puts a file in its place and says how much it holds.
    ///
    /// # Errors
    /// It cannot be put there; an older file stays as it was.
    pub fn finish(self, count: u64, what: &str) -> Result<()> {
        let Self::File(path, file) = self else { return Ok(()) };
        let persist =
            file.as_file().sync_all().and_then(|()| file.persist(path).map_err(|error: tempfile::PersistError| error.error));
        persist.map_err(|error: io::Error| Failure::file("write", path, &error))?;
        remark(&format!("wrote {count} {what} into {}", path.display()));
        Ok(())
    }
}
