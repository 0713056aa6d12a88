//! The folder of secrets and the files in it: mode 0700 and 0600, replaced as a whole, refused when others can read them.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use hone_data::durable;

use super::SecurityError;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A folder whose files are secret.
#[derive(Clone, Debug)]
pub(super) struct Vault(PathBuf);

impl Vault {
    /// Opens a folder, and makes it where there is none.
    pub(super) fn open(folder: &Path) -> Result<Vault, SecurityError> {
        let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
        made.map_err(failed("make", folder))?;
        check_mode(folder, FOLDER_MODE)?;
        durable::remove_leftovers(folder).map_err(failed("clean", folder))?;
        Ok(Vault(folder.to_owned()))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The content of a file; `None` where there is none.
    pub(super) fn read(&self, name: &str) -> Result<Option<String>, SecurityError> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => check_mode(&path, FILE_MODE).map(|()| Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// Replaces a file; durable when it returns.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), SecurityError> {
        // The temporary file that becomes the new one is made with mode 0600.
        durable::write_atomically(&self.0, name, text.as_bytes()).map_err(failed("write", &self.path(name)))
    }

    pub(super) fn damaged(&self, name: &str, detail: impl ToString) -> SecurityError {
        SecurityError::Damaged { path: self.path(name), detail: detail.to_string() }
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SecurityError {
    let path = path.to_owned();
    move |source| SecurityError::Io { operation, path, source }
}

fn check_mode(path: &Path, wanted: u32) -> Result<(), SecurityError> {
    let mode = fs::metadata(path).map_err(failed("inspect", path))?.mode() & 0o777;
    if mode & !wanted & 0o077 == 0 { Ok(()) } else { Err(SecurityError::Exposed { path: path.to_owned(), mode, wanted }) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_are_private_and_an_open_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("tls")).unwrap();
        assert_eq!(vault.read("key").unwrap(), None);
        vault.write("key", "secret").unwrap();
        assert_eq!(fs::metadata(vault.path("key")).unwrap().mode() & 0o777, 0o600);
        assert_eq!(vault.read("key").unwrap().as_deref(), Some("secret"));
        fs::set_permissions(vault.path("key"), fs::Permissions::from_mode(0o640)).unwrap();
        let error = vault.read("key").unwrap_err().to_string();
        assert!(error.contains("mode 640") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn an_open_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(Vault::open(dir.path()), Err(SecurityError::Exposed { .. })));
    }
}
