//! Turns single values of the file into typed ones.

use std::ops::RangeInclusive;

use hone_search::Value;
use toml::de::{DeInteger, DeValue};

use super::diagnostic::{listed, nearest, shown};
use super::document::{Node, Problem, quoted};
use super::units;
use crate::ids::Micros;

type Converted<T> = Result<T, Problem>;

/// Any text.
pub(super) fn text(node: &Node) -> Converted<String> {
    match node.value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            let hint = format!("write it in quotes: {}", quoted(&plain(node.value)));
            Err(wrong(node, "text").hint(hint))
        }
        DeValue::Array(_) | DeValue::Table(_) => Err(wrong(node, "text")),
    }
}

/// Text that is not empty.
pub(super) fn filled_text(node: &Node) -> Converted<String> {
    let text = text(node)?;
    if text.is_empty() { Err(Problem::new("is empty")) } else { Ok(text) }
}

/// An array of texts. A single text is the most frequent mistake.
pub(super) fn arguments(node: &Node) -> Converted<Vec<String>> {
    if let DeValue::String(line) = node.value {
        let words: Vec<String> = line.split_whitespace().map(quoted).collect();
        let hint = format!("no shell reads it; write one text per argument: [{}]", words.join(", "));
        return Err(wrong(node, "an array of texts").hint(hint));
    }
    if !node.value.is_array() {
        return Err(wrong(node, "an array of texts"));
    }
    // What is wrong with an element is noted there.
    Ok(node.elements().iter().filter_map(|element| element.read(text)).collect())
}

/// A whole number within `range`.
pub(super) fn integer(node: &Node, range: &RangeInclusive<i64>) -> Converted<i64> {
    let DeValue::Integer(given) = node.value else {
        return Err(wrong(node, "a whole number"));
    };
    let number = whole(given).filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (low, high) = (range.start(), range.end());
        Problem::new(format!("`{}` is not within {low} and {high}", shown(&given.to_string())))
    })
}

/// A whole number within `range`, which lies within 0 and 2^32 - 1.
pub(super) fn count(node: &Node, range: &RangeInclusive<i64>) -> Converted<u32> {
    let number = integer(node, range)?;
    u32::try_from(number).map_err(|_| Problem::new(format!("`{number}` is not within 0 and {}", u32::MAX)))
}

/// A whole number, 0 or more, as far as 64 bits go.
pub(super) fn unsigned(node: &Node) -> Converted<u64> {
    let DeValue::Integer(given) = node.value else {
        return Err(wrong(node, "a whole number"));
    };
    let number = u64::from_str_radix(given.as_str(), given.radix()).ok();
    number.ok_or_else(|| Problem::new(format!("`{}` is not within 0 and {}", shown(&given.to_string()), u64::MAX)))
}

fn whole(given: &DeInteger) -> Option<i64> {
    i64::from_str_radix(given.as_str(), given.radix()).ok()
}

/// A finite number, whole or not.
pub(super) fn number(node: &Node) -> Converted<f64> {
    let number = match node.value {
        DeValue::Integer(given) => whole(given).map(|number| number as f64),
        DeValue::Float(given) => given.as_str().parse().ok(),
        _ => return Err(wrong(node, "a number")),
    };
    number
        .filter(|number| number.is_finite())
        .ok_or_else(|| Problem::new(format!("`{}` is not a finite number", shown(&plain(node.value)))))
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node) -> Converted<bool> {
    node.value.as_bool().ok_or_else(|| wrong(node, "`true` or `false`"))
}

/// A parameter's value: a truth value, a number or text.
pub(super) fn scalar(node: &Node) -> Converted<Value> {
    match node.value {
        DeValue::String(text) => Ok(Value::Str(text.to_string())),
        DeValue::Boolean(given) => Ok(Value::Bool(*given)),
        DeValue::Integer(_) => integer(node, &(i64::MIN..=i64::MAX)).map(Value::Int),
        DeValue::Float(_) => number(node).map(Value::Float),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => Err(wrong(node, "a number, a text, `true` or `false`")),
    }
}

/// A duration such as `90s`.
pub(super) fn duration(node: &Node) -> Converted<Micros> {
    if let DeValue::Integer(given) = node.value {
        let hint = format!("write it with a unit: \"{}s\"", shown(given.as_str()));
        return Err(wrong(node, "a duration").hint(hint));
    }
    let given = text(node).map_err(|_| wrong(node, "a duration such as \"5m\""))?;
    units::parse_duration(&given).map_err(Problem::new)
}

/// A duration that is not zero.
pub(super) fn limit_duration(node: &Node) -> Converted<Micros> {
    match duration(node)? {
        0 => Err(Problem::new("no time at all is left").hint("leave the key out, or allow more than `0s`")),
        micros => Ok(micros),
    }
}

/// A size such as `1GiB`, in bytes.
pub(super) fn size(node: &Node) -> Converted<u64> {
    if let DeValue::Integer(given) = node.value {
        let hint = format!("write it with a unit: \"{}MiB\"", shown(given.as_str()));
        return Err(wrong(node, "a size").hint(hint));
    }
    let given = text(node).map_err(|_| wrong(node, "a size such as \"1GiB\""))?;
    units::parse_size(&given).map_err(Problem::new)
}

/// A number in thousandths, such as `0.5` for 500.
pub(super) fn milli(node: &Node) -> Converted<u32> {
    const MOST: f64 = 100_000.0;
    let given = number(node)?;
    let (milli, shown) = ((given * 1000.0).round(), shown(&plain(node.value)));
    if !(0.0..=MOST).contains(&given) {
        return Err(Problem::new(format!("`{shown}` is not within 0 and {MOST}")));
    }
    if (given * 1000.0 - milli).abs() > 1e-6 {
        return Err(Problem::new(format!("`{shown}` is finer than a thousandth")));
    }
    Ok(milli as u32)
}

/// One of a few names.
pub(super) fn one_of<T: Copy>(node: &Node, names: &[(&str, T)]) -> Converted<T> {
    let given = text(node)?;
    if let Some((_, value)) = names.iter().find(|(name, _)| *name == given) {
        return Ok(*value);
    }
    let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    Err(unknown_name(&given, &names))
}

/// Says that `given` is none of `names`, and which one is near.
pub(super) fn unknown_name(given: &str, names: &[&str]) -> Problem {
    let known = format!("there are {}", listed(names));
    let hint = match nearest(given, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {known}"),
        None => known,
    };
    Problem::new(format!("unknown value `{}`", shown(given))).hint(hint)
}

/// Says that a value has the wrong type.
pub(super) fn wrong(node: &Node, expected: &str) -> Problem {
    Problem::new(format!("expected {expected}, found {}", found(node.value)))
}

fn found(value: &DeValue) -> String {
    let kind = match value {
        DeValue::String(_) => "the text",
        DeValue::Integer(_) => "the whole number",
        DeValue::Float(_) => "the number",
        DeValue::Boolean(_) => "",
        DeValue::Datetime(_) => "the date",
        DeValue::Array(_) => return "an array".to_owned(),
        DeValue::Table(_) => return "a table".to_owned(),
    };
    format!("{kind} `{}`", shown(&plain(value))).trim_start().to_owned()
}

/// Writes a single value as it stands in the file.
fn plain(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(given) => given.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Array(_) | DeValue::Table(_) => String::new(),
    }
}
