//! Events about datasets as bytes of the journal, and back.

mod read;
#[cfg(test)]
mod samples;
mod write;

#[cfg(test)]
pub(super) use self::samples::samples;
pub(super) use self::{read::event_from_proto, write::event_to_proto};
