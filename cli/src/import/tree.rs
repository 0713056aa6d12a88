//! Trees of values, as configurations and results of other tools are.

use std::collections::BTreeMap;

use serde_json::Value;

/// What is in a tree, by path; joined by `.`, and also by `/`, as Ray itself has it.
pub fn flat(tree: Option<&Value>) -> BTreeMap<String, Value> {
    fn descend(tree: &Value, path: &[&str], found: &mut BTreeMap<String, Value>) {
        match tree {
            Value::Object(entries) => entries.iter().for_each(|(key, value)| descend(value, &[path, &[key]].concat(), found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                found.insert(path.join("."), tree.clone());
                found.insert(path.join("/"), tree.clone());
            }
        }
    }
    let mut found = BTreeMap::new();
    tree.into_iter().for_each(|tree| descend(tree, &[], &mut found));
    found
}
