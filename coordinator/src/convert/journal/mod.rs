//! Events as bytes of the journal, and back.
//!
//! ```text
//!   Event ── event_to_proto ──► journal.v1.Event ── encode ──► payload
//!   Event ◄─ event_from_proto ─ journal.v1.Event ◄─ decode ─── payload
//! ```
//!
//! Every event comes back as it was, bit for bit, with one exception that the wire has too: a reported value of
//! minus zero comes back as zero, because a zero is not written at all. A study's spec travels as JSON, so that replay
//! never parses a study file again; its numbers are finite, as the study file's reader checks.

mod datasets;
mod labels;
mod read;
mod write;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use hone_proto::journal as wire;
use hone_studies::{BlobId, Event};
use prost::{
    Message,
    encoding::{DecodeContext, WireType, decode_key, skip_field},
};

pub use read::event_from_proto;
pub use write::event_to_proto;

/// Why bytes of the journal are no event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A newer build wrote it: the store must not be written by this one.
    #[error("`{field}` has a kind that this build does not know{}; a newer hone wrote it, upgrade hone", numbered(*.tag))]
    UnknownKind {
        /// Where it stands.
        field: &'static str,
        /// Its number, where it is known.
        tag: Option<u32>,
    },
    /// The event is too large for a chunk: its own encoding is this blob.
    #[error("the event is kept as blob `{0}`; read it from there")]
    Spilled(BlobId),
    /// A part without which the event means nothing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A part that cannot be what it should.
    #[error("`{field}` is not {expected}")]
    Malformed {
        /// Which part.
        field: &'static str,
        /// What it should be, with its article.
        expected: &'static str,
    },
    /// The resolved study is not one that this build reads.
    #[error("the study's spec cannot be read ({0}); a newer hone may have written it, upgrade hone")]
    Spec(#[source] serde_json::Error),
    /// The estimate of annotators' skills is not one that this build reads.
    #[error("the skills of annotators cannot be read ({0}); a newer hone may have written them, upgrade hone")]
    Skills(#[source] serde_json::Error),
    /// Not a message at all.
    #[error("the bytes are no message: {0}")]
    Message(#[from] prost::DecodeError),
}

fn numbered(tag: Option<u32>) -> String {
    tag.map_or_else(String::new, |tag| format!(" ({tag})"))
}

/// Appends the encoding of an event.
pub fn encode_event(event: &Event, bytes: &mut Vec<u8>) {
    append(&event_to_proto(event), bytes);
}

/// Appends an event that stands for a larger one, whose own encoding is the blob.
pub fn encode_spilled(blob: BlobId, bytes: &mut Vec<u8>) {
    let spilled = wire::Spilled { blob: write::blob(blob) };
    append(&wire::Event { kind: Some(wire::event::Kind::Spilled(spilled)) }, bytes);
}

fn append(event: &wire::Event, bytes: &mut Vec<u8>) {
    event.encode(bytes).expect("a vector grows as needed");
}

/// Reads one event.
///
/// # Errors
/// The bytes are no event, a newer build's event, or stand for a blob ([`DecodeError::Spilled`]).
pub fn decode_event(bytes: &[u8]) -> Result<Event, DecodeError> {
    let message = wire::Event::decode(bytes)?;
    if message.kind.is_none()
        && let Some(tag) = first_tag(bytes)
    {
        return Err(DecodeError::UnknownKind { field: "event", tag: Some(tag) });
    }
    event_from_proto(message)
}

/// The first field's number, when the bytes hold a whole field.
fn first_tag(mut bytes: &[u8]) -> Option<u32> {
    let (tag, wire_type): (u32, WireType) = decode_key(&mut bytes).ok()?;
    skip_field(wire_type, tag, &mut bytes, DecodeContext::default()).ok()?;
    Some(tag)
}
