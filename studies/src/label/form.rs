//! What an annotator fills in.

use serde::{Deserialize, Serialize};

/// The question of a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Form {
    pub kind: FormKind,
    /// Names of the classes, each once; empty for numbers and pairs.
    pub classes: Vec<String>,
    /// Least and greatest number; either end may be open.
    pub range: (Option<f64>, Option<f64>),
}

/// What kind of answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FormKind {
    /// One class.
    Classes,
    /// Any number of classes, none included.
    Multi,
    /// Rectangles in an image, each with a class.
    Boxes,
    /// Pieces of a text, each with a class.
    Spans,
    /// One number.
    Number,
    /// Which of two is better.
    Pairwise,
}

impl FormKind {
    /// Every kind with the word that users write.
    pub const NAMES: [(&'static str, FormKind); 6] = [
        ("classes", FormKind::Classes),
        ("multi", FormKind::Multi),
        ("boxes", FormKind::Boxes),
        ("spans", FormKind::Spans),
        ("number", FormKind::Number),
        ("pairwise", FormKind::Pairwise),
    ];

    /// The word that users read and write.
    pub fn name(self) -> &'static str {
        match self {
            FormKind::Classes => "classes",
            FormKind::Multi => "multi",
            FormKind::Boxes => "boxes",
            FormKind::Spans => "spans",
            FormKind::Number => "number",
            FormKind::Pairwise => "pairwise",
        }
    }

    /// Whether its answers name classes.
    pub fn has_classes(self) -> bool {
        match self {
            FormKind::Classes | FormKind::Multi | FormKind::Boxes | FormKind::Spans => true,
            FormKind::Number | FormKind::Pairwise => false,
        }
    }
}

impl Form {
    /// The position of a class by its name.
    pub fn class(&self, name: &str) -> Option<u32> {
        self.classes.iter().position(|class| class == name).map(|at| at as u32)
    }

    /// The name of a class; empty for one that is not there.
    pub fn class_name(&self, class: u32) -> &str {
        self.classes.get(class as usize).map_or("", String::as_str)
    }
}
