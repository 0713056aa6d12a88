//! `hone study set NAME max_trials=200 space.lr.high=1.0 timeout=10m`.

use hone_search::Distribution;
use toml::de::DeValue;

use super::change::{changeable, is_changeable, merge_change, refusal};
use super::convert::{integer, limit_duration, number, size, text};
use super::diagnostic::{nearest, shown};
use super::document::{Node, Problem, joined, quoted, with_value};
use super::{keys, search, space, stop, top, trial};
use crate::spec::StudySpec;

type Done = Result<(), Problem>;

/// One key, and what puts a value there.
struct Setting {
    key: &'static str,
    set: fn(&mut StudySpec, &str) -> Done,
}

static SETTINGS: &[Setting] = &[
    Setting { key: "description", set: |spec, given| put(&mut spec.description, string(given, text)) },
    Setting { key: "priority", set: |spec, given| put(&mut spec.priority, value(given, top::priority)) },
    Setting { key: "weight", set: |spec, given| put(&mut spec.weight, value(given, top::weight)) },
    Setting {
        key: "search.max_trials",
        set: |spec, given| put(&mut spec.search.max_trials, optional(given, |given| value(given, search::max_trials))),
    },
    Setting {
        key: "search.parallel",
        set: |spec, given| put(&mut spec.search.parallel, optional(given, |given| value(given, search::parallel))),
    },
    Setting {
        key: "stop.no_improvement",
        set: |spec, given| put(&mut spec.stop.no_improvement, optional(given, |given| value(given, stop::trials))),
    },
    Setting { key: "stop.min_delta", set: |spec, given| put(&mut spec.stop.min_delta, value(given, stop::from_zero)) },
    Setting {
        key: "stop.regret_bound",
        set: |spec, given| put(&mut spec.stop.regret_bound, optional(given, |given| value(given, stop::positive))),
    },
    Setting { key: "stop.confidence", set: |spec, given| put(&mut spec.stop.confidence, value(given, stop::confidence)) },
    Setting {
        key: "stop.time",
        set: |spec, given| put(&mut spec.stop.time, optional(given, |given| string(given, limit_duration))),
    },
    Setting {
        key: "stop.cost",
        set: |spec, given| put(&mut spec.stop.cost, optional(given, |given| value(given, stop::positive))),
    },
    Setting {
        key: "trial.timeout",
        set: |spec, given| put(&mut spec.trial.timeout, optional(given, |given| string(given, limit_duration))),
    },
    Setting { key: "trial.retries", set: |spec, given| put(&mut spec.trial.retries, value(given, trial::retries)) },
    Setting { key: "trial.crash_limit", set: |spec, given| put(&mut spec.trial.crash_limit, value(given, trial::crash_limit)) },
    Setting { key: "trial.keep.outputs", set: |spec, given| put(&mut spec.trial.keep.outputs, string(given, trial::outputs)) },
    Setting { key: "trial.keep.max", set: |spec, given| put(&mut spec.trial.keep.max_bytes, string(given, size)) },
    Setting { key: "objective.target", set: set_only_target },
];

/// Applies settings of the form `key=value`. Keys of `[search]` and `[trial]` need no table in front; `none` takes a
/// limit away.
///
/// # Errors
/// One sentence for each setting that is wrong or may not change; nothing is applied then.
pub fn apply_settings(spec: &StudySpec, settings: &[String]) -> Result<StudySpec, Vec<String>> {
    let mut changed = spec.clone();
    let mut problems = Vec::new();
    for setting in settings {
        if let Err(problem) = apply(&mut changed, setting) {
            problems.push(problem);
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (merged, _) = merge_change(spec, &changed)?;
    let unsound = unsound_bounds(&merged);
    if unsound.is_empty() { Ok(merged) } else { Err(unsound) }
}

fn apply(spec: &mut StudySpec, setting: &str) -> Result<(), String> {
    let Some((key, given)) = setting.split_once('=') else {
        return Err(format!("`{}` is no setting; write for example `max_trials=200`", shown(setting)));
    };
    let (key, given) = (key.trim(), given.trim());
    let done = match find(key) {
        Some(setting) => (setting.set)(spec, given),
        None => set_named(spec, key, given).ok_or_else(|| unknown(key))?,
    };
    done.map_err(|problem| sentence(&shown(key), &problem))
}

fn sentence(key: &str, problem: &Problem) -> String {
    let hint = problem.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{key}: {}{hint}", problem.message)
}

fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key || short(setting.key) == key)
}

