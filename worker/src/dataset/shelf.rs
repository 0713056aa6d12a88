//! The files of datasets on this worker's disk.
//!
//! ```text
//! objects/ab/<hash>        a file by its content, read-only; `x` behind the hash: it may be executed
//! parts/<hash>             one that is being put together, chunk by chunk; the next start goes on with it
//! trees/<id>/data/…        a version: hard links to objects, in read-only folders
//! trees/<id>/manifest      what it consists of; its time is the last use
//! trees/<id>.new           a version that is being put together
//! ```
//! A tree under its own name is complete, and was synced before it got the name. Objects have a fixed time, so that one
//! that somebody has changed is found without reading it. An object without a tree is hashed again before it is used.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use hone_data::{
    Hash,
    dataset::{Entry, Manifest},
};

/// The time of every object: 2000-01-01, in seconds since the epoch.
const TIME: u64 = 946_684_800;
const NEW: &str = "new";
/// What is left of a file that nobody went on with for so long is removed at the start.
const PART_AGE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The folder of datasets.
#[derive(Debug)]
pub(super) struct Shelf {
    root: PathBuf,
    limit: u64,
}

/// A file that is being put together.
#[derive(Debug)]
pub(super) struct Assembly {
    name: String,
    entry: Entry,
    file: File,
    whole: blake3::Hasher,
    /// Parts that are there.
    done: usize,
}

impl Assembly {
    /// The next part that is missing, and its size.
    pub fn next(&self) -> Option<(Hash, u64)> {
        self.entry.parts().nth(self.done).map(|(hash, size)| (*hash, size))
    }

    /// Adds that part, which has been checked.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.whole.update(bytes);
        self.done += 1;
        Ok(())
    }
}

impl Shelf {
    /// Opens the folder, and removes what an interrupted start of a tree left.
    pub fn open(root: &Path, limit: u64) -> io::Result<Self> {
        let shelf = Self { root: root.to_owned(), limit };
        for folder in ["objects", "parts", "trees"] {
            DirBuilder::new().recursive(true).mode(0o700).create(root.join(folder))?;
        }
        for (name, path) in list(&root.join("trees"))? {
            if Hash::parse(&name).is_err() {
                remove_tree(&path)?;
            }
        }
        for (_, path) in list(&root.join("parts"))? {
            if fs::metadata(&path)?.modified()?.elapsed().is_ok_and(|age| age > PART_AGE) {
                remove_file(&path)?;
            }
        }
        Ok(shelf)
    }

    fn tree(&self, id: &Hash) -> PathBuf {
        self.root.join("trees").join(id.to_string())
    }

    fn part(&self, name: &str) -> PathBuf {
        self.root.join("parts").join(name)
    }

    fn object(&self, name: &str) -> PathBuf {
        self.root.join("objects").join(&name[..2]).join(name)
    }

    /// Where a version's files are when it is ready.
    pub fn folder(&self, id: &Hash) -> PathBuf {
        self.tree(id).join("data")
    }

    /// Whether a version is ready and as it was; notes that it is used. What somebody has changed is thrown away.
    pub fn use_again(&self, id: &Hash) -> io::Result<bool> {
        let note = self.tree(id).join("manifest");
        let file = match File::open(&note) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        let manifest = Manifest::read(&mut BufReader::new(&file)).ok().filter(|manifest| manifest.id() == *id);
        let Some(manifest) = manifest else {
            remove_tree(&self.tree(id))?;
            return Ok(false);
        };
        let changed = self.changed(id, &manifest)?;
        if changed.is_empty() {
            file.set_modified(SystemTime::now())?;
            return Ok(true);
        }
        tracing::warn!(
            "{} files of a dataset were changed, among them `{}`; they are fetched again",
            changed.len(),
            changed[0].path
        );
        for entry in changed {
            remove_file(&self.object(&name_of(entry)))?;
        }
        remove_tree(&self.tree(id))?;
        Ok(false)
    }

