//! Follows files while another program writes them.
//!
//! An event file only grows. A CSV may also be written anew as a whole, with another header or with all former lines in
//! it: then it is read from its beginning, and what was read before does not come again.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File, Metadata},
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{EventFile, Format, Names, Row, Table, find::find};

/// Read at once, so that rows are handed on while a long file is read.
const BATCH_BYTES: u64 = 4 << 20;
/// What is remembered of the beginning and of the end of what was read, to tell a file that was written anew.
const START_BYTES: usize = 256;
const END_BYTES: usize = 64;
/// Values that are remembered to tell those that come again; beyond it they may.
const SEEN_LIMIT: usize = 1 << 20;
/// Problems that are told; further ones are only counted.
const PROBLEM_LIMIT: usize = 10;

/// Files to follow.
#[derive(Clone, Debug)]
pub struct Source {
    /// The pattern as its author wrote it, for messages.
    pub written: String,
    /// Where files are looked for; `*`, `?` and `**` stand for names.
    pub pattern: PathBuf,
    /// What they hold.
    pub format: Format,
    /// Which of their values are wanted.
    pub names: Names,
}

/// What a reading has brought.
#[derive(Debug, Default, PartialEq)]
pub struct Batch {
    /// By file, in order of their paths.
    pub rows: Vec<Row>,
    /// There is more to read already.
    pub more: bool,
}

/// Reads what is new in the files of some sources.
#[derive(Debug)]
pub struct Follower {
    sources: Vec<(Source, BTreeMap<PathBuf, Tail>)>,
    /// The first ones.
    problems: Vec<String>,
    /// How many came after these.
    untold: u64,
}

/// A file, and how far it was read.
#[derive(Debug)]
struct Tail {
    reader: Reader,
    /// Bytes that were read.
    offset: u64,
    /// When the file was last changed before that; `None`: it has to be looked at.
    changed: Option<SystemTime>,
    start: Vec<u8>,
    end: Vec<u8>,
}

#[derive(Debug)]
enum Reader {
    Events(EventFile),
    Table(Table, HashSet<u64>),
}

impl Follower {
    /// Starts with nothing read.
    #[must_use]
    pub fn new(sources: Vec<Source>) -> Self {
        let sources = sources.into_iter().map(|source| (source, BTreeMap::new())).collect();
        Self { sources, problems: Vec::new(), untold: 0 }
    }

    /// Passes over what is in the files already: it is somebody else's.
    pub fn pass_over(&mut self) {
        while self.read(false).more {}
        self.problems.clear();
        self.untold = 0;
    }

    /// Reads what is new. `is_last` tells that nothing will follow, so that a last line needs no end.
    pub fn read(&mut self, is_last: bool) -> Batch {
        let mut batch = Batch::default();
        let (mut left, mut problems) = (BATCH_BYTES, Vec::new());
        for (source, tails) in &mut self.sources {
            let (paths, given_up) = find(&source.pattern, source.format == Format::TensorBoard);
            if given_up {
                problems.push(format!("`{}` stands for too many files; write a narrower pattern", source.written));
            }
            for path in paths.into_iter().filter(|path| source.is_wanted(path)) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let mut told = Vec::new();
                let tail = tails.entry(path.clone()).or_insert_with(|| Tail::new(&source.format));
                if let Err(error) = tail.read(&path, source, is_last, &mut left, &mut batch.rows, &mut told) {
                    told.push(format!("it cannot be read: {error}"));
                }
                problems.extend(told.into_iter().map(|problem| format!("`{name}`: {problem}")));
            }
        }
        problems.into_iter().for_each(|problem| self.note(problem));
        batch.more = left == 0;
        batch
    }

    /// Keeps a problem, once, while there is room.
    fn note(&mut self, problem: String) {
        if self.problems.contains(&problem) {
            return;
        }
        match self.problems.len() {
            0..PROBLEM_LIMIT => self.problems.push(problem),
            _ => self.untold += 1,
        }
    }

    /// What was wrong with the files, for people.
    #[must_use]
    pub fn into_problems(self) -> Vec<String> {
        let unmatched = self.sources.iter().filter(|(_, tails)| tails.is_empty());
        let unmatched: Vec<String> = unmatched.map(|(source, _)| format!("no file matched `{}`", source.written)).collect();
        let more = (self.untold > 0).then(|| format!("there are {} more problems with its files of values", self.untold));
        unmatched.into_iter().chain(self.problems).chain(more).collect()
    }
}

