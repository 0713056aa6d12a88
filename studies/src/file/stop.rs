//! `[stop]`: when a study ends before its budget is used.

use std::ops::RangeInclusive;

use super::convert::{count, filled_text, limit_duration, number, wrong};
use super::diagnostic::shown;
use super::document::{Node, Problem, Section};
use super::keys;
use crate::spec::StopSpec;

const TRIALS: RangeInclusive<i64> = 1..=1_000_000_000;

/// Reads `[stop]`; without it a study ends with its budget, at its target, or by a command.
pub(super) fn read(root: &Section, objectives: usize) -> StopSpec {
    let default = StopSpec::default();
    let Some(node) = root.get("stop") else { return default };
    let Some(section) = node.section(&keys::STOP) else {
        node.complain(wrong(&node, "a table").hint("write `[stop]` with `no_improvement = 50`"));
        return default;
    };
    if let Some(bound) = section.get("regret_bound").filter(|_| objectives > 1) {
        let problem = Problem::new(format!("the estimate is for one objective, and the study has {objectives}"));
        bound.complain(problem.hint("`no_improvement` works with several"));
    }
    needs(&section, "min_delta", "no_improvement");
    needs(&section, "confidence", "regret_bound");
    needs(&section, "cost_metric", "cost");
    StopSpec {
        no_improvement: section.read("no_improvement", trials),
        min_delta: section.read("min_delta", from_zero).unwrap_or(default.min_delta),
        regret_bound: section.read("regret_bound", positive),
        confidence: section.read("confidence", confidence).unwrap_or(default.confidence),
        time: section.read("time", limit_duration),
        cost: section.read("cost", positive),
        cost_metric: section.read("cost_metric", filled_text),
    }
}

/// A key that means nothing without another one.
fn needs(section: &Section, key: &str, other: &str) {
    if let Some(node) = section.get(key).filter(|_| section.get(other).is_none()) {
        node.complain(Problem::new(format!("means nothing without `{other}`")).hint(format!("add `{other}`, or remove it")));
    }
}

pub(super) fn trials(node: &Node) -> Result<u32, Problem> {
    count(node, &TRIALS)
}

pub(super) fn positive(node: &Node) -> Result<f64, Problem> {
    within(node, |given| given > 0.0, "above 0")
}

pub(super) fn from_zero(node: &Node) -> Result<f64, Problem> {
    within(node, |given| given >= 0.0, "0 or more")
}

pub(super) fn confidence(node: &Node) -> Result<f64, Problem> {
    within(node, |given| given > 0.0 && given < 1.0, "above 0 and below 1")
}

fn within(node: &Node, allowed: impl Fn(f64) -> bool, words: &str) -> Result<f64, Problem> {
    let given = number(node)?;
    if allowed(given) { Ok(given) } else { Err(Problem::new(format!("`{}` is not {words}", shown(&given.to_string())))) }
}
