//! The MANIFEST: a small text file beside the database that remembers how far it must reach.
//!
//! sled opens a truncated file as an empty database, without an error. The manifest holds a lower
//! bound of the head and the chain there, so that such a loss is noticed. It is replaced as a whole
//! (temporary file, sync, rename, sync of the folder) and carries a checksum.
//!
//! ```text
//! hone-store 1
//! store 0192…            id of the store, also in every chunk
//! state open             `closed` after an orderly end: then `head` is exact
//! oldest 1               events from here on must be present
//! head 4096 1f3a…        this event must be present, with this chain
//! crc32c 89abcdef        of the lines above
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hone_data::durable::write_atomically;
use uuid::Uuid;

use super::{Chain, Head, JournalError};

/// Name of the file in a data directory.
pub const MANIFEST: &str = "MANIFEST";
/// The newest format known here. First and last line keep their form in every format.
pub const FORMAT: u32 = 1;

/// How the last holder left the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In use, or its process died.
    Open,
    /// Left in order; the head is exact.
    Closed,
    /// A sync failed: everything is read and written anew before it is used.
    Suspect,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Suspect => "suspect",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Closed, Self::Suspect].into_iter().find(|state| state.name() == text)
    }
}

/// The content of a MANIFEST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Identity of the store.
    pub store: Uuid,
    /// How the last holder left it.
    pub state: State,
    /// Events from here on must be present.
    pub oldest: u64,
    /// Lower bound of the head; exact when closed.
    pub head: Head,
}

impl Manifest {
    /// The manifest of a new store whose first event follows `base`.
    #[must_use]
    pub fn new(store: Uuid, base: Head) -> Self {
        Self { store, state: State::Open, oldest: base.sequence + 1, head: base }
    }

    /// Reads the manifest of `dir`; nothing when there is none.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`], [`JournalError::NewerFormat`], [`JournalError::Io`]
    pub fn load(dir: &Path) -> Result<Option<Self>, JournalError> {
        Self::load_as(dir, MANIFEST)
    }

    /// Replaces the manifest of `dir`; durable when it returns.
    ///
    /// # Errors
    /// [`JournalError::Full`], [`JournalError::Io`]
    pub fn store(&self, dir: &Path) -> Result<(), JournalError> {
        self.store_as(dir, MANIFEST)
    }

    /// As [`load`](Self::load), from a file of another name.
    pub(super) fn load_as(dir: &Path, name: &str) -> Result<Option<Self>, JournalError> {
        let path = dir.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JournalError::from_io(path, "reading", error)),
        };
        parse(&path, &bytes).map(Some)
    }

    /// As [`store`](Self::store), into a file of another name.
    pub(super) fn store_as(&self, dir: &Path, name: &str) -> Result<(), JournalError> {
        write_atomically(dir, name, self.to_string().as_bytes())
            .map_err(|error| JournalError::from_io(dir.join(name), "writing", error))
    }
}

impl std::fmt::Display for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { store, state, oldest, head } = self;
        let lines = format!(
            "hone-store {FORMAT}\nstore {store}\nstate {}\noldest {oldest}\nhead {} {}\n",
            state.name(),
            head.sequence,
            head.chain
        );
        writeln!(f, "{lines}crc32c {:08x}", crc32c::crc32c(lines.as_bytes()))
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Manifest, JournalError> {
    let damaged = |detail: &str| corrupt(path.to_owned(), detail);
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not text"))?;
    let body = checked_body(text).ok_or_else(|| damaged("the checksum does not match"))?;
    let mut lines = body.lines();
    let format = field(lines.next(), "hone-store").and_then(|text| text.parse().ok());
    let found: u32 = format.ok_or_else(|| damaged("the first line is not `hone-store N`"))?;
    if found > FORMAT {
        return Err(JournalError::NewerFormat { file: path.to_owned(), found, supported: FORMAT });
    }
    fields(&mut lines).ok_or_else(|| damaged("a line is missing or malformed"))
}

fn fields<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Option<Manifest> {
    let store = Uuid::parse_str(field(lines.next(), "store")?).ok()?;
    let state = State::parse(field(lines.next(), "state")?)?;
    let oldest = field(lines.next(), "oldest")?.parse().ok()?;
    let (sequence, chain) = field(lines.next(), "head")?.split_once(' ')?;
    let head = Head { sequence: sequence.parse().ok()?, chain: Chain::parse(chain)? };
    lines.next().is_none().then_some(Manifest { store, state, oldest, head })
}

fn field<'a>(line: Option<&'a str>, name: &str) -> Option<&'a str> {
    line?.strip_prefix(name)?.strip_prefix(' ')
}

/// The lines before the checksum, when it matches.
fn checked_body(text: &str) -> Option<&str> {
    let end = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let (body, last) = text.split_at(end);
    let crc = last.strip_suffix('\n')?.strip_prefix("crc32c ")?;
    (crc == format!("{:08x}", crc32c::crc32c(body.as_bytes()))).then_some(body)
}

fn corrupt(file: PathBuf, detail: &str) -> JournalError {
    JournalError::Corrupt { file, sequence: 0, last_good: 0, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let head = Head::GENESIS.next(b"one");
        Manifest { store: Uuid::from_u128(7), state: State::Closed, oldest: 1, head }
    }

    #[test]
    fn a_manifest_comes_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::load(dir.path()).unwrap(), None);
        manifest().store(dir.path()).unwrap();
        assert_eq!(Manifest::load(dir.path()).unwrap(), Some(manifest()));
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_noticed() {
        let text = manifest().to_string().into_bytes();
        let path = Path::new("MANIFEST");
        for length in 0..text.len() {
            assert!(parse(path, &text[..length]).is_err(), "{length} bytes");
        }
        for bit in 0..text.len() * 8 {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(parse(path, &flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_by_name() {
        let lines = "hone-store 9\nsomething new\n";
        let text = format!("{lines}crc32c {:08x}\n", crc32c::crc32c(lines.as_bytes()));
        let error = parse(Path::new("MANIFEST"), text.as_bytes()).unwrap_err();
        assert!(matches!(error, JournalError::NewerFormat { found: 9, supported: FORMAT, .. }));
        assert!(error.to_string().contains("upgrade"), "{error}");
    }
}
