//! Study files: from text to a checked [`StudySpec`], with every mistake at once.
//!
//! ```text
//! text ─ toml ─► document ─► one reader per table ─► checks across tables ─► StudySpec
//!                               │                        │
//!                               └────── mistakes ────────┴──────────────────► Vec<Diagnostic>
//! ```
//!
//! Reads nothing but the text: no file, no clock, no environment. Never panics, whatever the text.

mod change;
mod constraint;
mod convert;
mod datasets;
mod diagnostic;
mod document;
mod enqueue;
mod keys;
mod labels;
mod metrics_from;
mod objective;
mod programs;
mod pruner;
mod resolved;
mod search;
mod settings;
mod source;
mod space;
mod stop;
pub mod template;
mod top;
mod trial;
pub mod units;
mod warm_start;

#[cfg(test)]
mod tests;

use std::path::Path;

use toml::de::DeTable;

pub use change::merge_change;
pub use datasets::place_datasets;
pub use diagnostic::{Diagnostic, render, shown};
pub use labels::parse_labels;
pub use resolved::spec_to_toml;
pub use settings::apply_settings;
pub(crate) use warm_start::closest;
pub use warm_start::place_warm_start;

use self::{
    document::{Problem, Report, Section},
    space::ReadSpace,
};
use crate::{
    event::Driver,
    spec::{Source, StudySpec},
};

/// Far more than a person writes; keeps every check quick.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// After one broken line, most of what the TOML reader says is about its consequences.
const MOST_SYNTAX_MISTAKES: usize = 5;

/// Parses a study file. `file` is how messages call it; a study without a `name` gets it from there
/// (`digits/study.toml`: `digits`).
///
/// # Errors
/// Every mistake, in the order of the text.
pub fn parse(text: &str, file: &str) -> Result<StudySpec, Vec<Diagnostic>> {
    parse_named(text, file, &default_name(file))
}

/// As [`parse`], with another name for a study without a `name`.
///
/// # Errors
/// Every mistake, in the order of the text.
pub fn parse_named(text: &str, file: &str, default_name: &str) -> Result<StudySpec, Vec<Diagnostic>> {
    parse_for(Driver::Workers, text, file, default_name)
}

fn parse_for(driver: Driver, text: &str, file: &str, default_name: &str) -> Result<StudySpec, Vec<Diagnostic>> {
    let report = Report::new(file, text);
    let Some(table) = table_of(text, &report) else { return Err(report.into_diagnostics()) };
    let spec = study(&Section::root(table.get_ref(), &report), driver, default_name);
    match spec.filter(|_| report.is_clean()) {
        Some(spec) => Ok(spec),
        None => Err(report.into_diagnostics()),
    }
}

/// The text as TOML; `None` if a mistake was noted.
fn table_of<'t>(text: &'t str, report: &Report) -> Option<toml::Spanned<DeTable<'t>>> {
    if text.len() > MAX_TEXT_BYTES {
        report.add(0, "", Problem::new(format!("the file is larger than {}", units::format_size(MAX_TEXT_BYTES as u64))));
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        syntax(&errors, report);
        return None;
    }
    Some(table)
}

/// Parses the file of a study whose trials clients run: it has no `[trial]`, and no `[space]` where trials define it as
/// they run.
///
/// # Errors
/// Every mistake, in the order of the text.
pub fn parse_driven(text: &str, file: &str) -> Result<StudySpec, Vec<Diagnostic>> {
    parse_for(Driver::Clients, text, file, &default_name(file))
}

/// The folder of a `study.toml`, else the file's own name without its ending.
fn default_name(file: &str) -> String {
    default_name_of(file, "study")
}

/// The same of a file that is usually called `usual`.
fn default_name_of(file: &str, usual: &str) -> String {
    let path = Path::new(file);
    let own = path.file_stem();
    let folder = path.parent().and_then(Path::file_name).filter(|_| own.is_none_or(|name| name == usual));
    folder.or(own).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Notes what is not TOML, one mistake per line.
fn syntax(errors: &[toml::de::Error], report: &Report) {
    let mut lines = Vec::new();
    for error in errors {
        let offset = error.span().map_or(0, |span| span.start);
        let line = report.line(offset);
        if lines.len() < MOST_SYNTAX_MISTAKES && !lines.contains(&line) {
            lines.push(line);
            let problem = Problem::new(error.message().to_owned());
            report.add(offset, "", problem.hint("the file is not TOML here; texts stand in quotes"));
        }
    }
}

/// Reads all tables, then checks them against each other. `None` only if a mistake was noted.
fn study(root: &Section, driver: Driver, default_name: &str) -> Option<StudySpec> {
    let name = root.read("name", convert::text).unwrap_or_else(|| default_name.to_owned());
    let is_open = driver == Driver::Clients && root.get("space").is_none();
    let space = if is_open { ReadSpace::default() } else { space::read(root) };
    let search = search::read(root, &name);
    let objectives = objective::read(root);
    let constraints = constraint::read(root);
    let stop = stop::read(root, objectives.len());
    let (source, trial) = match driver {
        Driver::Workers => (source::read(root), trial::read(root)),
        Driver::Clients => (Source::None, trial::refuse(root)),
    };
    let enqueue = enqueue::read(root, &space);
    search::check(root, &search, &space, objectives.len());
    let datasets = trial.as_ref().map(|trial| &trial.datasets);
    programs::check(root, &space, &source, datasets);
    Some(StudySpec {
        name,
        description: root.read("description", convert::text).unwrap_or_default(),
        objectives,
        constraints,
        search,
        stop,
        space: space.space,
        is_open,
        source,
        trial: trial?,
        priority: root.read("priority", top::priority).unwrap_or(0),
        weight: root.read("weight", top::weight).unwrap_or(1.0),
        enqueue,
    })
}
