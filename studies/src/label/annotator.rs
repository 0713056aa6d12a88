//! Who answers.

use serde::{Deserialize, Serialize};

use crate::ids::{AnnotatorId, Micros};

/// Somebody who answers label requests, over all projects of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotator {
    pub id: AnnotatorId,
    /// Unique.
    pub name: String,
    pub joined: Micros,
    /// Where they came in first.
    pub channel: Channel,
}

/// Where an answer came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Channel {
    /// Hone's own page.
    Page,
    /// The command line.
    Command,
    /// A program, over gRPC or HTTP.
    Program,
    LabelStudio,
}

impl Channel {
    /// The word that users read.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Page => "page",
            Channel::Command => "command",
            Channel::Program => "program",
            Channel::LabelStudio => "label-studio",
        }
    }
}