    /// Files of a tree that are not as they were laid.
    fn changed<'m>(&self, id: &Hash, manifest: &'m Manifest) -> io::Result<Vec<&'m Entry>> {
        let folder = self.folder(id);
        let mut changed = Vec::new();
        for entry in manifest.files() {
            match fs::symlink_metadata(entry.path.below(&folder)) {
                Ok(metadata) if is_as_laid(&metadata, entry) => {}
                Ok(_) => changed.push(entry),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    changed.push(entry)
                }
                Err(error) => return Err(error),
            }
        }
        Ok(changed)
    }

    /// What is there of a file; `None`: all of it.
    pub fn assemble(&self, entry: &Entry) -> io::Result<Option<Assembly>> {
        let name = name_of(entry);
        if self.is_here(&name, entry)? {
            return Ok(None);
        }
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(self.part(&name))?;
        let (mut whole, mut done, mut kept) = (blake3::Hasher::new(), 0, 0);
        for (hash, size) in entry.parts() {
            let mut bytes = Vec::new();
            (&mut file).take(size).read_to_end(&mut bytes)?;
            if bytes.len() as u64 != size || Hash::of(&bytes) != *hash {
                break;
            }
            whole.update(&bytes);
            (done, kept) = (done + 1, kept + size);
        }
        file.set_len(kept)?;
        file.seek(SeekFrom::Start(kept))?;
        Ok(Some(Assembly { name, entry: entry.clone(), file, whole, done }))
    }

    /// Whether an object is there, and is what its name says.
    fn is_here(&self, name: &str, entry: &Entry) -> io::Result<bool> {
        let object = self.object(name);
        let metadata = match fs::symlink_metadata(&object) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            metadata => metadata?,
        };
        if is_as_laid(&metadata, entry) {
            // A tree has it, so it was synced; otherwise a power cut may have taken its content.
            let sound = metadata.nlink() > 1 || Hash::of_reader(&mut File::open(&object)?)? == (entry.hash, entry.size);
            if sound {
                return Ok(true);
            }
        }
        remove_file(&object)?;
        Ok(false)
    }

    /// Makes an object of a file that is complete.
    pub fn finish(&self, assembly: Assembly) -> io::Result<()> {
        let Assembly { name, entry, file, whole, .. } = assembly;
        let part = self.part(&name);
        if Hash::from_bytes(*whole.finalize().as_bytes()) != entry.hash {
            remove_file(&part)?;
            return Err(io::Error::other(format!("the chunks of `{}` do not make up the file", entry.path)));
        }
        file.set_permissions(Permissions::from_mode(mode_of(&entry)))?;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(TIME))?;
        let object = self.object(&name);
        if let Some(folder) = object.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(&part, &object)
    }

    /// Lays the tree of a version whose objects are all there.
    pub fn build(&self, id: &Hash, manifest: &Manifest) -> io::Result<()> {
        let (tree, new) = (self.tree(id), self.tree(id).with_extension(NEW));
        remove_tree(&new)?;
        let data = new.join("data");
        fs::create_dir_all(&data)?;
        let mut folders = BTreeSet::from([data.clone()]);
        for entry in manifest.files() {
            let path = entry.path.below(&data);
            for folder in path.ancestors().skip(1).take_while(|folder| **folder != *data) {
                folders.insert(folder.to_owned());
            }
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            self.lay(entry, &path)?;
        }
        fs::write(new.join("manifest"), manifest.to_bytes())?;
        for folder in &folders {
            fs::set_permissions(folder, Permissions::from_mode(0o555))?;
        }
        // Everything of it is on the disk before it has its name.
        rustix::fs::syncfs(File::open(&new)?)?;
        fs::rename(&new, &tree)?;
        File::open(self.root.join("trees"))?.sync_all()
    }

    /// A hard link; a copy where a file system has no more of them for one file.
    fn lay(&self, entry: &Entry, path: &Path) -> io::Result<()> {
        let object = self.object(&name_of(entry));
        if fs::hard_link(&object, path).is_ok() {
            return Ok(());
        }
        fs::copy(&object, path)?;
        File::open(path)?.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(TIME))
    }

    /// Removes what was used longest ago until the rest is within the limit. What is in use stays.
    pub fn evict(&self, in_use: &[Hash]) -> io::Result<()> {
        let mut trees = Vec::new();
        for (name, path) in list(&self.root.join("trees"))? {
            let Ok(id) = Hash::parse(&name) else { continue };
            let used = fs::metadata(path.join("manifest")).and_then(|note| note.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            trees.push((used, id, path));
        }
        trees.sort();
        let mut left = self.remove_stray_objects(self.limit)?;
        for (_, _, path) in trees.iter().filter(|(_, id, _)| !in_use.contains(id)) {
            if left <= self.limit {
                break;
            }
            remove_tree(path)?;
            left = self.remove_stray_objects(self.limit)?;
        }
        if left > self.limit {
            tracing::warn!("the datasets in use have {left} bytes, and the cache is limited to {}", self.limit);
        }
        Ok(())
    }

    /// Removes objects that no tree has, while all together have more than `keep` bytes. Answers the bytes that are left.
    fn remove_stray_objects(&self, keep: u64) -> io::Result<u64> {
        let (mut bytes, mut stray) = (0, Vec::new());
        for (_, folder) in list(&self.root.join("objects"))? {
            for (_, object) in list(&folder)? {
                let metadata = fs::metadata(&object)?;
                bytes += metadata.len();
                if metadata.nlink() == 1 {
                    stray.push((metadata.len(), object));
                }
            }
        }
        for (size, object) in stray {
            if bytes > keep {
                remove_file(&object)?;
                bytes -= size;
            }
        }
        Ok(bytes)
    }
}

/// The files of a manifest, each content once.
pub(super) fn distinct(manifest: &Manifest) -> Vec<Entry> {
    let all: BTreeMap<String, &Entry> = manifest.files().iter().map(|entry| (name_of(entry), entry)).collect();
    all.into_values().cloned().collect()
}

fn name_of(entry: &Entry) -> String {
    format!("{}{}", entry.hash, if entry.executable { "x" } else { "" })
}

fn mode_of(entry: &Entry) -> u32 {
    if entry.executable { 0o555 } else { 0o444 }
}

fn is_as_laid(metadata: &fs::Metadata, entry: &Entry) -> bool {
    let untouched = metadata.mtime() == TIME as i64 && metadata.mtime_nsec() == 0;
    metadata.is_file() && metadata.len() == entry.size && untouched && metadata.mode() & 0o777 == mode_of(entry)
}

fn list(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        all.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    all.sort();
    Ok(all)
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes a tree, whose folders nobody may write to.
fn remove_tree(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.is_dir() {
        return fs::remove_file(path);
    }
    make_writable(path)?;
    fs::remove_dir_all(path)
}

fn make_writable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "shelf_tests.rs"]
mod tests;
