//! What clients are shown: studies, trials, workers, explanations; and what they may say of them: names, numbers,
//! parameters, tags.

mod annotations;
mod datasets;
mod explain;
mod findings;
mod fleet;
mod front;
mod imports;
mod label_report;
mod labels;
mod select;
mod study;
mod trial;
mod values;

#[cfg(test)]
mod tests;

pub use annotations::{NOTE, TAGS, note_to_bytes, tags_after, tags_to_bytes};
pub use datasets::dataset_version_to_proto;
pub use explain::{explanation, waits_for};
pub use findings::findings;
pub use fleet::worker_to_proto;
pub use front::front;
pub use imports::imported_from_proto;
pub use label_report::label_report_to_json;
pub use labels::{annotators_to_proto, label_project_to_proto, label_to_proto, prediction_from_proto, prediction_to_proto};
pub use select::{SelectError, find_label_project, find_study, find_trial, find_worker};
pub use study::{counts_to_proto, study_to_proto};
pub use trial::{TrialRef, suggestion_to_proto, trial_of, trial_to_proto};
pub use values::{ValueProblem, values_from_strings};

/// The candidate that is written most like `given`, when one is near enough to be meant.
fn nearest<'a>(given: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.map(|candidate| (strsim::jaro_winkler(given, candidate), candidate));
    let best = scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, candidate)| candidate)
}
