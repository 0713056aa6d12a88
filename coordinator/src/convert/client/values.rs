//! Parameters as a person types them, read by what each parameter may be.

use std::collections::{BTreeMap, HashMap};

use hone_search::{Distribution, Parameter, Space, Value};

use super::nearest;

/// A parameter that cannot be used as it was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}`: {problem}")]
pub struct ValueProblem {
    /// The name as it was given.
    pub name: String,
    /// What is wrong.
    pub problem: String,
    /// The way out, where there is one to tell.
    pub hint: Option<String>,
}

/// Reads the values of some parameters of a space.
///
/// # Errors
/// Every problem, in order of the names.
pub fn values_from_strings(space: &Space, given: &HashMap<String, String>) -> Result<BTreeMap<String, Value>, Vec<ValueProblem>> {
    let sorted: BTreeMap<&String, &String> = given.iter().collect();
    let (mut values, mut problems) = (BTreeMap::new(), Vec::new());
    for (name, text) in sorted {
        match value(space, name, text) {
            Ok(value) => drop(values.insert(name.clone(), value)),
            Err((problem, hint)) => problems.push(ValueProblem { name: name.clone(), problem, hint }),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

type Problem = (String, Option<String>);

fn value(space: &Space, name: &str, text: &str) -> Result<Value, Problem> {
    let Some(at) = space.index_of(name) else {
        return Err(("the study has no such parameter".to_owned(), Some(known(space, name))));
    };
    let Parameter { distribution, .. } = &space.parameters[at];
    let internal = distribution.to_internal(&parse(distribution, text)).map_err(|error| (error.to_string(), None))?;
    Ok(distribution.to_external(internal))
}

fn known(space: &Space, name: &str) -> String {
    let names = || space.parameters.iter().map(|parameter| parameter.name.as_str());
    match nearest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// A choice is taken as it is written; otherwise what looks like a number is one. What fits nowhere stays text, and
/// the distribution says what is wrong with it.
pub(super) fn parse(distribution: &Distribution, text: &str) -> Value {
    if let Distribution::Categorical { choices } = distribution
        && let Some(choice) = choices.iter().find(|choice| choice.to_string() == text)
    {
        return choice.clone();
    }
    let int = || text.parse().map(Value::Int);
    let float = || text.parse().map(Value::Float);
    let bool = || text.parse().map(Value::Bool);
    int().or_else(|_| float()).or_else(|_| bool()).unwrap_or_else(|_| Value::Str(text.to_owned()))
}
