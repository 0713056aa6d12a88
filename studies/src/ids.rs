//! Identities and instants. Newtypes, so that a trial's number is never taken for its id.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A study, counted over the store from 1, never reused.
    StudyId(u64)
);
id!(
    /// A unit of leased work. Trials and later kinds of task share one increasing sequence over the store, in the
    /// order in which they become visible; never reused. A trial's id is its task's id.
    TaskId(u64)
);
id!(
    /// A worker, counted over the store from 1.
    WorkerId(u64)
);

id!(
    /// A dataset, counted over the store from 1, never reused.
    DatasetId(u64)
);
id!(
    /// A label project, counted over the store from 1, never reused.
    LabelProjectId(u64)
);
id!(
    /// A label request, counted over the store from 1, never reused.
    LabelRequestId(u64)
);
id!(
    /// Somebody who answers label requests, counted over the store from 1.
    AnnotatorId(u64)
);
id!(
    /// An answer to a label request, counted over the store from 1, never reused.
    AnswerId(u64)
);

/// Microseconds since the Unix epoch, given by the shell.
pub type Micros = i64;

/// One second in [`Micros`].
pub const SECOND: Micros = 1_000_000;

/// A BLAKE3 hash of a blob, 32 bytes, shown as hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlobId(pub [u8; 32]);

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a client calls one of its requests, so that one that is sent again is told: 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub [u8; 16]);

impl RequestId {
    /// The id of one of several things that the request asks for.
    pub fn part(self, index: u32) -> RequestId {
        let mut bytes = self.0;
        bytes[12..].iter_mut().zip(index.to_be_bytes()).for_each(|(byte, part)| *byte ^= part);
        RequestId(bytes)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Stands for the client in the lease of a trial that one drives. Workers are numbered from 1.
pub const CLIENT: WorkerId = WorkerId(0);
