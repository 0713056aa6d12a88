//! One sentence for each finding.

use super::advice::{Advice, Side};
use super::regions::{Region, Where};
use super::remarks::Remark;
use crate::analysis::importance::Interaction;
use crate::space::{Space, Value};

/// Options listed in a sentence before the rest are summed up.
const LISTED: usize = 3;

impl Region {
    /// Says where the good trials lie.
    pub fn sentence(&self, space: &Space) -> String {
        format!("good trials have {} {}", name(space, self.parameter), self.place_in_words(space))
    }

    /// Says it without naming the parameter.
    pub fn place_in_words(&self, space: &Space) -> String {
        match &self.place {
            Where::Range { low, high, share } => {
                let (low, high) = (value(space, self.parameter, *low), value(space, self.parameter, *high));
                format!("from {low} to {high}, {} of its range", percent(*share))
            }
            Where::Options(options) => {
                let share = |option: &super::OptionShare| {
                    let label = value(space, self.parameter, option.option as f64);
                    format!("{label} in {} (of all trials {})", percent(option.of_good), percent(option.of_all))
                };
                let listed: Vec<String> = options.iter().filter(|option| option.of_good > 0.0).take(LISTED).map(share).collect();
                listed.join(", ")
            }
        }
    }
}

impl Advice {
    /// Returns the position of the parameter it is about.
    pub fn parameter(&self) -> usize {
        match self {
            Self::Widen { parameter, .. }
            | Self::Narrow { parameter, .. }
            | Self::Fix { parameter, .. }
            | Self::Drop { parameter, .. } => *parameter,
        }
    }

    /// Says what to change, and why.
    pub fn sentence(&self, space: &Space) -> String {
        let name = name(space, self.parameter());
        match self {
            Self::Widen { parameter, side, crowd, good } => {
                let (word, edge) = match side {
                    Side::Low => ("lower", f64::MIN),
                    Side::High => ("upper", f64::MAX),
                };
                let bound = value(space, *parameter, edge);
                format!("widen {name}: {crowd} of {good} good trials lie at its {word} bound {bound}, the best may lie beyond")
            }
            Self::Narrow { parameter, low, high } => {
                let (low, high) = (value(space, *parameter, *low), value(space, *parameter, *high));
                format!("narrow {name} to {low} … {high}: the good trials lie within")
            }
            Self::Fix { parameter, at } => {
                format!("fix {name}, for instance at the best trial's {}: it hardly matters", value(space, *parameter, *at))
            }
            Self::Drop { parameter, options } => {
                let labels: Vec<String> = options.iter().map(|&option| value(space, *parameter, option as f64)).collect();
                format!("drop {} from {name}: no good trial has it", listed(&labels))
            }
        }
    }
}

impl Interaction {
    /// Says which parameters depend on each other.
    pub fn sentence(&self, space: &Space) -> String {
        let (a, b) = (name(space, self.parameters.0), name(space, self.parameters.1));
        format!("{a} and {b} depend on each other: what is best for one changes with the other ({})", percent(self.strength))
    }
}

impl Remark {
    /// Says what stands out, and what to do about it where that is plain.
    pub fn sentence(&self) -> String {
        match self {
            Self::NothingToJudge => "no trial has finished with a value yet, so there is nothing to explain".to_owned(),
            Self::AllEqual => "all trials have the same value: check what is reported".to_owned(),
            Self::NothingFeasible { complete } => {
                format!("none of {complete} complete trials holds its constraints: relax one, or widen the space")
            }
            Self::FewTrials { judged, enough } => {
                format!("only {judged} trials were judged; importances are uncertain below about {enough}")
            }
            Self::ManyInfeasible { infeasible, complete } => {
                format!("{infeasible} of {complete} complete trials violate a constraint")
            }
            Self::ManyFailed { failed, finished } => {
                format!("{failed} of {finished} trials failed: look at their logs, and leave out what cannot work")
            }
            Self::Pruned { pruned, finished, is_most: false } => format!("{pruned} of {finished} trials were pruned"),
            Self::Pruned { pruned, finished, is_most: true } => {
                format!("{pruned} of {finished} trials were pruned: few are left to learn from, so let the pruner start later")
            }
            Self::Repeated { repeated, finished } => {
                format!("{repeated} of {finished} trials repeat an earlier point: the space may be nearly exhausted")
            }
            Self::Standstill { since, finished } => {
                format!("nothing better was found in the last {since} of {finished} trials")
            }
        }
    }
}

fn name(space: &Space, parameter: usize) -> String {
    format!("`{}`", space.parameters[parameter].name)
}

fn value(space: &Space, parameter: usize, internal: f64) -> String {
    match space.parameters[parameter].distribution.to_external(internal) {
        Value::Float(number) => short_number(number),
        Value::Int(number) => number.to_string(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Str(text) => format!("`{text}`"),
    }
}

fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent > 0.0 && percent < 1.0 { "under 1 %".to_owned() } else { format!("{percent:.0} %") }
}

fn listed(labels: &[String]) -> String {
    if labels.len() <= LISTED {
        return labels.join(", ");
    }
    format!("{} and {} more", labels[..LISTED].join(", "), labels.len() - LISTED)
}

/// Writes a number with three significant digits, as `0.00123`, `1.2e-7` or `12300`.
pub fn short_number(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return format!("{number}");
    }
    let exponent = libm::floor(libm::log10(number.abs())) as i32;
    if !(-4..=5).contains(&exponent) {
        let text = format!("{number:.2e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", trimmed(digits));
    }
    let decimals = (2 - exponent).max(0) as usize;
    trimmed(&format!("{number:.decimals$}")).to_owned()
}

/// Cuts zeros that say nothing.
fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}
