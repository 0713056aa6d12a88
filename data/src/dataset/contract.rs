//! Feature contracts: what the columns of a dataset have to be, in a file of its own.
//!
//! ```toml
//! name = "digits"
//! version = 2
//! [[column]]
//! name = "age"
//! type = "float"
//! unit = "years"
//! nullable = true
//! min = 0
//! max = 150
//! [[column]]
//! name = "label"
//! type = "int"
//! categories = [0, 1]
//! ```
//! Its id is the hash of its canonical form, which the order of columns and keys does not change. A contract may come from
//! a feature store: then it says which service, and what was asked of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::profile::{Guess, guess};
use super::table::{Batch, Format, Value};
use crate::hash::Hash;

/// Violations that are shown; the others are counted.
const SHOWN: usize = 20;
/// Letters of a value that are shown.
const VALUE: usize = 60;

/// What the columns of a dataset have to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// What it is called.
    pub name: String,
    /// Raised when what it asks for changes.
    #[serde(default = "one")]
    pub version: u32,
    /// Columns that it does not name are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// Where it comes from: `feast`, or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ContractSource>,
    /// The feature service of the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_service: Option<String>,
    /// The state of the store's registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_sha256: Option<String>,
    /// The dataset of entities and instants that features were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_df: Option<String>,
    /// Features as they were known then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Its columns.
    #[serde(rename = "column", default)]
    pub columns: Vec<ColumnContract>,
}

fn one() -> u32 {
    1
}

/// Feature stores that a contract may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContractSource {
    Feast,
}

/// What one column has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnContract {
    /// Its name.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: ContractType,
    /// In what they are measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Values may be missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
    /// The least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// All values that it may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Json>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What computed it: a commit, the digest of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<String>,
    /// Raised when it is computed otherwise.
    #[serde(default = "one")]
    pub version: u32,
}

/// What the values of a column have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContractType {
    Bool,
    Int,
    /// Whole numbers too.
    Float,
    Text,
    /// `2024-02-29`
    Date,
    /// RFC 3339.
    Time,
    /// Anything.
    Any,
}

impl ContractType {
    fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "text",
            Self::Date => "date",
            Self::Time => "time",
            Self::Any => "any",
        }
    }
}

/// What breaks a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The file.
    pub path: String,
    /// The row, from 1; `None`: the whole column.
    pub row: Option<u64>,
    /// The column.
    pub column: String,
    /// The value, shortened; empty: there is none.
    pub value: String,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.path)?;
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        write!(f, ", column `{}`: ", self.column)?;
        if !self.value.is_empty() {
            write!(f, "`{}` ", self.value)?;
        }
        f.write_str(&self.reason)
    }
}

impl Contract {
    /// Reads the file of a contract. `file` is how messages call it.
    ///
    /// # Errors
    /// What is wrong with it, with its line where it has one.
    pub fn parse(text: &str, file: &str) -> Result<Self, String> {
        let mut contract: Self = toml::from_str(text).map_err(|error| format!("`{file}` is no contract: {error}"))?;
        contract.check().map_err(|reason| format!("`{file}`: {reason}"))?;
        contract.columns.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(contract)
    }

    fn check(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        if self.source.is_some() != self.feature_service.is_some() {
            return Err("`source = \"feast\"` and `feature_service` belong together".to_owned());
        }
        if self.columns.is_empty() && self.source.is_none() {
            return Err("it names no `[[column]]`".to_owned());
        }
        for column in &self.columns {
            if !seen.insert(&column.name) {
                return Err(format!("the column `{}` is there twice", column.name));
            }
            column.check().map_err(|reason| format!("the column `{}` {reason}", column.name))?;
        }
        Ok(())
    }

    /// The canonical form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut sorted = self.clone();
        sorted.columns.sort_by(|one, other| one.name.cmp(&other.name));
        for column in &mut sorted.columns {
            column.categories.sort_by_key(ToString::to_string);
        }
        serde_json::to_vec(&sorted).expect("texts and numbers are JSON")
    }

    /// The contract's id: the hash of its canonical form.
    #[must_use]
    pub fn id(&self) -> Hash {
        Hash::of(&self.to_bytes())
    }

    /// Reads the canonical form.
    ///
    /// # Errors
    /// It is damaged, or of a newer build.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("the contract cannot be read: {error}"))
    }

    /// What a later contract asks for otherwise, in words.
    #[must_use]
    pub fn changes_to(&self, later: &Self) -> Vec<String> {
        let columns = |contract: &Self| -> BTreeMap<String, ColumnContract> {
            contract.columns.iter().map(|column| (column.name.clone(), column.clone())).collect()
        };
        let (old, new) = (columns(self), columns(later));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let change = |name: &String| match (old.get(name), new.get(name)) {
            (None, _) => Some(format!("column `{name}` is new")),
            (_, None) => Some(format!("column `{name}` is not asked for any more")),
            (Some(old), Some(new)) if old.kind != new.kind => {
                Some(format!("column `{name}` is {} instead of {}", new.kind.name(), old.kind.name()))
            }
            (Some(old), Some(new)) => (old != new).then(|| format!("column `{name}` is bound otherwise")),
        };
        names.into_iter().filter_map(change).collect()
    }
}

