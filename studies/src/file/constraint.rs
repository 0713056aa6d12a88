//! `[[constraint]]`: what trials have to keep to.

use super::convert::{filled_text, number, wrong};
use super::document::{Node, Problem, Section};
use super::keys::CONSTRAINT;
use crate::spec::Constraint;

const EXAMPLE: &str = "write `[[constraint]]` with `metric = \"latency_ms\"` and `max = 20`";

/// Reads all `[[constraint]]`, or one `[constraint]`.
pub(super) fn read(root: &Section) -> Vec<Constraint> {
    let Some(node) = root.get("constraint") else { return Vec::new() };
    let nodes = if node.value.is_array() { node.elements() } else { vec![node.clone()] };
    let mut constraints: Vec<Constraint> = Vec::new();
    for node in nodes {
        let Some(constraint) = constraint(&node) else { continue };
        if constraints.iter().any(|earlier| earlier.metric == constraint.metric) {
            let message = format!("metric `{}` has a constraint already", super::diagnostic::shown(&constraint.metric));
            node.complain(Problem::new(message).hint("give both bounds, `min` and `max`, in one"));
        }
        constraints.push(constraint);
    }
    constraints
}

fn constraint(node: &Node) -> Option<Constraint> {
    let Some(section) = node.section(&CONSTRAINT) else {
        node.complain(wrong(node, "a table").hint(EXAMPLE));
        return None;
    };
    let metric = section.require("metric", filled_text, "name the value that trials report");
    let (min, max) = (section.read("min", number), section.read("max", number));
    if section.get("min").is_none() && section.get("max").is_none() {
        node.complain(Problem::new("a constraint needs a bound").hint("add `max`, or `min`, or both"));
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        node.complain(Problem::new(format!("no value is at least {min} and at most {max}")).hint("swap `min` and `max`"));
    }
    Some(Constraint { metric: metric?, min, max })
}
