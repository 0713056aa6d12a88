//! Sketches and rows as bytes, to travel between hosts.
//!
//! ```text
//!  0  "HPRD"           what it is
//!  4  1 or 2           a sketch, or rows
//!  5  1                version; others are refused
//!  6  two zero bytes
//!  8  CRC32C of all that follows, little endian
//! 12  a message of Protocol Buffers, below
//! ```
//!
//! Numbers that are exact in 32 bits are written so. What arrives is checked: lengths, limits, numbers and probabilities.

use super::{
    batch::Batch,
    layout::{Classes, Kind, Layout, MAX_CLASSES, MAX_EMBEDDING, MAX_ID, enough, named},
    rows::Rows,
    sketch::{Candidate, MAX_KEPT, SHARES, Sketch},
};
use crate::acquisition::{Acquisition, Noise};

const MAGIC: &[u8; 4] = b"HPRD";
const VERSION: u8 = 1;
const HEADER: usize = 12;
/// Bytes of a sketch or of rows at most.
pub const MAX_WIRE: usize = 1 << 30;
/// Rows that travel at once at most.
pub const MAX_ROWS: usize = 4 * MAX_KEPT;

/// Bytes that are no sketch or no rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// They do not begin as such bytes do, or hold the other thing.
    #[error("these bytes are no {0}")]
    Other(&'static str),
    /// They were written by a newer build.
    #[error("these bytes are of version {0}, and this build reads version {VERSION}; upgrade it")]
    Version(u8),
    /// They are damaged.
    #[error("these bytes are damaged: {0}; send them again")]
    Damaged(&'static str),
    /// They are more than may be.
    #[error("{found} {what} are more than the {limit} that are supported")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// As many.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

#[derive(Clone, PartialEq, prost::Message)]
struct LayoutMessage {
    /// 1: probabilities, 2: mean and spread, 3: score.
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(uint32, tag = "2")]
    classes: u32,
    /// As many as classes, or none.
    #[prost(string, repeated, tag = "3")]
    class_names: Vec<String>,
    #[prost(uint32, tag = "4")]
    embedding: u32,
    #[prost(bool, tag = "5")]
    has_cost: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RowsMessage {
    #[prost(message, optional, tag = "1")]
    layout: Option<LayoutMessage>,
    #[prost(string, repeated, tag = "2")]
    ids: Vec<String>,
    /// Either these or those of 64 bits.
    #[prost(float, repeated, tag = "3")]
    values: Vec<f32>,
    #[prost(double, repeated, tag = "4")]
    double_values: Vec<f64>,
    #[prost(float, repeated, tag = "5")]
    embeddings: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    costs: Vec<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SketchMessage {
    #[prost(message, optional, tag = "1")]
    layout: Option<LayoutMessage>,
    #[prost(string, tag = "2")]
    rated_by: String,
    #[prost(fixed64, tag = "3")]
    seed: u64,
    #[prost(double, tag = "4")]
    beta: f64,
    #[prost(uint64, tag = "5")]
    rows: u64,
    #[prost(uint64, tag = "6")]
    excluded: u64,
    #[prost(uint64, repeated, tag = "7")]
    top_classes: Vec<u64>,
    #[prost(double, repeated, tag = "8")]
    quantiles: Vec<f64>,
    #[prost(message, optional, tag = "9")]
    candidates: Option<CandidatesMessage>,
    #[prost(message, optional, tag = "10")]
    sample: Option<CandidatesMessage>,
}

/// Columns of equal length.
#[derive(Clone, PartialEq, prost::Message)]
struct CandidatesMessage {
    #[prost(string, repeated, tag = "1")]
    ids: Vec<String>,
    #[prost(uint64, repeated, tag = "2")]
    rows: Vec<u64>,
    #[prost(double, repeated, tag = "3")]
    scores: Vec<f64>,
}

impl Rows {
    /// Writes the rows as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let single: Vec<f32> = self.values.iter().map(|value| *value as f32).collect();
        let is_single = single.iter().zip(&self.values).all(|(single, value)| f64::from(*single) == *value);
        let (values, double_values) = if is_single { (single, Vec::new()) } else { (Vec::new(), self.values.clone()) };
        let message = RowsMessage {
            layout: Some(layout_message(&self.layout)),
            ids: self.ids.clone(),
            values,
            double_values,
            embeddings: self.embeddings.clone(),
            costs: self.costs.clone(),
        };
        framed(2, &message)
    }

    /// Reads what [`Rows::encode`] has written.
    ///
    /// # Errors
    /// [`WireError`]
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let message: RowsMessage = unframed(2, "rows of predictions", bytes)?;
        let layout = layout_from(message.layout)?;
        let values = match message.double_values.is_empty() {
            true => message.values.iter().map(|value| f64::from(*value)).collect(),
            false => message.double_values,
        };
        let rows = Self { layout, ids: message.ids, values, embeddings: message.embeddings, costs: message.costs };
        limit("rows", rows.len(), MAX_ROWS)?;
        rows.check()?;
        Ok(rows)
    }

    /// Holds them to the same as rows of a file.
    fn check(&self) -> Result<(), WireError> {
        let layout = &self.layout;
        let lengths = [
            (self.values.len(), layout.width()),
            (self.embeddings.len(), layout.embedding.unwrap_or(0)),
            (self.costs.len(), usize::from(layout.has_cost)),
        ];
        if lengths.iter().any(|(found, width)| Some(*found) != self.len().checked_mul(*width)) {
            return Err(WireError::Damaged("its columns have different lengths"));
        }
        let mut batch = Batch::default();
        batch.number(0, self.len());
        self.ids.iter().for_each(|id| batch.push_id(id.as_bytes()));
        batch.values.clone_from(&self.values);
        batch.embeddings.clone_from(&self.embeddings);
        batch.costs.clone_from(&self.costs);
        batch.check(layout).map_err(|_| WireError::Damaged("a row is no prediction"))?;
        let mut ids: Vec<&String> = self.ids.iter().collect();
        ids.sort_unstable();
        let is_double = ids.windows(2).any(|pair| pair[0] == pair[1]);
        if is_double { Err(WireError::Damaged("a sample is there twice")) } else { Ok(()) }
    }
}

impl Sketch {
    /// Writes the sketch as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let message = SketchMessage {
            layout: Some(layout_message(&self.layout)),
            rated_by: self.rated_by.name().to_owned(),
            seed: self.noise.seed,
            beta: self.noise.beta,
            rows: self.rows,
            excluded: self.excluded,
            top_classes: self.top_classes.clone(),
            quantiles: self.quantiles.clone(),
            candidates: Some(candidates_message(&self.candidates)),
            sample: Some(candidates_message(&self.sample)),
        };
        framed(1, &message)
    }

    /// Reads what [`Sketch::encode`] has written.
    ///
    /// # Errors
    /// [`WireError`]
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let message: SketchMessage = unframed(1, "sketch of predictions", bytes)?;
        let layout = layout_from(message.layout)?;
        let classes = layout.classes().map_or(0, Classes::len);
        let rated_by = Acquisition::parse(&message.rated_by);
        let rated_by = rated_by.map_err(|_| WireError::Damaged("its acquisition function is unknown to this build"))?;
        let has_rows = message.rows > 0;
        if message.top_classes.len() != classes || message.quantiles.len() != if has_rows { SHARES.len() } else { 0 } {
            return Err(WireError::Damaged("its columns have different lengths"));
        }
        if !message.beta.is_finite() {
            return Err(WireError::Damaged("a number is not finite"));
        }
        Ok(Self {
            layout,
            rated_by,
            noise: Noise { seed: message.seed, beta: message.beta },
            rows: message.rows,
            excluded: message.excluded,
            top_classes: message.top_classes,
            quantiles: finite(message.quantiles)?,
            candidates: candidates_from(message.candidates)?,
            sample: candidates_from(message.sample)?,
        })
    }
}

