//! Fetching what trials left: blobs from the coordinator, put back as files.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use hone_data::{
    BlobError, Hash, RelativePath,
    outputs::{BlobSource, FileEntry, OutputError, materialise},
};
use hone_proto::v1;
use tokio::runtime::Handle;
use tonic::{Code, Status, Streaming};

use crate::{
    connect::Client,
    errors::{Failure, Kind, Result, chain},
    output::{bytes_text, keeper, remark, visible},
};

/// Letters of a study's name in a folder's name.
const SLUG_LENGTH: usize = 40;

/// Puts a trial's files into `directory`, which must not exist or be empty. It appears when it is complete. Files that stay on
/// a worker are named and left out. Answers how many were fetched.
///
/// # Errors
/// The folder is in use, a file cannot be fetched, its content is not what was recorded, or all files stay on workers.
pub async fn fetch(client: &Client, trial: &v1::Trial, directory: &Path) -> Result<usize> {
    let (kept, here): (Vec<_>, Vec<_>) = trial.outputs.iter().partition(|file| file.kept_by > 0);
    let entries = here.into_iter().map(entry).collect::<Result<Vec<_>>>()?;
    for (file, name) in kept.into_iter().filter_map(|file| Some((file, keeper(file)?))) {
        remark(&format!("`{}` ({}) stays on worker {}", visible(&file.path), bytes_text(file.size), visible(&name)));
    }
    let count = entries.len();
    if count == 0 {
        let failure = Failure::new(Kind::Refused, format!("all outputs of trial {} stay on workers", trial.number));
        return Err(failure.hint("`hone label choose --study` reads predictions where they are"));
    }
    make_way(directory)?;
    let mut source = Remote::new(client);
    let target = directory.to_owned();
    let work = tokio::task::spawn_blocking(move || materialise(&entries, &target, &mut source));
    let done = work.await.map_err(|_| Failure::new(Kind::Internal, "fetching the outputs failed unexpectedly"))?;
    done.map(|()| count).map_err(|error| refused(&error))
}

/// Where `hone run` puts the outputs of a trial: below the data folder, by the study's id and name.
pub fn default_folder(data: &Path, study: &v1::Study, trial: &v1::Trial) -> PathBuf {
    let slug = slug(&study.name);
    let study = if slug.is_empty() { study.id.to_string() } else { format!("{}-{slug}", study.id) };
    data.join("outputs").join(study).join(format!("trial-{}", trial.number))
}

/// The letters and digits of a name, for people who look at folders; never the whole identity.
fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(SLUG_LENGTH);
    out.trim_end_matches('-').to_owned()
}

/// The parent is there afterwards, and the folder is not.
pub fn make_way(directory: &Path) -> Result<()> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::file("make", parent, &error))?;
    }
    match fs::remove_dir(directory) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory) => {
            let message = format!("`{}` exists already", directory.display());
            Err(Failure::new(Kind::Refused, message).hint("name a folder that does not exist yet"))
        }
        Err(error) => Err(Failure::file("replace", directory, &error)),
    }
}

fn entry(file: &v1::OutputFile) -> Result<FileEntry> {
    let wrong = |what: String| Failure::new(Kind::Internal, format!("the coordinator sent an unusable output: {what}"));
    let path = RelativePath::parse(&file.path).map_err(|error| wrong(error.to_string()))?;
    let hash =
        <[u8; 32]>::try_from(file.hash.as_ref()).map_err(|_| wrong(format!("`{path}` has no hash", path = path.as_str())))?;
    Ok(FileEntry { path, hash: Hash::from_bytes(hash), size: file.size, executable: file.executable })
}

fn refused(error: &OutputError) -> Failure {
    let kind = match error {
        OutputError::Exists { .. } => Kind::Refused,
        OutputError::Blob(BlobError::Full { .. }) => Kind::Storage,
        OutputError::Blob(_)
        | OutputError::Path(_)
        | OutputError::Mismatch { .. }
        | OutputError::Twice { .. }
        | OutputError::Io { .. } => Kind::Internal,
    };
    Failure::new(kind, chain(error))
}

fn fetch_error(hash: Hash, status: &Status) -> BlobError {
    match status.code() {
        Code::NotFound => BlobError::Missing { hash },
        _ => BlobError::Io { operation: "fetching", path: hash.to_string().into(), source: io::Error::other(status.message()) },
    }
}

/// The coordinator's blobs, for code that is not asynchronous.
pub struct Remote {
    client: Client,
    runtime: Handle,
}

impl Remote {
    /// Call it within a runtime, and use it outside of its threads.
    pub fn new(client: &Client) -> Self {
        Self { client: client.clone(), runtime: Handle::current() }
    }
}

impl BlobSource for Remote {
    fn open_blob(&mut self, hash: &Hash) -> std::result::Result<Box<dyn Read + '_>, BlobError> {
        let request = v1::GetBlobRequest { hash: hash.as_bytes().to_vec().into(), offset: 0 };
        let mut blobs = self.client.blobs();
        let chunks = self.runtime.block_on(async { blobs.get_blob(request).await });
        let chunks = chunks.map_err(|status| fetch_error(*hash, &status))?.into_inner();
        Ok(Box::new(Chunks { runtime: self.runtime.clone(), chunks, rest: io::Cursor::default() }))
    }
}

/// A blob as it arrives.
struct Chunks {
    runtime: Handle,
    chunks: Streaming<v1::BlobChunk>,
    rest: io::Cursor<Vec<u8>>,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.rest.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.runtime.block_on(self.chunks.message()).map_err(io::Error::other)? {
                Some(chunk) => self.rest = io::Cursor::new(chunk.data.into()),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_by_id_and_harmless_letters() {
        let folder = |name: &str| {
            let study = v1::Study { id: 3, name: name.to_owned(), ..v1::Study::default() };
            default_folder(Path::new("/data"), &study, &v1::Trial { number: 7, ..v1::Trial::default() })
        };
        assert_eq!(folder("Digits MLP!"), Path::new("/data/outputs/3-digits-mlp/trial-7"));
        assert_eq!(folder("../../etc"), Path::new("/data/outputs/3-etc/trial-7"));
        assert_eq!(folder(""), Path::new("/data/outputs/3/trial-7"));
        assert_eq!(folder("é/.."), Path::new("/data/outputs/3/trial-7"));
        assert_eq!(folder(&"x".repeat(99)).parent().unwrap().file_name().unwrap().len(), 2 + SLUG_LENGTH);
    }

    #[test]
    fn an_empty_folder_makes_way_and_a_used_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a").join("b");
        make_way(&target).unwrap();
        fs::create_dir(&target).unwrap();
        make_way(&target).unwrap();
        assert!(!target.exists());
        fs::create_dir(&target).unwrap();
        fs::write(target.join("mine"), "").unwrap();
        assert_eq!(make_way(&target).unwrap_err().kind.exit_code(), 4);
        assert!(target.join("mine").exists());
    }

    #[test]
    fn paths_from_elsewhere_are_checked() {
        let file = |path: &str| v1::OutputFile { path: path.to_owned(), hash: vec![0; 32].into(), ..v1::OutputFile::default() };
        assert!(entry(&file("a/b.txt")).is_ok());
        for path in ["/etc/passwd", "../x", "a/../../x", ""] {
            assert!(entry(&file(path)).is_err(), "{path}");
        }
    }
}
