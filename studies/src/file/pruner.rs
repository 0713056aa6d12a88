//! `[search] pruner`: which trials are ended early. Both ways: from the file, and back to it.

use std::ops::RangeInclusive;

use hone_search::{Promotion, PrunerConfig, PrunerError};

use super::convert::{count, integer, number, one_of};
use super::document::{Node, Problem, Section, quoted};
use super::keys::{self, Table};
use super::search::{STARTUP_TRIALS, kind};

/// Every step that a double can count to.
const FROM_ZERO: RangeInclusive<i64> = 0..=(1 << 53);
const FROM_ONE: RangeInclusive<i64> = 1..=(1 << 53);
const REDUCTION: RangeInclusive<i64> = 2..=1_000;
const STOPPING_RATE: RangeInclusive<i64> = 0..=100;
const COHORT: RangeInclusive<i64> = 2..=1_000_000;
const BRACKETS: RangeInclusive<i64> = 1..=64;
const PROMOTIONS: &[(&str, Promotion)] = &[("stop", Promotion::Stop), ("resume", Promotion::Resume)];

/// Reads a pruner; what the file does not say keeps its default.
pub(super) fn read(node: &Node) -> PrunerConfig {
    let mut config = kind(node, PrunerConfig::KINDS).and_then(|kind| PrunerConfig::from_kind(&kind)).unwrap_or_default();
    if let Some(section) = node.section(table(&config)) {
        fill(&section, &mut config);
        config.validate().iter().for_each(|error| complain(&section, error));
    }
    config
}

/// Notes a mistake that the ranges of single keys do not show. Defaults make none, and a pruner inside has noted its own.
fn complain(section: &Section, error: &PrunerError) {
    let problem = match error {
        // Ranges have shown these.
        PrunerError::TooSmall { .. } => return,
        PrunerError::NotAllowed { allowed, given, .. } => Problem::new(format!("`{given}` is not {allowed}")),
    };
    if let Some(node) = section.get(error.setting()) {
        node.complain(problem);
    }
}

fn table(config: &PrunerConfig) -> &'static Table {
    match config {
        PrunerConfig::None => &keys::NO_PRUNER,
        PrunerConfig::Median { .. } => &keys::MEDIAN,
        PrunerConfig::Percentile { .. } => &keys::PERCENTILE,
        PrunerConfig::Asha { .. } => &keys::ASHA,
        PrunerConfig::Halving { .. } => &keys::HALVING,
        PrunerConfig::Hyperband { .. } => &keys::HYPERBAND,
        PrunerConfig::Threshold { .. } => &keys::THRESHOLD,
        PrunerConfig::Patience { .. } => &keys::PATIENCE,
        PrunerConfig::Wilcoxon { .. } => &keys::WILCOXON,
        PrunerConfig::LearningCurve { .. } => &keys::LEARNING_CURVE,
    }
}

/// Puts what the file says into `config`.
fn fill(section: &Section, config: &mut PrunerConfig) {
    match config {
        PrunerConfig::None => {}
        PrunerConfig::Median { startup_trials, warmup_steps, interval } => {
            trials(section, startup_trials);
            due(section, warmup_steps, interval);
        }
        PrunerConfig::Percentile { percentile, startup_trials, warmup_steps, interval } => {
            put(percentile, section.read("percentile", number));
            trials(section, startup_trials);
            due(section, warmup_steps, interval);
        }
        PrunerConfig::Asha { min_steps, reduction, max_steps, early_stopping_rate, promotion } => {
            *min_steps = section.read("min_steps", |node| integer(node, &FROM_ONE));
            rungs(section, min_steps.unwrap_or(1), reduction, max_steps);
            put(early_stopping_rate, section.read("early_stopping_rate", |node| count(node, &STOPPING_RATE)));
            put(promotion, section.read("promotion", |node| one_of(node, PROMOTIONS)));
        }
        PrunerConfig::Halving { min_steps, reduction, max_steps, early_stopping_rate, cohort, promotion } => {
            *min_steps = section.read("min_steps", |node| integer(node, &FROM_ONE));
            rungs(section, min_steps.unwrap_or(1), reduction, max_steps);
            put(early_stopping_rate, section.read("early_stopping_rate", |node| count(node, &STOPPING_RATE)));
            put(cohort, section.read("cohort", |node| count(node, &COHORT)));
            put(promotion, section.read("promotion", |node| one_of(node, PROMOTIONS)));
        }
        PrunerConfig::Hyperband { min_steps, reduction, max_steps, brackets, promotion } => {
            put(min_steps, section.read("min_steps", |node| integer(node, &FROM_ONE)));
            rungs(section, *min_steps, reduction, max_steps);
            *brackets = section.read("brackets", |node| count(node, &BRACKETS));
            put(promotion, section.read("promotion", |node| one_of(node, PROMOTIONS)));
        }
        PrunerConfig::Threshold { lower, upper, warmup_steps, interval } => {
            *lower = section.read("lower", number);
            *upper = section.read("upper", number);
            due(section, warmup_steps, interval);
        }
        PrunerConfig::Patience { patience, min_delta, pruner } => {
            put(patience, section.read("patience", |node| integer(node, &FROM_ONE)));
            put(min_delta, section.read("min_delta", number));
            let inside = section.get("pruner").map(|node| read(&node));
            *pruner = inside.filter(|inside| *inside != PrunerConfig::None).map(Box::new);
        }
        PrunerConfig::Wilcoxon { p_threshold, startup_steps } => {
            put(p_threshold, section.read("p_threshold", number));
            put(startup_steps, section.read("startup_steps", |node| count(node, &STARTUP_TRIALS)));
        }
        PrunerConfig::LearningCurve { error_rate, startup_trials, control, min_steps } => {
            put(error_rate, section.read("error_rate", number));
            trials(section, startup_trials);
            put(control, section.read("control", number));
            put(min_steps, section.read("min_steps", |node| integer(node, &FROM_ONE)));
        }
    }
}