impl ColumnContract {
    fn check(&self) -> Result<(), String> {
        let numeric = matches!(self.kind, ContractType::Int | ContractType::Float);
        match (self.min, self.max) {
            (Some(_), _) | (_, Some(_)) if !numeric => return Err(format!("is {}, which has no range", self.kind.name())),
            (Some(min), Some(max)) if min > max => return Err(format!("has min {min} above max {max}")),
            _ => {}
        }
        let wrong = self.categories.iter().find(|category| category.is_array() || category.is_object() || category.is_null());
        wrong.map_or(Ok(()), |wrong| Err(format!("has the category {wrong}, which is no single value")))
    }

    /// What is wrong with a value, if anything is.
    fn fault(&self, value: &Value, untyped: bool) -> Option<String> {
        let json = match meaning(value, self.kind, untyped) {
            Meaning::Missing if self.nullable => return None,
            Meaning::Missing => return Some("is missing".to_owned()),
            Meaning::Other => return Some(format!("is not {}", article(self.kind))),
            Meaning::Is(json) => json,
        };
        if let Some(number) = json.as_f64() {
            if let Some(min) = self.min.filter(|min| number < *min) {
                return Some(format!("is less than {min}"));
            }
            if let Some(max) = self.max.filter(|max| number > *max) {
                return Some(format!("is more than {max}"));
            }
        }
        let known = self.categories.is_empty() || self.categories.iter().any(|category| is_same(category, &json));
        (!known).then(|| "is none of the categories".to_owned())
    }
}

/// Numbers are the same whether they are written as whole ones or not.
fn is_same(one: &Json, other: &Json) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn article(kind: ContractType) -> &'static str {
    match kind {
        ContractType::Bool => "true or false",
        ContractType::Int => "a whole number",
        ContractType::Float => "a number",
        ContractType::Text => "text",
        ContractType::Date => "a date such as 2024-02-29",
        ContractType::Time => "an instant such as 2024-02-29T12:00:00Z",
        ContractType::Any => "anything",
    }
}

enum Meaning {
    Missing,
    Is(Json),
    Other,
}

/// What a value is, seen as what it should be.
fn meaning(value: &Value, kind: ContractType, untyped: bool) -> Meaning {
    if value.is_missing() {
        return Meaning::Missing;
    }
    match (kind, value) {
        (ContractType::Any, _) => Meaning::Is(value.to_json()),
        (_, Value::Text(text)) if untyped => untyped_meaning(text, kind),
        (ContractType::Bool, Value::Bool(_))
        | (ContractType::Int, Value::Int(_) | Value::Unsigned(_))
        | (ContractType::Float, Value::Int(_) | Value::Unsigned(_) | Value::Float(_))
        | (ContractType::Text, Value::Text(_))
        | (ContractType::Date, Value::Date(_))
        | (ContractType::Time, Value::Time(_)) => Meaning::Is(value.to_json()),
        (ContractType::Date, Value::Text(text)) if is_date(text) => Meaning::Is(value.to_json()),
        (ContractType::Time, Value::Text(text)) if is_time(text) => Meaning::Is(value.to_json()),
        _ => Meaning::Other,
    }
}

