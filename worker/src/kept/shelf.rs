//! Files that stay on this worker's disk, by their content.
//!
//! ```text
//! objects/<hash>    a file, read-only; its time is the last use
//! damaged/<hash>    one whose content was not what its name says
//! ```
//! A file that was here before this process was started is hashed before its first use. What is pinned is not removed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use hone_data::Hash;

/// Why a file of the shelf cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// It was removed for others, or never was here.
    #[error("the worker does not have it any more: its shelf has room for {limit} bytes (`--predictions-cache`)")]
    Gone {
        /// The limit of the shelf, in bytes.
        limit: u64,
    },
    /// Its content has changed.
    #[error("its content on the worker's disk is damaged and was set aside as `{path}`", path = .path.display())]
    Damaged {
        /// Where it is now.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("the worker cannot read it: {0}")]
    Io(#[from] io::Error),
}

/// The shelf; clones are the same one.
#[derive(Clone, Debug)]
pub struct Shelf(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    limit: u64,
    books: Mutex<Books>,
    changed: AtomicBool,
}

/// What is known of the files.
#[derive(Debug, Default)]
struct Books {
    /// How many want a file to stay.
    pins: BTreeMap<Hash, usize>,
    /// Files whose content this process has seen.
    sound: BTreeSet<Hash>,
}

/// Keeps files on the shelf as long as it lives.
#[derive(Debug)]
pub struct Pinned {
    shelf: Shelf,
    hashes: Vec<Hash>,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut books = self.shelf.books();
        for hash in &self.hashes {
            if let Some(count) = books.pins.get_mut(hash) {
                *count -= 1;
                if *count == 0 {
                    books.pins.remove(hash);
                }
            }
        }
    }
}