fn framed(kind: u8, message: &impl prost::Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[kind, VERSION, 0, 0]);
    bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn unframed<M: prost::Message + Default>(kind: u8, what: &'static str, bytes: &[u8]) -> Result<M, WireError> {
    limit("bytes", bytes.len(), MAX_WIRE)?;
    let Some((header, body)) = bytes.split_at_checked(HEADER) else { return Err(WireError::Other(what)) };
    if &header[..4] != MAGIC || header[4] != kind {
        return Err(WireError::Other(what));
    }
    if header[5] != VERSION {
        return Err(WireError::Version(header[5]));
    }
    if header[8..] != crc32c::crc32c(body).to_le_bytes() {
        return Err(WireError::Damaged("their checksum is wrong"));
    }
    M::decode(body).map_err(|_| WireError::Damaged("they are no message of this kind"))
}

fn layout_message(layout: &Layout) -> LayoutMessage {
    let (kind, classes, class_names) = match &layout.kind {
        Kind::Probabilities(Classes::Numbered(count)) => (1, *count, Vec::new()),
        Kind::Probabilities(Classes::Named(names)) => (1, names.len(), names.clone()),
        Kind::Spread => (2, 0, Vec::new()),
        Kind::Score => (3, 0, Vec::new()),
    };
    // Limits are far below.
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let embedding = small(layout.embedding.unwrap_or(0));
    LayoutMessage { kind, classes: small(classes), class_names, embedding, has_cost: layout.has_cost }
}