fn untyped_meaning(text: &str, kind: ContractType) -> Meaning {
    let guessed = guess(text);
    let number = |number: f64| Meaning::Is(Value::Float(number).to_json());
    match (kind, guessed) {
        (ContractType::Text | ContractType::Any, _) => Meaning::Is(Json::from(text)),
        (ContractType::Bool, Guess::Bool(value)) => Meaning::Is(Json::Bool(value)),
        (ContractType::Int, Guess::Int(_)) => text.parse::<i64>().map_or(Meaning::Other, |value| Meaning::Is(Json::from(value))),
        (ContractType::Float, Guess::Int(value) | Guess::Float(value)) => number(value),
        (ContractType::Date, _) if is_date(text) => Meaning::Is(Json::from(text)),
        (ContractType::Time, _) if is_time(text) => Meaning::Is(Json::from(text)),
        (ContractType::Int | ContractType::Float, Guess::Text) if ["NA", "NaN", "nan", "null", "NULL"].contains(&text) => {
            Meaning::Missing
        }
        _ => Meaning::Other,
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let within = |part: &str, most: u32| part.parse::<u32>().is_ok_and(|value| (1..=most).contains(&value));
    digits(year, 4) && digits(month, 2) && digits(day, 2) && within(month, 12) && within(day, 31)
}

fn is_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't', ' ']) else { return false };
    let clock = time.trim_end_matches(['Z', 'z']);
    let clock = clock.split_once(['+', '-']).map_or(clock, |(clock, _)| clock);
    let parts: Vec<&str> = clock.split(':').collect();
    let hours = parts.first().and_then(|hours| hours.parse::<u32>().ok()).is_some_and(|hours| hours < 24);
    let rest = parts[1..].iter().all(|part| part.parse::<f64>().is_ok_and(|value| (0.0..61.0).contains(&value)));
    is_date(date) && (2..=3).contains(&parts.len()) && hours && rest
}

/// Checks rows against a contract as they are read.
#[derive(Debug)]
pub struct Checking<'a> {
    contract: &'a Contract,
    shown: Vec<Violation>,
    count: u64,
    /// Tables whose columns have been looked at.
    seen: BTreeSet<String>,
}

impl<'a> Checking<'a> {
    /// Nothing has been read yet.
    #[must_use]
    pub fn new(contract: &'a Contract) -> Self {
        Self { contract, shown: Vec::new(), count: 0, seen: BTreeSet::new() }
    }

    /// Looks at rows of the table at `path`.
    pub fn look(&mut self, path: &str, batch: &Batch) {
        let untyped = Format::of_name(path) == Some(Format::Csv);
        let contract = self.contract;
        // Columns of JSON lines come with the rows that have them; a table without rows has to have all the same.
        let open = Format::of_name(path) == Some(Format::Jsonl);
        if self.seen.insert(path.to_owned()) && !open {
            self.look_at_columns(path, batch);
        }
        if contract.closed && open {
            let known = |name: &str| contract.columns.iter().any(|column| column.name == name);
            for column in batch.columns.iter().filter(|column| !known(column)) {
                if self.seen.insert(format!("{path}\0{column}")) {
                    self.note(Violation::of_column(path, column, "is not in the contract"));
                }
            }
        }
        for column in &contract.columns {
            let place = batch.columns.iter().position(|name| **name == *column.name);
            if place.is_none() && !open {
                continue;
            }
            for (row, number) in batch.rows.iter().zip(batch.first + 1..) {
                let value = place.and_then(|place| row.get(place)).unwrap_or(&Value::Missing);
                if let Some(reason) = column.fault(value, untyped) {
                    let value = value.to_text().chars().take(VALUE).collect();
                    self.note(Violation { path: path.to_owned(), row: Some(number), column: column.name.clone(), value, reason });
                }
            }
        }
    }

    fn look_at_columns(&mut self, path: &str, batch: &Batch) {
        let names: BTreeSet<&str> = batch.columns.iter().map(|name| &**name).collect();
        for column in self.contract.columns.iter().filter(|column| !names.contains(column.name.as_str())) {
            self.note(Violation::of_column(path, &column.name, "is not in the table"));
        }
        let known: BTreeSet<&str> = self.contract.columns.iter().map(|column| column.name.as_str()).collect();
        for name in names.into_iter().filter(|name| self.contract.closed && !known.contains(name)) {
            self.note(Violation::of_column(path, name, "is not in the contract"));
        }
    }

    fn note(&mut self, violation: Violation) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(violation);
        }
    }

    /// How many violations there are, and the first of them.
    #[must_use]
    pub fn finish(self) -> (u64, Vec<Violation>) {
        (self.count, self.shown)
    }
}

impl Violation {
    fn of_column(path: &str, column: &str, reason: &str) -> Self {
        let (path, column) = (path.to_owned(), column.to_owned());
        Self { path, row: None, column, value: String::new(), reason: reason.to_owned() }
    }
}

#[cfg(test)]
#[path = "contract_tests.rs"]
mod tests;
