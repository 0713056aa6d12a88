//! What the rows of a file hold: which kind of prediction, for which classes, and what beside it.

use std::collections::BTreeMap;

use super::error::{Fault, Problem, shown};
use crate::acquisition;

/// Classes at most.
pub const MAX_CLASSES: usize = 65_536;
/// Numbers of an embedding at most.
pub const MAX_EMBEDDING: usize = 65_536;
/// Bytes of an id at most.
pub const MAX_ID: usize = 1_024;

/// What every row of a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The prediction.
    pub kind: Kind,
    /// Numbers of an embedding, where there is one.
    pub embedding: Option<usize>,
    /// Whether rows say what a label of their sample costs.
    pub has_cost: bool,
}

/// What is predicted for a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Probabilities of classes, which add up to one.
    Probabilities(Classes),
    /// Mean and standard deviation of a number.
    Spread,
    /// How much a label is wanted, as one number; for sequences, boxes and whatever has no probabilities.
    Score,
}

/// The classes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classes {
    /// So many, known by their numbers from 0.
    Numbered(usize),
    /// Known by their names, all of which differ.
    Named(Vec<String>),
}

impl Kind {
    /// The kind as acquisition functions know it.
    #[must_use]
    pub fn for_acquisition(&self) -> acquisition::Kind {
        match self {
            Self::Probabilities(classes) => acquisition::Kind::Probabilities { classes: classes.len() },
            Self::Spread => acquisition::Kind::Spread,
            Self::Score => acquisition::Kind::Score,
        }
    }
}

impl Classes {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbered(count) => *count,
            Self::Named(names) => names.len(),
        }
    }

    /// Whether there are none, which no reader lets pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of a class, or its number.
    #[must_use]
    pub fn name(&self, class: usize) -> String {
        match self {
            Self::Numbered(_) => class.to_string(),
            Self::Named(names) => names[class].clone(),
        }
    }

    /// Where the classes of `other` stand here: for each of them its number here; `None` where they are not the same.
    pub(super) fn places_of(&self, other: &Self) -> Option<Vec<usize>> {
        match (self, other) {
            (Self::Numbered(here), Self::Numbered(there)) => (here == there).then(|| (0..*here).collect()),
            (Self::Named(here), Self::Named(there)) if here.len() == there.len() => {
                let places: BTreeMap<&String, usize> = here.iter().enumerate().map(|(place, name)| (name, place)).collect();
                there.iter().map(|name| places.get(name).copied()).collect()
            }
            (Self::Named(_), Self::Named(_) | Self::Numbered(_)) | (Self::Numbered(_), Self::Named(_)) => None,
        }
    }

    fn column(&self, class: usize) -> String {
        match self {
            Self::Numbered(_) => format!("p_{class}"),
            Self::Named(names) => format!("p:{}", names[class]),
        }
    }
}

impl Layout {
    /// Numbers of a row's prediction: one per class, mean and spread, or the score.
    #[must_use]
    pub fn width(&self) -> usize {
        match &self.kind {
            Kind::Probabilities(classes) => classes.len(),
            Kind::Spread => 2,
            Kind::Score => 1,
        }
    }

    /// What the place of a row's prediction is called in messages.
    pub(super) fn column(&self, place: usize) -> String {
        match &self.kind {
            Kind::Probabilities(classes) => classes.column(place),
            Kind::Spread => ["mean", "std"][place].to_owned(),
            Kind::Score => "score".to_owned(),
        }
    }

    /// The classes, where probabilities are predicted.
    #[must_use]
    pub fn classes(&self) -> Option<&Classes> {
        match &self.kind {
            Kind::Probabilities(classes) => Some(classes),
            Kind::Spread | Kind::Score => None,
        }
    }
}

/// What one column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Id,
    /// A place of the prediction.
    Value(usize),
    /// A place of the embedding.
    Embedding(usize),
    Cost,
}

