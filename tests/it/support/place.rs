//! A folder of a test's own. When the test is over, nothing that has to do with it may still run.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use tempfile::TempDir;

use super::{survivors, wait};

/// The folder; removed with its last use.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// A new folder with a short path, so that sockets fit into it.
    pub fn new() -> Place {
        let place = Place { folder: tempfile::Builder::new().prefix("hone-it-").tempdir_in("/tmp").expect("a folder in /tmp") };
        fs::create_dir(place.path("tmp")).expect("a folder for temporary files");
        place
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// The text of a file; empty while there is none.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The lines of a file that trials append to, without a line that is still being written.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let text = self.read(name);
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    /// Waits until no process of a trial is left below this folder.
    pub fn wait_for_no_trials(&self) {
        let mut left = Vec::new();
        let is_over = || {
            left = survivors::trials(self.root());
            left.is_empty()
        };
        let ended = wait::within(wait::LONG, is_over);
        assert!(ended, "processes of trials survive: {left:?}");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut left = Vec::new();
        let is_over = || {
            left = survivors::of(self.root());
            left.is_empty()
        };
        let ended = wait::within(wait::LONG / 6, is_over);
        for process in &left {
            // SAFETY: kill touches no memory; the process is one that this test started, directly or not.
            unsafe { libc::kill(process.pid, libc::SIGKILL) };
        }
        assert!(ended || thread::panicking(), "the test leaves processes behind: {left:?}");
    }
}
