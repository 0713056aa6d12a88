//! `warm_start`: the studies that this one starts from.

use super::convert::{filled_text, wrong};
use super::diagnostic::{Diagnostic, nearest, shown};
use super::document::{Node, Problem, Report, Section, quoted};
use crate::warm_start::WarmStartProblem;

/// More would hardly be told apart by what they say.
const MOST: usize = 16;

/// Reads the names; none is allowed twice.
pub(super) fn names(node: &Node) -> Result<Vec<String>, Problem> {
    if let Ok(name) = filled_text(node) {
        return Err(wrong(node, "an array of names").hint(format!("write [{}]", quoted(&name))));
    }
    if !node.value.is_array() {
        return Err(wrong(node, "an array of names").hint("write the names of studies: [\"first\", \"second\"]"));
    }
    let mut names = Vec::new();
    for element in node.elements() {
        match element.read(filled_text) {
            Some(name) if names.contains(&name) => {
                element.complain(Problem::new(format!("`{}` is named twice", shown(&name))).hint("name each study once"));
            }
            Some(name) => names.push(name),
            None => {}
        }
    }
    if names.len() > MOST {
        return Err(Problem::new(format!("names {} studies, and {MOST} are the most", names.len())).hint("keep the best ones"));
    }
    Ok(names)
}

/// Returns the name that was probably meant.
pub(crate) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest(name, known)
}

/// Gives what is wrong with studies to start from its place in the file, which names them.
pub fn place_warm_start(problems: &[WarmStartProblem], text: &str, file: &str) -> Vec<Diagnostic> {
    let report = Report::new(file, text);
    let (table, _) = toml::de::DeTable::parse_recoverable(text);
    let root = Section::root(table.get_ref(), &report);
    let elements =
        root.get("search").and_then(|search| search.child("warm_start")).map(|node| node.elements()).unwrap_or_default();
    for problem in problems {
        let said = Problem::new(problem.message.as_str()).hint(problem.hint.as_str());
        match elements.get(problem.index) {
            Some(element) => element.complain(said),
            None => report.add(0, "search.warm_start", said),
        }
    }
    report.into_diagnostics()
}
