//! What a label project asks for, as its file says.

use serde::{Deserialize, Serialize};

use super::form::Form;
use crate::ids::{Micros, SECOND};

/// A label project, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelSpec {
    pub name: String,
    /// What annotators are told.
    pub instructions: String,
    /// The dataset whose samples are labelled; `None`: samples come with their requests.
    pub dataset: Option<String>,
    pub form: Form,
    pub show: Show,
    pub answers: AnswerSpec,
    /// Of every random choice of this project.
    pub seed: u64,
    /// Its annotators work in Label Studio; `None`: they work here.
    #[serde(default)]
    pub label_studio: Option<LabelStudioSpec>,
}

/// What a project is in Label Studio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelStudioSpec {
    /// What it is called there; `None`: after the project's name.
    pub title: Option<String>,
    /// Open requests that are there at once, the most urgent ones: Label Studio's own order is a loose one.
    pub ahead: u32,
}

impl LabelStudioSpec {
    /// Open requests there at once where the file does not say.
    pub const AHEAD: u32 = 1_000;
}

/// Which parts of a sample an annotator sees. With all of them empty: the whole sample as a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Show {
    /// Column with a text.
    pub text: Option<String>,
    /// Column with an image.
    pub image: Option<String>,
    /// Columns that are shown as a table.
    pub row: Vec<String>,
    /// The two columns that are compared.
    pub pair: Option<(String, String)>,
}

/// How many answers a request gets, and how they become a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerSpec {
    /// Answers that every request gets.
    pub min: u32,
    /// Answers that one gets at most while they do not agree.
    pub max: u32,
    /// How sure the label must be before fewer than `max` answers are enough, from 0.5 to 1.
    pub until: f64,
    /// How long an annotator may have a sample without a word.
    pub lease: Micros,
    /// How long a request waits for its first answer; `None`: for ever.
    pub expire: Option<Micros>,
    /// How many annotators must have skipped a request before it is asked no more.
    pub skips: u32,
    /// Share of leases that hide the model's prediction, to measure how it sways people.
    pub blind: f64,
    /// Share of leases that are gold questions, where there are any.
    pub gold: f64,
    #[serde(default)]
    pub consensus: Consensus,
    /// Boxes or spans whose intersection is this share of their union are the same one.
    #[serde(default = "AnswerSpec::default_iou")]
    pub iou: f64,
    /// Numbers that differ by no more than this agree.
    #[serde(default)]
    pub tolerance: f64,
}

/// How answers are weighed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Consensus {
    /// Everybody counts the same.
    #[default]
    Majority,
    /// By how good each annotator is, estimated from all answers (Dawid and Skene 1979). Classes only.
    DawidSkene,
}

impl Consensus {
    /// Both with the words that users write.
    pub const NAMES: [(&'static str, Consensus); 2] = [("majority", Consensus::Majority), ("dawid-skene", Consensus::DawidSkene)];
}

impl AnswerSpec {
    fn default_iou() -> f64 {
        0.5
    }
}

impl Default for AnswerSpec {
    fn default() -> AnswerSpec {
        AnswerSpec {
            min: 1,
            max: 1,
            until: 0.9,
            lease: 600 * SECOND,
            expire: None,
            skips: 2,
            blind: 0.1,
            gold: 0.05,
            consensus: Consensus::default(),
            iou: AnswerSpec::default_iou(),
            tolerance: 0.0,
        }
    }
}
