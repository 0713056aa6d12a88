//! Values in files that training libraries write: TensorBoard's event files and CSV.
//!
//! ```text
//! pattern ─ find ─► files, by path ─► Follower ─ the new bytes ─► events: records ─► scalars ─┐
//!                                                              └► table: lines ───► cells ────┴─► rows
//! ```
//!
//! The readers ([`EventFile`], [`Table`]) take bytes as they come and know no file; whatever the bytes, they neither
//! panic nor go back. The [`Follower`] looks at files again and again while another program writes them. It polls:
//! notices of changes do not exist on network file systems, where such files often lie.

mod events;
mod find;
mod follow;
mod protobuf;
mod records;
mod table;

use std::collections::BTreeMap;

pub use events::EventFile;
pub use follow::{Batch, Follower, Source};
pub use table::Table;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Event files of TensorBoard; a folder stands for all that lie below it.
    TensorBoard,
    /// A header line, then lines of values.
    Csv {
        /// The column with the step; `None`: the first that is commonly called so, else the number of the line.
        step: Option<String>,
    },
}

/// Values of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Their step.
    pub step: i64,
    /// Names, as the file has them or as they are renamed, and values; no name twice.
    pub values: Vec<(String, f64)>,
}

/// Which values are taken and what they are called here, by their names in the file; empty: all, by their own names.
pub type Names = BTreeMap<String, String>;

/// What a value is called here; `None`: it is not wanted.
fn renamed<'n>(name: &'n str, names: &'n Names) -> Option<&'n str> {
    if names.is_empty() { Some(name) } else { names.get(name).map(String::as_str) }
}

/// Adds a value, in the last row where that has the same step and not yet this name.
fn push(rows: &mut Vec<Row>, step: i64, name: &str, value: f64) {
    let value = (name.to_owned(), value);
    match rows.last_mut().filter(|last| last.step == step && last.values.iter().all(|(known, _)| *known != value.0)) {
        Some(last) => last.values.push(value),
        None => rows.push(Row { step, values: vec![value] }),
    }
}

#[cfg(test)]
mod tests;