fn short(key: &'static str) -> &'static str {
    key.split_once('.').map_or(key, |(_, rest)| rest)
}

/// `space.NAME.low`, `space.NAME.high` and `objective.METRIC.target`; names may hold dots. `None`: another key.
fn set_named(spec: &mut StudySpec, key: &str, given: &str) -> Option<Done> {
    if let Some(metric) = key.strip_prefix("objective.").and_then(|rest| rest.strip_suffix(".target")) {
        return Some(set_target(spec, metric, given));
    }
    let rest = key.strip_prefix("space.")?;
    let (name, high) = match (rest.strip_suffix(".low"), rest.strip_suffix(".high")) {
        (Some(name), _) => (name, false),
        (None, Some(name)) => (name, true),
        (None, None) => return None,
    };
    Some(set_bound(spec, name, high, given))
}

fn set_bound(spec: &mut StudySpec, name: &str, upper: bool, given: &str) -> Done {
    let Some(at) = spec.space.index_of(name) else {
        let names = spec.space.parameters.iter().map(|parameter| parameter.name.as_str());
        let near = nearest(name, names).map(|near| format!("did you mean `{}`?", shown(near)));
        let hint = near.unwrap_or_else(|| "`hone study show` lists the parameters".to_owned());
        return Err(Problem::new(format!("`{}` is no parameter", shown(name))).hint(hint));
    };
    match &mut spec.space.parameters[at].distribution {
        Distribution::Float { low, high, .. } => put(if upper { high } else { low }, value(given, number)),
        Distribution::Int { low, high, .. } => {
            let any = |node: &Node| integer(node, &(i64::MIN..=i64::MAX));
            put(if upper { high } else { low }, value(given, any))
        }
        Distribution::Categorical { .. } => {
            Err(Problem::new(format!("`{}` has options, not bounds", shown(name))).hint("options cannot change"))
        }
    }
}

fn set_only_target(spec: &mut StudySpec, given: &str) -> Done {
    match spec.objectives.as_mut_slice() {
        [only] => put(&mut only.target, optional(given, |given| value(given, number))),
        _ => Err(Problem::new("the study has several objectives").hint("write `objective.METRIC.target`")),
    }
}

fn set_target(spec: &mut StudySpec, metric: &str, given: &str) -> Done {
    match spec.objectives.iter_mut().find(|objective| objective.metric == metric) {
        Some(objective) => put(&mut objective.target, optional(given, |given| value(given, number))),
        None => Err(Problem::new(format!("`{}` is no objective", shown(metric)))),
    }
}

/// Bounds may be wider and still be impossible, for instance a logarithm of zero.
fn unsound_bounds(spec: &StudySpec) -> Vec<String> {
    let mut problems = Vec::new();
    for parameter in &spec.space.parameters {
        let key = joined("space", &parameter.name);
        problems.extend(space::check_alone(parameter).iter().map(|problem| sentence(&key, problem)));
    }
    problems
}

fn unknown(key: &str) -> String {
    let known = keys::TABLES.iter().any(|table| table.keys.iter().any(|name| key == *name || is_in(key, name)));
    if known && !is_changeable(key) {
        return refusal(&shown(key));
    }
    let names = SETTINGS.iter().flat_map(|setting| [short(setting.key), setting.key]);
    let guess = nearest(key, names).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    format!("`{}` is no setting; {guess}there are {}", shown(key), changeable())
}

fn is_in(key: &str, name: &str) -> bool {
    key.rsplit_once('.').is_some_and(|(_, last)| last == name)
}

fn put<T>(place: &mut T, value: Result<T, Problem>) -> Done {
    value.map(|value| *place = value)
}

fn optional<T>(given: &str, convert: impl Fn(&str) -> Result<T, Problem>) -> Result<Option<T>, Problem> {
    if given == "none" { Ok(None) } else { convert(given).map(Some) }
}

/// Reads a value that a file would hold in quotes.
fn string<T>(given: &str, convert: impl Fn(&Node) -> Result<T, Problem>) -> Result<T, Problem> {
    with_value(&quoted(given), |node| convert(node)).unwrap_or_else(|| Err(no_value(given)))
}

/// Reads a number as a file would hold it; other text is shown as such.
fn value<T>(given: &str, convert: impl Fn(&Node) -> Result<T, Problem>) -> Result<T, Problem> {
    let is_number = matches!(DeValue::parse(given), Ok(value) if value.get_ref().is_integer() || value.get_ref().is_float());
    let written = if is_number { given.to_owned() } else { quoted(given) };
    with_value(&written, |node| convert(node)).unwrap_or_else(|| Err(no_value(given)))
}

fn no_value(given: &str) -> Problem {
    Problem::new(format!("`{}` is no value", shown(given)))
}
