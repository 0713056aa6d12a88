//! `[[enqueue]]`: parameters to try first.

use std::collections::BTreeMap;

use hone_search::{Parameter, Value};

use super::convert::{scalar, wrong};
use super::diagnostic::{listed, shown};
use super::document::{Node, Problem, Section, key_text};
use super::resolved::parameter_text;
use super::space::{Found, ReadSpace};

type Entry = BTreeMap<String, Value>;

const EXAMPLE: &str = "write `[[enqueue]]` and below it `learning_rate = 0.01`";

/// Reads the entries and checks their values against the space.
pub(super) fn read(root: &Section, space: &ReadSpace) -> Vec<Entry> {
    let Some(node) = root.get("enqueue") else { return Vec::new() };
    if !node.value.is_array() {
        node.complain(wrong(&node, "an array of tables").hint(EXAMPLE));
    }
    node.elements().iter().map(|node| entry(node, space)).collect()
}

fn entry(node: &Node, space: &ReadSpace) -> Entry {
    if !node.value.is_table() {
        node.complain(wrong(node, "a table").hint(EXAMPLE));
        return Entry::new();
    }
    let named = node.named();
    if named.is_empty() {
        node.complain(Problem::new("gives no parameter").hint(EXAMPLE));
    }
    let mut entry = Entry::new();
    for (name, node) in &named {
        if let Some(value) = node.read(|node| value(name, node, space)).flatten() {
            entry.insert(name.clone(), value);
        }
    }
    for (name, node) in &named {
        if let Found::Parameter(parameter) = space.find(name) {
            check_conditions(parameter, node, &entry, space);
        }
    }
    entry
}

/// `None`: the parameter itself is broken, which has been noted.
fn value(name: &str, node: &Node, space: &ReadSpace) -> Result<Option<Value>, Problem> {
    let given = scalar(node)?;
    let parameter = match space.find(name) {
        Found::Parameter(parameter) => parameter,
        Found::Broken => return Ok(None),
        Found::Nothing => {
            return Err(Problem::new(format!("`{}` is no parameter", shown(name))).hint(space.hint(name)));
        }
    };
    let internal = parameter.distribution.to_internal(&given);
    let internal = internal
        .map_err(|error| Problem::new(error.to_string()).hint(format!("`[space]` has {}", shown_parameter(parameter))))?;
    Ok(Some(parameter.distribution.to_external(internal)))
}

fn shown_parameter(parameter: &Parameter) -> String {
    shown(&format!("{} = {}", key_text(&parameter.name), parameter_text(parameter)))
}

/// A parameter can only be given together with the values that make it exist.
fn check_conditions(parameter: &Parameter, node: &Node, entry: &Entry, space: &ReadSpace) {
    for condition in &parameter.when {
        if !matches!(space.find(&condition.parameter), Found::Parameter(_)) {
            continue;
        }
        let given = entry.get(&condition.parameter);
        if given.is_some_and(|given| condition.values.iter().any(|value| value.same_as(given))) {
            continue;
        }
        let values: Vec<String> = condition.values.iter().map(Value::to_string).collect();
        let message = format!("exists only while `{}` is {}", shown(&condition.parameter), listed(&values));
        let hint = match given {
            Some(_) => "leave one of the two out of this entry".to_owned(),
            None => format!("give `{}` in this entry too", shown(&condition.parameter)),
        };
        node.complain(Problem::new(message).hint(hint));
    }
}
