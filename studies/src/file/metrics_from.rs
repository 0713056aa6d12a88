//! `metrics_from` of `[trial]`: files of other tools whose values are reports.

use std::collections::BTreeMap;

use super::convert::{filled_text, wrong};
use super::diagnostic::shown;
use super::document::{Node, Problem, Section};
use super::keys;
use crate::spec::{MetricsFiles, MetricsFormat};

const EXAMPLE: &str = "write `metrics_from = { tensorboard = \"logs\" }` or `metrics_from = { csv = \"metrics.csv\" }`";

/// Reads one table, or an array of them. What is wrong is noted and left out.
pub(super) fn read(node: &Node) -> Vec<MetricsFiles> {
    if node.value.is_array() {
        return node.elements().iter().filter_map(files).collect();
    }
    files(node).into_iter().collect()
}

fn files(node: &Node) -> Option<MetricsFiles> {
    let Some(section) = node.section(&keys::METRICS_FROM) else {
        node.complain(wrong(node, "a table").hint(EXAMPLE));
        return None;
    };
    let names = section.get("names").map(|node| names(&node)).unwrap_or_default();
    let (format, path) = match (section.get("tensorboard"), section.get("csv")) {
        (Some(path), None) => (MetricsFormat::Tensorboard, path),
        (None, Some(path)) => (MetricsFormat::Csv { step: section.read("step", filled_text) }, path),
        (Some(_), Some(_)) => {
            section.complain("csv", Problem::new("stands beside `tensorboard`").hint("write an array with a table for each"));
            return None;
        }
        (None, None) => {
            // A key that is unknown was probably meant to be one of them.
            if section.known {
                node.complain(Problem::new("names no files").hint(EXAMPLE));
            }
            return None;
        }
    };
    check_step(&section, &format);
    Some(MetricsFiles { format, path: path.read(filled_text)?, names })
}

fn check_step(section: &Section, format: &MetricsFormat) {
    if *format == MetricsFormat::Tensorboard && section.get("step").is_some() {
        let problem = Problem::new("belongs to `csv`: an event file has a step for each of its values");
        section.complain("step", problem.hint("remove it"));
    }
}

fn names(node: &Node) -> BTreeMap<String, String> {
    let example = "write `names = { \"val/loss\" = \"val_loss\" }`: left as in the files, right as metrics";
    let mut names = BTreeMap::new();
    if !node.value.is_table() {
        node.complain(wrong(node, "a table of texts").hint(example));
    } else if node.named().is_empty() {
        node.complain(Problem::new("is empty, so no value would be taken").hint("leave it out to take all values"));
    }
    for (name, node) in node.named() {
        let Some(metric) = node.read(filled_text) else { continue };
        if names.values().any(|known| *known == metric) {
            node.complain(Problem::new(format!("two values would be called `{}`", shown(&metric))).hint("rename one"));
        }
        names.insert(name, metric);
    }
    names
}