impl Shelf {
    /// Opens the folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(root: &Path, limit: u64) -> io::Result<Self> {
        for folder in ["objects", "damaged"] {
            DirBuilder::new().recursive(true).mode(0o700).create(root.join(folder))?;
        }
        let shared = Shared { root: root.to_owned(), limit, books: Mutex::default(), changed: AtomicBool::new(false) };
        Ok(Self(Arc::new(shared)))
    }

    /// Whether files of so many bytes can be here together.
    #[must_use]
    pub fn has_room_for(&self, bytes: u64) -> bool {
        bytes <= self.0.limit
    }

    /// Moves a file here, after removing what was used longest ago to make room.
    ///
    /// # Errors
    /// The operating system refused; the file is where it was.
    pub fn take(&self, path: &Path, hash: Hash, size: u64) -> io::Result<()> {
        let object = self.object(&hash);
        let mut books = self.books();
        self.make_room(&books, size)?;
        let file = File::open(path)?;
        file.set_permissions(Permissions::from_mode(0o444))?;
        file.set_modified(SystemTime::now())?;
        file.sync_all()?;
        fs::rename(path, object)?;
        books.sound.insert(hash);
        self.0.changed.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Removes what was used longest ago and is not pinned, until `coming` bytes fit.
    fn make_room(&self, books: &Books, coming: u64) -> io::Result<()> {
        let mut files = self.files()?;
        files.sort();
        let mut left: u64 = files.iter().map(|(_, _, size)| size).sum();
        for (_, hash, size) in files {
            if left.saturating_add(coming) <= self.0.limit {
                return Ok(());
            }
            if !books.pins.contains_key(&hash) {
                fs::remove_file(self.object(&hash))?;
                left -= size;
                self.0.changed.store(true, Ordering::Relaxed);
                tracing::warn!(
                    "predictions `{hash}` ({size} bytes) were removed: the shelf is limited to {} bytes (`--predictions-cache`)",
                    self.0.limit
                );
            }
        }
        Ok(())
    }

    /// Lets files stay as long as the result lives.
    #[must_use]
    pub fn pin(&self, hashes: Vec<Hash>) -> Pinned {
        let mut books = self.books();
        hashes.iter().for_each(|hash| *books.pins.entry(*hash).or_default() += 1);
        drop(books);
        Pinned { shelf: self.clone(), hashes }
    }

    /// Where a file is, whose content is what its name says; notes that it is used.
    ///
    /// # Errors
    /// [`ShelfError`]; what is damaged is set aside.
    pub fn find(&self, hash: &Hash) -> Result<PathBuf, ShelfError> {
        let path = self.object(hash);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ShelfError::Gone { limit: self.0.limit }),
            file => file?,
        };
        let known = self.books().sound.contains(hash);
        if !known && Hash::of_reader(&mut file)?.0 != *hash {
            return Err(self.set_aside(hash, &path)?);
        }
        self.books().sound.insert(*hash);
        file.set_modified(SystemTime::now())?;
        Ok(path)
    }

    fn set_aside(&self, hash: &Hash, path: &Path) -> io::Result<ShelfError> {
        let aside = self.0.root.join("damaged").join(hash.to_string());
        fs::rename(path, &aside)?;
        self.0.changed.store(true, Ordering::Relaxed);
        tracing::warn!("predictions `{hash}` are damaged and were set aside as `{}`", aside.display());
        Ok(ShelfError::Damaged { path: aside })
    }

    /// The files that are here, those that were used last first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn newest(&self) -> io::Result<Vec<Hash>> {
        let mut files = self.files()?;
        files.sort();
        Ok(files.into_iter().rev().map(|(_, hash, _)| hash).collect())
    }

    /// Whether anything came or went since the last call.
    #[must_use]
    pub fn take_changed(&self) -> bool {
        self.0.changed.swap(false, Ordering::Relaxed)
    }

    fn files(&self) -> io::Result<Vec<(SystemTime, Hash, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.0.root.join("objects"))? {
            let entry = entry?;
            let Ok(hash) = Hash::parse(&entry.file_name().to_string_lossy()) else { continue };
            let metadata = entry.metadata()?;
            files.push((metadata.modified()?, hash, metadata.len()));
        }
        Ok(files)
    }

    fn object(&self, hash: &Hash) -> PathBuf {
        self.0.root.join("objects").join(hash.to_string())
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(shelf: &Shelf, folder: &Path, text: &str, age_s: u64) -> Hash {
        let path = folder.join("file");
        fs::write(&path, text).expect("a file");
        let hash = Hash::of(text.as_bytes());
        shelf.take(&path, hash, text.len() as u64).expect("room");
        let used = SystemTime::now() - std::time::Duration::from_secs(age_s);
        File::open(shelf.object(&hash)).and_then(|file| file.set_modified(used)).expect("it");
        hash
    }

    #[test]
    fn what_was_used_longest_ago_makes_room_unless_it_is_pinned() {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::open(&folder.path().join("shelf"), 10).expect("a shelf");
        assert!(!shelf.take_changed());
        let (oldest, older) = (put(&shelf, folder.path(), "aaaa", 50), put(&shelf, folder.path(), "bbbb", 40));
        assert!(shelf.take_changed() && !shelf.take_changed());
        let pinned = shelf.pin(vec![oldest]);
        let third = put(&shelf, folder.path(), "cccc", 30);
        assert!(matches!(shelf.find(&older), Err(ShelfError::Gone { limit: 10 })));
        assert!(shelf.find(&oldest).is_ok(), "it was pinned");
        // A second pin holds on when the first one goes.
        let again = shelf.pin(vec![oldest]);
        drop(pinned);
        put(&shelf, folder.path(), "dddd", 20);
        assert!(shelf.find(&oldest).is_ok() && shelf.find(&third).is_err());
        drop(again);
        File::open(shelf.object(&oldest)).and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH)).expect("it");
        put(&shelf, folder.path(), "eeee", 10);
        assert!(shelf.find(&oldest).is_err(), "nobody holds it any more");
        assert!(shelf.has_room_for(10) && !shelf.has_room_for(11));
    }

    #[test]
    fn what_a_restart_finds_is_looked_at_before_it_is_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("shelf");
        let shelf = Shelf::open(&root, 100).expect("a shelf");
        let (sound, other) = (put(&shelf, folder.path(), "sound", 5), put(&shelf, folder.path(), "other", 9));
        fs::remove_file(shelf.object(&other)).expect("it");
        fs::write(shelf.object(&other), "0ther").expect("damage");
        let shelf = Shelf::open(&root, 100).expect("a shelf");
        assert_eq!(shelf.newest().expect("a list").len(), 2);
        assert_eq!(fs::read(shelf.find(&sound).expect("it")).expect("its content"), b"sound");
        let error = shelf.find(&other).expect_err("damaged");
        assert!(matches!(&error, ShelfError::Damaged { path } if fs::read(path).is_ok_and(|text| text == b"0ther")), "{error}");
        assert!(matches!(shelf.find(&other), Err(ShelfError::Gone { .. })));
        assert_eq!(shelf.newest().expect("a list"), [sound]);
    }
}
