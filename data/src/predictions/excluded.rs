//! Samples that are not to be chosen: those with labels, and those that somebody took out.

use std::{borrow::Cow, collections::HashSet, path::Path};

use super::{
    batch::id_fault,
    error::{At, Fault, PredictionError, Problem},
    lines::{Chunks, lines},
};

/// What stands for an id where there are many: the first 16 bytes of its BLAKE3 hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdHash(pub [u8; 16]);

impl IdHash {
    /// The hash of an id.
    #[must_use]
    pub fn of(id: &[u8]) -> Self {
        let mut first = [0; 16];
        first.copy_from_slice(&blake3::hash(id).as_bytes()[..16]);
        Self(first)
    }
}

/// Samples that are not to be chosen, as 16 bytes each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excluded(HashSet<IdHash>);

impl Excluded {
    /// Those with these hashes.
    #[must_use]
    pub fn of_hashes(hashes: impl IntoIterator<Item = IdHash>) -> Self {
        Self(hashes.into_iter().collect())
    }

    /// Those with these ids.
    #[must_use]
    pub fn of_ids<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of_hashes(ids.into_iter().map(|id| IdHash::of(id.as_bytes())))
    }

    /// Those that a file names: one id a line, or JSON lines with an `id`, as labels are exported. Blank lines are passed over.
    ///
    /// # Errors
    /// The file cannot be read, or a line is no id.
    pub fn read(path: &Path) -> Result<Self, PredictionError> {
        let mut found = HashSet::new();
        read_ids(path, &mut found).map_err(|fault| fault.of(&path.display().to_string()))?;
        Ok(Self(found))
    }

    /// The set as bytes, 16 for each sample, in the order of the hashes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut hashes: Vec<&IdHash> = self.0.iter().collect();
        hashes.sort_unstable();
        hashes.into_iter().flat_map(|hash| hash.0).collect()
    }

    /// Reads what [`Excluded::to_bytes`] has written; `None`: these are no hashes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<16>();
        rest.is_empty().then(|| Self::of_hashes(hashes.iter().copied().map(IdHash)))
    }

    /// Adds those of another set.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a sample is one of them.
    #[must_use]
    pub fn contains(&self, id: &[u8]) -> bool {
        !self.0.is_empty() && self.0.contains(&IdHash::of(id))
    }
}

fn read_ids(path: &Path, into: &mut HashSet<IdHash>) -> Result<(), Fault> {
    let mut chunks = Chunks::open(path, 1 << 20)?;
    let mut is_json = None;
    while let Some(chunk) = chunks.next()? {
        for (before, line) in lines(&chunk).filter(|(_, line)| !line.is_empty()) {
            let at = At::Line(before + 1);
            let id = match *is_json.get_or_insert(line.starts_with(b"{")) {
                true => json_id(line).map_err(|problem| Fault::at(at, problem).column("id"))?,
                false => line.into(),
            };
            id_fault(&id).map_err(|problem| Fault::at(at, problem))?;
            into.insert(IdHash::of(&id));
        }
    }
    Ok(())
}

/// The id of an object, as readers of predictions take it: a text, or the digits of a number.
fn json_id(line: &[u8]) -> Result<Cow<'static, [u8]>, Problem> {
    #[derive(serde::Deserialize)]
    struct Named {
        id: Option<serde_json::Value>,
    }
    let named: Named =
        serde_json::from_slice(line).map_err(|error| Problem::Malformed(format!("{error}; write one object a line")))?;
    match named.id {
        Some(serde_json::Value::String(id)) => Ok(id.into_bytes().into()),
        Some(serde_json::Value::Number(id)) => Ok(id.to_string().into_bytes().into()),
        Some(_) => Err(Problem::Id("the id is neither a text nor a number".to_owned())),
        None => Err(Problem::Missing("each line names a sample")),
    }
}
