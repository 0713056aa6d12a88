//! Everything that is written for people or programs. The only place that knows tables, CSV and JSON.
//!
//! ```text
//! message of the coordinator ──► document ──► JSON
//!                          └───► listing  ──► table (people) or CSV
//! ```

mod datasets;
mod documents;
mod explanation;
mod findings;
mod label_report;
mod labels;
mod labelstudio;
mod listing;
#[cfg(feature = "parquet")]
pub mod parquet;
mod pool;
mod sparkline;
mod studies;
mod target;
mod trials;
mod values;
mod workers;

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

pub use datasets::{DatasetDocument, dataset_documents, dataset_text, datasets_listing};
pub use documents::{StoreDocument, StudyDocument, TrialDocument, WorkerDocument, study_documents, trial_documents};
pub use explanation::ExplanationDocument;
pub use findings::{findings_text, front_text};
pub use label_report::label_report_text;
pub use labels::{
    LabelDocument, LabelProjectDocument, LabelTaskDocument, annotator_documents, annotators_listing, exported_labels_listing,
    label_documents, label_project_documents, label_project_text, label_projects_listing, label_task_text, label_text,
    labels_listing,
};
pub use labelstudio::{LabelStudioDocument, SyncDocument, label_studio_facts, sync_text};
pub use listing::{Cell, Column, Listing};
pub use pool::{score_documents, scores_listing};
pub use studies::{counts_text, studies_listing, study_text};
pub use target::Target;
pub use trials::{keeper, outputs_listing, parameter_text, trial_text, trials_listing, values_text};
pub use values::{bytes_text, local_time, number_text, rfc3339, span_text, visible};
pub use workers::{worker_text, workers_listing};

use crate::{
    args::ColorChoice,
    errors::{Failure, Result},
};

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// An array of objects
    Json,
    /// With a header line
    Csv,
}

/// What the terminal allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Whether to colour.
    pub colours: bool,
    /// Whether a table may be fitted to the width of a terminal.
    pub fitted: bool,
}

impl Look {
    /// Looks at standard output and at `NO_COLOR`.
    pub fn of_stdout(choice: ColorChoice) -> Self {
        let terminal = io::stdout().is_terminal();
        Self { colours: colours(choice, terminal, no_color()), fitted: terminal }
    }
}

/// Whether `NO_COLOR` asks for none: any value but an empty one.
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether to colour, given what the user said and where the output goes.
pub fn colours(choice: ColorChoice, terminal: bool, no_color: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && !no_color,
    }
}

/// Writes text to standard output.
///
/// # Errors
/// Standard output is closed or cannot be written.
pub fn print(text: &str) -> Result<()> {
    print_bytes(text.as_bytes())
}

/// Writes bytes to standard output as they are.
///
/// # Errors
/// As for [`print()`].
pub fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| Failure::output(&error))
}

/// Writes text and an end of line to standard output.
///
/// # Errors
/// As for [`print()`].
pub fn print_line(text: &str) -> Result<()> {
    print(&format!("{text}\n"))
}

/// Says something beside the result, on standard error. Nobody may be reading: that is no failure.
pub fn remark(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Returns a JSON text with an end of line.
///
/// # Errors
/// The document cannot be JSON, which is a mistake of ours.
pub fn json_text<T: Serialize + ?Sized>(document: &T) -> Result<String> {
    let text = serde_json::to_string_pretty(document);
    let text = text.map_err(|error| Failure::new(crate::errors::Kind::Internal, format!("cannot write JSON: {error}")))?;
    Ok(text + "\n")
}

/// Returns a list in the format that was asked for: documents for JSON, else the listing.
///
/// # Errors
/// As for [`json_text`].
pub fn list_text<T: Serialize>(format: Format, look: Look, documents: &[T], listing: &Listing) -> Result<String> {
    match format {
        Format::Json => json_text(documents),
        Format::Csv => Ok(listing.csv()),
        Format::Table => Ok(listing.table(look)),
    }
}

#[cfg(test)]
mod tests;
