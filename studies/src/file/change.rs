//! What of a study may still change once it exists.

use hone_search::{Distribution, Parameter, SamplerConfig, Space};

use super::diagnostic::{listed, shown};
use super::document::joined;
use super::resolved::{self, parameter_text};
use crate::spec::StudySpec;

const WAY_OUT: &str = "start another study with `--fork NAME`";

/// Keys that may change at any time, beside wider bounds.
const CHANGEABLE: &[&str] = &[
    "description",
    "priority",
    "weight",
    "search.max_trials",
    "search.parallel",
    "stop.no_improvement",
    "stop.min_delta",
    "stop.regret_bound",
    "stop.confidence",
    "stop.time",
    "stop.cost",
    "trial.timeout",
    "trial.retries",
    "trial.crash_limit",
    "trial.keep.outputs",
    "trial.keep.max",
];

/// Says whether a key, such as `trial.timeout` or `objective[1].target`, may change.
pub(super) fn is_changeable(key: &str) -> bool {
    CHANGEABLE.contains(&key) || (key.starts_with("objective") && key.ends_with(".target"))
}

/// Words the refusal to change a key.
pub(super) fn refusal(key: &str) -> String {
    format!("{key}: cannot change in a study that exists; {WAY_OUT}")
}

/// Applies an edited study to an existing one: returns the study as it is from now on, with the changes in words.
///
/// The order of parameters stays that of `old`, because finished trials refer to it.
///
/// # Errors
/// One sentence for each key that may not change; nothing is applied then.
pub fn merge_change(old: &StudySpec, new: &StudySpec) -> Result<(StudySpec, Vec<String>), Vec<String>> {
    let mut words = Words::default();
    compare_settings(old, new, &mut words);
    let space = merge_space(old, new, &mut words);
    if old.enqueue != new.enqueue {
        let hint = "add trials with `hone trial enqueue`";
        words.refused.push(format!("enqueue: what is tried first cannot change in a study that exists; {hint}"));
    }
    if words.refused.is_empty() { Ok((StudySpec { space, ..new.clone() }, words.changes)) } else { Err(words.refused) }
}

#[derive(Default)]
struct Words {
    changes: Vec<String>,
    refused: Vec<String>,
}

impl Words {
    fn note(&mut self, key: &str, old: Option<&str>, new: Option<&str>) {
        let (old, new) = (shown(old.unwrap_or("unset")), shown(new.unwrap_or("unset")));
        if is_changeable(key) {
            self.changes.push(format!("{key}: {old} becomes {new}"));
        } else {
            self.refused.push(format!("{key}: {old} cannot become {new} in a study that exists; {WAY_OUT}"));
        }
    }

    fn refuse(&mut self, key: &str, why: &str) {
        self.refused.push(format!("{key}: {why}; {WAY_OUT}"));
    }
}

fn compare_settings(old: &StudySpec, new: &StudySpec, words: &mut Words) {
    let (counts, differ) = ((old.objectives.len(), new.objectives.len()), old.objectives.len() != new.objectives.len());
    if differ {
        words.refuse("objective", &format!("{} objectives cannot become {}", counts.0, counts.1));
    }
    let (old, new) = (flat(old), flat(new));
    let added = new.iter().filter(|(key, _)| value_of(&old, key).is_none());
    for (key, _) in old.iter().chain(added) {
        let (before, after) = (value_of(&old, key), value_of(&new, key));
        if before != after && !(differ && key.starts_with("objective")) {
            words.note(key, before, after);
        }
    }
}

fn flat(spec: &StudySpec) -> Vec<(String, String)> {
    resolved::settings(spec).into_iter().flat_map(resolved::Block::flat).collect()
}

fn value_of<'a>(entries: &'a [(String, String)], key: &str) -> Option<&'a str> {
    entries.iter().find(|(other, _)| other == key).map(|(_, value)| value.as_str())
}

/// Compares the spaces by name, and returns the new bounds in the old order.
fn merge_space(old: &StudySpec, new: &StudySpec, words: &mut Words) -> Space {
    let mut merged = old.space.clone();
    for parameter in &mut merged.parameters {
        let key = joined("space", &parameter.name);
        match new.space.parameters.iter().find(|other| other.name == parameter.name) {
            None => words.refuse(&key, "a parameter cannot be removed from a study that exists"),
            Some(other) => widen(&key, parameter, other, &old.search.sampler, words),
        }
    }
    let is_new = |parameter: &&Parameter| old.space.index_of(&parameter.name).is_none();
    for parameter in new.space.parameters.iter().filter(is_new) {
        let key = joined("space", &parameter.name);
        words.refuse(&key, "a parameter cannot be added to a study that exists");
    }
    merged
}

fn widen(key: &str, old: &mut Parameter, new: &Parameter, sampler: &SamplerConfig, words: &mut Words) {
    let same_conditions = old.when.len() == new.when.len() && old.when.iter().all(|condition| new.when.contains(condition));
    if same_conditions && old.distribution == new.distribution {
        return;
    }
    let (before, after) = (parameter_text(old), parameter_text(new));
    let wider = same_conditions && contains(&new.distribution, &old.distribution);
    if wider && *sampler == SamplerConfig::Grid {
        return words.refuse(key, "the bounds of a grid are fixed, because they give each trial its point");
    }
    if wider {
        words.changes.push(format!("{key}: {before} becomes {after}"));
        old.distribution = new.distribution.clone();
    } else {
        words.refuse(key, &format!("{before} cannot become {after} in a study that exists: bounds only widen"));
    }
}

/// Says whether every value of `inner` is one of `outer`, which differs in its bounds only.
fn contains(outer: &Distribution, inner: &Distribution) -> bool {
    use Distribution::{Categorical, Float, Int};
    match (outer, inner) {
        (Float { low, high, log, step }, Float { low: l, high: h, log: g, step: s }) => {
            let on_steps = step.is_none_or(|step| is_multiple(l - low, step));
            low <= l && high >= h && log == g && step == s && on_steps
        }
        (Int { low, high, log, step }, Int { low: l, high: h, log: g, step: s }) => {
            let on_steps = (i128::from(*l) - i128::from(*low)) % i128::from((*step).max(1)) == 0;
            low <= l && high >= h && log == g && step == s && on_steps
        }
        (Float { .. } | Int { .. } | Categorical { .. }, Float { .. } | Int { .. } | Categorical { .. }) => false,
    }
}

fn is_multiple(distance: f64, step: f64) -> bool {
    let ratio = distance / step;
    (ratio - ratio.round()).abs() <= 1e-9 * ratio.abs().max(1.0)
}

/// Names the keys that may change, for hints.
pub(super) fn changeable() -> String {
    let mut keys: Vec<&str> = CHANGEABLE.to_vec();
    keys.extend(["objective.target", "space.NAME.low", "space.NAME.high"]);
    listed(&keys)
}