impl Source {
    /// A folder with event files holds others as well.
    fn is_wanted(&self, path: &Path) -> bool {
        match self.format {
            Format::TensorBoard => path.file_name().is_some_and(|name| name.to_string_lossy().contains("tfevents")),
            Format::Csv { .. } => true,
        }
    }
}

impl Reader {
    fn new(format: &Format) -> Self {
        match format {
            Format::TensorBoard => Self::Events(EventFile::default()),
            Format::Csv { step } => Self::Table(Table::new(step.as_deref()), HashSet::new()),
        }
    }

    fn feed(&mut self, bytes: &[u8], names: &Names, rows: &mut Vec<Row>, problems: &mut Vec<String>) {
        match self {
            Self::Events(file) => file.feed(bytes, names, rows, problems),
            Self::Table(table, seen) => {
                let mut found = Vec::new();
                table.feed(bytes, names, &mut found, problems);
                rows.extend(unseen(found, seen));
            }
        }
    }

    fn finish(&mut self, names: &Names, rows: &mut Vec<Row>, problems: &mut Vec<String>) {
        match self {
            // Half a record was never written.
            Self::Events(_) => {}
            Self::Table(table, seen) => {
                let mut found = Vec::new();
                table.finish(names, &mut found, problems);
                rows.extend(unseen(found, seen));
            }
        }
    }
}

/// Leaves out what has come before.
fn unseen(rows: Vec<Row>, seen: &mut HashSet<u64>) -> impl Iterator<Item = Row> {
    if seen.len() > SEEN_LIMIT {
        seen.clear();
    }
    rows.into_iter().filter_map(|mut row| {
        let step = row.step;
        row.values.retain(|(name, value)| seen.insert(digest(step, name, *value)));
        (!row.values.is_empty()).then_some(row)
    })
}

fn digest(step: i64, name: &str, value: f64) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((step, name, value.to_bits()))
}

impl Tail {
    fn new(format: &Format) -> Self {
        Self { reader: Reader::new(format), offset: 0, changed: None, start: Vec::new(), end: Vec::new() }
    }

    /// Reads up to `left` bytes.
    fn read(
        &mut self,
        path: &Path,
        source: &Source,
        is_last: bool,
        left: &mut u64,
        rows: &mut Vec<Row>,
        problems: &mut Vec<String>,
    ) -> io::Result<()> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() || (self.is_current(&metadata) && !is_last) {
            return Ok(());
        }
        let mut file = File::open(path)?;
        if self.is_written_anew(&mut file, metadata.len())? {
            self.begin_again(&source.format);
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(*left).read_to_end(&mut bytes)?;
        *left -= bytes.len() as u64;
        self.note(&bytes);
        self.reader.feed(&bytes, &source.names, rows, problems);
        let is_at_end = *left > 0;
        self.changed = metadata.modified().ok().filter(|_| is_at_end);
        if is_last && is_at_end {
            self.reader.finish(&source.names, rows, problems);
        }
        Ok(())
    }

    /// Whether nothing has happened since the last reading.
    fn is_current(&self, metadata: &Metadata) -> bool {
        self.changed.is_some() && self.changed == metadata.modified().ok() && self.offset == metadata.len()
    }

    fn is_written_anew(&self, file: &mut File, length: u64) -> io::Result<bool> {
        if length < self.offset {
            return Ok(true);
        }
        match self.reader {
            Reader::Events(_) => Ok(false),
            Reader::Table(..) => {
                Ok(!holds(file, 0, &self.start)? || !holds(file, self.offset - self.end.len() as u64, &self.end)?)
            }
        }
    }

    /// Starts over; of a table it is remembered what has come.
    fn begin_again(&mut self, format: &Format) {
        let former = std::mem::replace(self, Self::new(format));
        if let (Reader::Table(_, seen), Reader::Table(_, former)) = (&mut self.reader, former.reader) {
            *seen = former;
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        let room = START_BYTES - self.start.len();
        self.start.extend_from_slice(&bytes[..room.min(bytes.len())]);
        self.end.extend_from_slice(&bytes[bytes.len().saturating_sub(END_BYTES)..]);
        self.end.drain(..self.end.len().saturating_sub(END_BYTES));
    }
}

/// Whether these bytes stand at this place.
fn holds(file: &mut File, offset: u64, expected: &[u8]) -> io::Result<bool> {
    let mut bytes = vec![0; expected.len()];
    file.seek(SeekFrom::Start(offset))?;
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(bytes == expected),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