fn layout_from(message: Option<LayoutMessage>) -> Result<Layout, WireError> {
    let message = message.ok_or(WireError::Damaged("they do not say what rows hold"))?;
    limit("classes", message.classes as usize, MAX_CLASSES)?;
    limit("numbers of an embedding", message.embedding as usize, MAX_EMBEDDING)?;
    let kind = match message.kind {
        1 => Kind::Probabilities(classes_from(message.classes as usize, message.class_names)?),
        2 => Kind::Spread,
        3 => Kind::Score,
        _ => return Err(WireError::Damaged("what rows hold is unknown to this build")),
    };
    let embedding = (message.embedding > 0).then_some(message.embedding as usize);
    Ok(Layout { kind, embedding, has_cost: message.has_cost })
}

fn classes_from(count: usize, names: Vec<String>) -> Result<Classes, WireError> {
    let damaged = WireError::Damaged("their classes are none");
    let classes = match names.len() {
        0 => Classes::Numbered(count),
        found if found == count => named(names).map_err(|_| damaged.clone())?,
        _ => return Err(damaged),
    };
    enough(&classes).map_err(|_| damaged)?;
    Ok(classes)
}

fn candidates_message(candidates: &[Candidate]) -> CandidatesMessage {
    CandidatesMessage {
        ids: candidates.iter().map(|candidate| candidate.id.clone()).collect(),
        rows: candidates.iter().map(|candidate| candidate.row).collect(),
        scores: candidates.iter().map(|candidate| candidate.score).collect(),
    }
}

fn candidates_from(message: Option<CandidatesMessage>) -> Result<Vec<Candidate>, WireError> {
    let CandidatesMessage { ids, rows, scores } = message.unwrap_or_default();
    limit("candidates", ids.len(), MAX_KEPT)?;
    if ids.len() != rows.len() || ids.len() != scores.len() {
        return Err(WireError::Damaged("its columns have different lengths"));
    }
    if ids.iter().any(|id| id.is_empty() || id.len() > MAX_ID) {
        return Err(WireError::Damaged("an id is empty or too long"));
    }
    let scores = finite(scores)?;
    Ok(ids.into_iter().zip(rows).zip(scores).map(|((id, row), score)| Candidate { id, row, score }).collect())
}

fn finite(numbers: Vec<f64>) -> Result<Vec<f64>, WireError> {
    if numbers.iter().all(|number| number.is_finite()) { Ok(numbers) } else { Err(WireError::Damaged("a number is not finite")) }
}

fn limit(what: &'static str, found: usize, limit: usize) -> Result<(), WireError> {
    if found > limit { Err(WireError::TooMany { what, found, limit }) } else { Ok(()) }
}