/// What a file has columns for, collected from their names.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// In which order classes were numbered or named.
    pub numbers: Vec<usize>,
    pub names: Vec<String>,
    pub embedding: Vec<usize>,
    /// Classes of a column that holds a list.
    pub list: Option<usize>,
    /// Numbers of a column that holds a list.
    pub embedding_list: Option<usize>,
    pub has_id: bool,
    pub has_mean: bool,
    pub has_std: bool,
    pub has_score: bool,
    pub has_cost: bool,
}

/// What a flat column is, by its name.
enum Name {
    Id,
    Number(usize),
    Named(String),
    Embedding(usize),
    Mean,
    Std,
    Score,
    Cost,
}

fn name_of(column: &str) -> Option<Name> {
    if let Some(class) = column.strip_prefix("p:").filter(|class| !class.is_empty()) {
        return Some(Name::Named(class.to_owned()));
    }
    if let Some(number) = column.strip_prefix("p_") {
        return number_of(number).map(Name::Number);
    }
    if let Some(number) = column.strip_prefix("embedding_") {
        return number_of(number).map(Name::Embedding);
    }
    match column {
        "id" => Some(Name::Id),
        "mean" => Some(Name::Mean),
        "std" => Some(Name::Std),
        "score" => Some(Name::Score),
        "cost" => Some(Name::Cost),
        _ => None,
    }
}

