//! `[objective]`: what is optimised.

use hone_search::Direction;

use super::convert::{filled_text, number, one_of, wrong};
use super::document::{Node, Problem, Section};
use super::keys::OBJECTIVE;
use crate::spec::{Objective, Summary};

const DIRECTIONS: &[(&str, Direction)] = &[("minimize", Direction::Minimize), ("maximize", Direction::Maximize)];
const SUMMARIES: &[(&str, Summary)] = &[("last", Summary::Last), ("best", Summary::Best)];
const EXAMPLE: &str = "write `[objective]` with `metric = \"val_loss\"` and `direction = \"minimize\"`";

/// Reads one `[objective]` or several `[[objective]]`.
pub(super) fn read(root: &Section) -> Vec<Objective> {
    let Some(node) = root.get("objective") else {
        root.complain("objective", Problem::new("the study has no objective").hint(EXAMPLE));
        return Vec::new();
    };
    let nodes = if node.value.is_array() { node.elements() } else { vec![node.clone()] };
    if nodes.is_empty() {
        node.complain(Problem::new("the study has no objective").hint(EXAMPLE));
    }
    let mut objectives: Vec<Objective> = Vec::new();
    for node in nodes {
        let Some(objective) = objective(&node) else { continue };
        if objectives.iter().any(|earlier| earlier.metric == objective.metric) {
            let message = format!("metric `{}` is an objective already", super::diagnostic::shown(&objective.metric));
            node.complain(Problem::new(message).hint("remove one, or name another metric"));
        }
        objectives.push(objective);
    }
    objectives
}

fn objective(node: &Node) -> Option<Objective> {
    let Some(section) = node.section(&OBJECTIVE) else {
        node.complain(wrong(node, "a table").hint(EXAMPLE));
        return None;
    };
    let metric = section.require("metric", filled_text, "name the value that trials report");
    let direction = section.require(
        "direction",
        |node| one_of(node, DIRECTIONS),
        "write `direction = \"minimize\"` or `direction = \"maximize\"`",
    );
    let summary = section.read("summary", |node| one_of(node, SUMMARIES)).unwrap_or_default();
    let target = section.read("target", number);
    Some(Objective { metric: metric?, direction: direction?, summary, target })
}
