//! `datasets` of `[trial]`: which versions trials are given, and what they call them.

use std::collections::BTreeMap;

use super::convert::{filled_text, wrong};
use super::diagnostic::{Diagnostic, shown};
use super::document::{Node, Problem, Report, Section};
use crate::dataset::{DatasetReject, is_dataset_name, split_reference};

const EXAMPLE: &str = "write `datasets = [\"digits@2\"]`, or `datasets = { train = \"digits@2\" }` to give it another name";

/// Reads an array of versions, or a table of names and versions. What is wrong is noted and left out.
pub(super) fn read(node: &Node) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if node.value.is_array() {
        for element in node.elements() {
            let Some(given) = element.read(version) else { continue };
            let name = split_reference(&given).0.to_owned();
            add(&mut all, &element, name, given);
        }
    } else if node.value.is_table() {
        for (name, node) in node.named() {
            let Some(given) = node.read(version) else { continue };
            add(&mut all, &node, name, given);
        }
    } else {
        node.complain(wrong(node, "an array of datasets").hint(EXAMPLE));
    }
    all
}

fn version(node: &Node) -> Result<String, Problem> {
    let given = filled_text(node).map_err(|problem| problem.hint(EXAMPLE))?;
    let name = split_reference(&given).0;
    if is_dataset_name(name) {
        return Ok(given);
    }
    Err(Problem::new(format!("`{}` names no dataset", shown(&given))).hint("write a name, or a name and a version: `digits@2`"))
}

fn add(all: &mut BTreeMap<String, String>, node: &Node, name: String, given: String) {
    if !is_dataset_name(&name) {
        let message = format!("`{}` is no name for a dataset", shown(&name));
        return node.complain(Problem::new(message).hint("a name has letters, digits, `.`, `_` and `-`"));
    }
    let variable = variable_of(&name);
    match all.keys().find(|known| variable_of(known) == variable) {
        Some(known) if *known == name => {
            let hint = format!("give one another name: `datasets = {{ {name} = \"…\", other = \"…\" }}`");
            node.complain(Problem::new(format!("`{name}` is there twice")).hint(hint));
        }
        Some(known) => {
            node.complain(Problem::new(format!("`{known}` and `{name}` would both be `{variable}`")).hint("rename one"));
        }
        None => drop(all.insert(name, given)),
    }
}

/// The variable in which a trial finds a dataset.
fn variable_of(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("HONE_DATASET_{}", name.chars().map(letter).collect::<String>())
}

/// Gives what is wrong with datasets, by the names that trials have for them, its place in the file.
pub fn place_datasets(problems: &[(String, DatasetReject)], text: &str, file: &str) -> Vec<Diagnostic> {
    let report = Report::new(file, text);
    let (table, _) = toml::de::DeTable::parse_recoverable(text);
    let root = Section::root(table.get_ref(), &report);
    let node = root.get("trial").and_then(|trial| trial.child("datasets"));
    for (name, reject) in problems {
        let said = Problem::new(reject.to_string()).hint(hint(reject));
        let named = |node: &Node| node.value.as_str().is_some_and(|given| split_reference(given).0 == *name);
        let place = node.as_ref().and_then(|node| node.child(name).or_else(|| node.elements().into_iter().find(named)));
        match place {
            Some(place) => place.complain(said),
            None => report.add(0, "trial.datasets", said),
        }
    }
    report.into_diagnostics()
}

fn hint(reject: &DatasetReject) -> String {
    match reject {
        DatasetReject::NoSuchDataset { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
        DatasetReject::NoSuchVersion { name, .. } => format!("`hone dataset ls {name}` lists its versions"),
        _ => "`hone dataset ls` lists them, `hone dataset add NAME PATH` makes one".to_owned(),
    }
}