/// Plain decimal digits: one way to write each number, so that no two columns mean the same.
fn number_of(text: &str) -> Option<usize> {
    let plain = text.bytes().all(|at| at.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// What messages propose where a column has no known name.
pub(super) fn nearest(column: &str) -> String {
    let lower = column.trim().to_lowercase();
    let meant = match lower.as_str() {
        "id" | "ids" | "sample" | "sample_id" | "key" | "name" | "index" => Some("id"),
        "prob" | "probs" | "proba" | "probas" | "probability" | "probabilities" | "predictions" => Some("probabilities"),
        "embeddings" | "features" | "hidden" => Some("embedding"),
        "variance" | "sd" | "stddev" | "sigma" | "spread" => Some("std"),
        "mu" | "prediction" | "predicted" => Some("mean"),
        "uncertainty" | "scores" | "confidence" => Some("score"),
        "costs" | "price" => Some("cost"),
        _ if lower.starts_with('p') => Some("p_0, p_1, … or p:CLASS"),
        _ => None,
    };
    let meant = meant.map(|meant| format!("did you mean `{meant}`? Else ")).unwrap_or_default();
    format!(
        "{meant}leave it out: `id`, `probabilities` or `p_0`… or `p:CLASS`…, `mean`, `std`, `score`, `embedding` or \
             `embedding_0`…, and `cost` are known"
    )
}

impl Fields {
    /// Notes a flat column and tells what it holds. Its place is good once [`Fields::layout`] has found no fault.
    pub fn flat(&mut self, column: &str) -> Result<Target, Fault> {
        let fault = |problem| Fault::file(problem).column(column);
        let Some(name) = name_of(column) else { return Err(fault(Problem::UnknownColumn(nearest(column)))) };
        let (target, is_new) = match name {
            Name::Id => (Target::Id, !std::mem::replace(&mut self.has_id, true)),
            Name::Mean => (Target::Value(0), !std::mem::replace(&mut self.has_mean, true)),
            Name::Std => (Target::Value(1), !std::mem::replace(&mut self.has_std, true)),
            Name::Score => (Target::Value(0), !std::mem::replace(&mut self.has_score, true)),
            Name::Cost => (Target::Cost, !std::mem::replace(&mut self.has_cost, true)),
            // Doubles among these show when all are known: looking for each would be quadratic.
            Name::Number(number) => {
                self.numbers.push(number);
                (Target::Value(number), true)
            }
            Name::Named(name) => {
                self.names.push(name);
                (Target::Value(self.names.len() - 1), true)
            }
            Name::Embedding(number) => {
                self.embedding.push(number);
                (Target::Embedding(number), true)
            }
        };
        if is_new { Ok(target) } else { Err(fault(Problem::Twice)) }
    }

    /// The layout that these columns have together.
    pub fn layout(&self) -> Result<Layout, Fault> {
        let kind = self.kind()?;
        let embedding = match (self.embedding_list, self.embedding.len()) {
            (Some(_), 1..) => return Err(columns("there are both `embedding` and `embedding_0`…; keep one of them")),
            (Some(width), 0) => Some(width),
            (None, 0) => None,
            (None, width) => {
                complete(&self.embedding, "embedding_")?;
                Some(width)
            }
        };
        match embedding {
            Some(0) => return Err(Fault::file(Problem::Columns("it is empty; leave it out".to_owned())).column("embedding")),
            Some(width) => limit("numbers of an embedding", width, MAX_EMBEDDING)?,
            None => {}
        }
        Ok(Layout { kind, embedding, has_cost: self.has_cost })
    }

    fn kind(&self) -> Result<Kind, Fault> {
        let has_classes = self.list.is_some() || !self.numbers.is_empty() || !self.names.is_empty();
        match (has_classes, self.has_mean, self.has_std, self.has_score) {
            (true, false, false, false) => self.classes().map(Kind::Probabilities),
            (false, true, true, false) => Ok(Kind::Spread),
            (false, false, false, true) => Ok(Kind::Score),
            (false, true, false, false) => Err(missing("std", "a regression has `mean` and `std`")),
            (false, false, true, false) => Err(missing("mean", "a regression has `mean` and `std`")),
            (false, false, false, false) => {
                Err(missing("probabilities", "a row has `probabilities`, or `mean` and `std`, or `score`"))
            }
            (true, ..) | (false, true, _, true) | (false, false, true, true) => {
                Err(columns("a row has either `probabilities`, or `mean` and `std`, or `score`; leave the others out"))
            }
        }
    }

    fn classes(&self) -> Result<Classes, Fault> {
        let classes = match (self.list, self.numbers.len(), self.names.is_empty()) {
            (Some(count), 0, true) => Classes::Numbered(count),
            (None, count, true) => {
                complete(&self.numbers, "p_")?;
                Classes::Numbered(count)
            }
            (None, 0, false) => named(self.names.clone())?,
            (Some(_), ..) | (None, 1.., false) => {
                return Err(columns("classes are given in two ways; keep `probabilities`, or `p_0`…, or `p:CLASS`…"));
            }
        };
        enough(&classes)?;
        Ok(classes)
    }
}

/// Classes with these names.
pub(super) fn named(names: Vec<String>) -> Result<Classes, Fault> {
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Fault::file(Problem::Twice).column(format!("p:{}", twice[0])));
    }
    if let Some(long) = names.iter().find(|name| name.len() > MAX_ID || name.is_empty()) {
        return Err(columns(&format!("`{}` is empty or too long for a class", shown(long))));
    }
    Ok(Classes::Named(names))
}

/// Whether there are at least two classes, and not too many.
pub(super) fn enough(classes: &Classes) -> Result<(), Fault> {
    if classes.len() < 2 {
        return Err(columns("there is one class only; write the probability of each class, also of the second of two"));
    }
    limit("classes", classes.len(), MAX_CLASSES)
}

fn limit(what: &'static str, found: usize, limit: usize) -> Result<(), Fault> {
    if found > limit { Err(Fault::file(Problem::TooMany { what, found, limit })) } else { Ok(()) }
}

/// Whether the numbers are 0, 1, 2, …, each once, in any order.
fn complete(numbers: &[usize], prefix: &str) -> Result<(), Fault> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    for (expected, number) in sorted.iter().enumerate() {
        if *number < expected {
            return Err(Fault::file(Problem::Twice).column(format!("{prefix}{number}")));
        }
        if *number > expected {
            return Err(missing(&format!("{prefix}{expected}"), "number columns from 0 without gaps"));
        }
    }
    Ok(())
}

fn columns(message: &str) -> Fault {
    Fault::file(Problem::Columns(message.to_owned()))
}

fn missing(column: &str, advice: &'static str) -> Fault {
    Fault::file(Problem::Missing(advice)).column(column)
}