fn trials(section: &Section, startup_trials: &mut u32) {
    put(startup_trials, section.read("startup_trials", |node| count(node, &STARTUP_TRIALS)));
}

fn due(section: &Section, warmup_steps: &mut i64, interval: &mut i64) {
    put(warmup_steps, section.read("warmup_steps", |node| integer(node, &FROM_ZERO)));
    put(interval, section.read("interval", |node| integer(node, &FROM_ONE)));
}

fn rungs(section: &Section, min_steps: i64, reduction: &mut u32, max_steps: &mut Option<i64>) {
    put(reduction, section.read("reduction", |node| count(node, &REDUCTION)));
    *max_steps = section.read("max_steps", |node| last_step(node, min_steps));
}

fn put<T>(place: &mut T, given: Option<T>) {
    given.into_iter().for_each(|given| *place = given);
}

fn last_step(node: &Node, min_steps: i64) -> Result<i64, Problem> {
    let last = integer(node, &FROM_ONE)?;
    if last > min_steps {
        return Ok(last);
    }
    let message = format!("`{last}` is not above `min_steps`, {min_steps}, so nothing would ever be pruned");
    Err(Problem::new(message).hint("write the step at which trials end anyway, or leave it out"))
}

/// Writes a pruner as in a file, with every default filled in.
pub(super) fn to_text(config: &PrunerConfig) -> String {
    let settings = settings(config);
    if settings.is_empty() {
        return quoted(config.name());
    }
    let settings: Vec<String> = settings.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ kind = {}, {} }}", quoted(config.name()), settings.join(", "))
}

fn settings(config: &PrunerConfig) -> Vec<(&'static str, String)> {
    match config {
        PrunerConfig::None => Vec::new(),
        PrunerConfig::Median { startup_trials, warmup_steps, interval } => {
            let last = ("startup_trials", startup_trials.to_string());
            [vec![last], due_text(*warmup_steps, *interval)].concat()
        }
        PrunerConfig::Percentile { percentile, startup_trials, warmup_steps, interval } => {
            let first = [("percentile", float(*percentile)), ("startup_trials", startup_trials.to_string())];
            [first.to_vec(), due_text(*warmup_steps, *interval)].concat()
        }
        PrunerConfig::Asha { min_steps, reduction, max_steps, early_stopping_rate, promotion } => {
            let last = [("early_stopping_rate", early_stopping_rate.to_string()), promotion_text(*promotion)];
            [rungs_text(*min_steps, *reduction, *max_steps), last.to_vec()].concat()
        }
        PrunerConfig::Halving { min_steps, reduction, max_steps, early_stopping_rate, cohort, promotion } => {
            let last = [("early_stopping_rate", early_stopping_rate.to_string()), ("cohort", cohort.to_string())];
            let rungs = rungs_text(*min_steps, *reduction, *max_steps);
            [rungs, last.to_vec(), vec![promotion_text(*promotion)]].concat()
        }
        PrunerConfig::Hyperband { min_steps, reduction, max_steps, brackets, promotion } => {
            let last = brackets.map(|brackets| ("brackets", brackets.to_string()));
            let last = last.into_iter().chain([promotion_text(*promotion)]);
            rungs_text(Some(*min_steps), *reduction, *max_steps).into_iter().chain(last).collect()
        }
        PrunerConfig::Threshold { lower, upper, warmup_steps, interval } => {
            let bounds = [lower.map(|lower| ("lower", float(lower))), upper.map(|upper| ("upper", float(upper)))];
            bounds.into_iter().flatten().chain(due_text(*warmup_steps, *interval)).collect()
        }
        PrunerConfig::Patience { patience, min_delta, pruner } => {
            let own = [("patience", patience.to_string()), ("min_delta", float(*min_delta))];
            own.into_iter().chain(pruner.as_deref().map(|inside| ("pruner", to_text(inside)))).collect()
        }
        PrunerConfig::Wilcoxon { p_threshold, startup_steps } => {
            vec![("p_threshold", float(*p_threshold)), ("startup_steps", startup_steps.to_string())]
        }
        PrunerConfig::LearningCurve { error_rate, startup_trials, control, min_steps } => vec![
            ("error_rate", float(*error_rate)),
            ("startup_trials", startup_trials.to_string()),
            ("control", float(*control)),
            ("min_steps", min_steps.to_string()),
        ],
    }
}

fn due_text(warmup_steps: i64, interval: i64) -> Vec<(&'static str, String)> {
    vec![("warmup_steps", warmup_steps.to_string()), ("interval", interval.to_string())]
}

fn rungs_text(min_steps: Option<i64>, reduction: u32, max_steps: Option<i64>) -> Vec<(&'static str, String)> {
    let step = |key, step: Option<i64>| step.map(|step| (key, step.to_string()));
    let reduction = ("reduction", reduction.to_string());
    step("min_steps", min_steps).into_iter().chain([reduction]).chain(step("max_steps", max_steps)).collect()
}

fn promotion_text(promotion: Promotion) -> (&'static str, String) {
    let name = PROMOTIONS.iter().find(|(_, known)| *known == promotion).map_or("stop", |(name, _)| *name);
    ("promotion", quoted(name))
}

/// The shortest text that is read as the same double.
fn float(number: f64) -> String {
    format!("{number:?}")
}
