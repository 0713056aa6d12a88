//! `hone label meter`: what asking for uncertain samples has saved, and whether more labels are worth it.
//!
//! Reads rounds, one a line, oldest first:
//!
//! | Column | Means |
//! |---|---|
//! | `kind` | `active`: the model was trained on all labels; `control`: on those drawn at random alone |
//! | `labels` | how many labels it was trained on |
//! | `accuracy` | the share of a validation split that it got right; with `hits` not needed |
//! | `run` | which run it belongs to, where there are several with different seeds |
//! | `hits` | JSONL: for each item of the validation split whether it got it right; the interval of one run needs it |
//! | `predictions` | JSONL: the class for each item of the split, to see whether models still change their minds |

use std::{collections::BTreeMap, path::Path};

use hone_consensus::meter::{
    Curve, Point,
    gain::{Gain, GainRule, gain},
    saving::{Measured, Repeats, Saving, SavingRule, Target, resample_split, saving},
    stability::{Stability, StabilityRule, StabilityWatch},
};
use serde::Serialize;
use serde_json::Value;

use super::samples::{Row, read, wrong};
use crate::{
    args::{MeterArgs, Shape},
    errors::{Failure, Result},
    output::{json_text, print},
};

/// Resamples of the validation split.
const RESAMPLES: u32 = 1_000;

/// Measures and says it.
///
/// # Errors
/// A file that cannot be read, or rounds that are none, with the line.
pub fn meter(args: &MeterArgs) -> Result<()> {
    let rounds = rounds(&args.file)?;
    let impossible = |error: hone_consensus::ConsensusError| Failure::usage(format!("{}: {error}", args.file.display()));
    let rule = SavingRule { target: args.target.map_or(Target::Equal, Target::Accuracy), ..SavingRule::default() };
    let found = Findings {
        saving: saved(&rounds, rule).map_err(impossible)?,
        gain: gained(&rounds, GainRule { window: args.window, least_per_100: args.least_gain }).map_err(impossible)?,
        stability: stable(&rounds).map_err(impossible)?,
    };
    match args.format.output {
        Shape::Json => print(&json_text(&found)?),
        Shape::Text => print(&found.text()),
    }
}

/// What is known.
#[derive(Debug, Serialize)]
struct Findings {
    saving: Option<Saving>,
    gain: Option<Gain>,
    stability: Option<Stability>,
}

impl Findings {
    fn text(&self) -> String {
        let saving = match &self.saving {
            Some(saving) => saving.reason(),
            None => "not measured: there are no rounds of the kind `control`".to_owned(),
        };
        let mut out = format!("saved        {saving}\n");
        if let Some(gain) = &self.gain {
            out += &format!("accuracy     {}\n", gain.reason());
        }
        if let Some(stability) = &self.stability {
            out += &format!("predictions  {}\n", stability.reason());
        }
        out
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Active,
    Control,
}

/// A model of a round.
#[derive(Debug)]
struct Round {
    kind: Kind,
    run: String,
    labels: u32,
    accuracy: f64,
    hits: Option<Vec<bool>>,
    predictions: Option<Vec<String>>,
}

fn rounds(file: &Path) -> Result<Vec<Round>> {
    let rows = read(file, &|_| true)?;
    rows.into_iter().map(|(line, row)| round(&row).map_err(|why| wrong(file, line, &why))).collect()
}

fn round(row: &Row) -> std::result::Result<Round, String> {
    let kind = match row.get("kind").and_then(Value::as_str) {
        Some("active") => Kind::Active,
        Some("control") => Kind::Control,
        Some(other) => return Err(format!("has the kind `{other}`; there are `active` and `control`")),
        None => return Err("has no `kind`: write `active` or `control`".to_owned()),
    };
    let labels = number(row, "labels")?.filter(|labels| labels.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(labels));
    let labels = labels.ok_or("has no `labels`: write how many the model was trained on")? as u32;
    let hits = list(row, "hits", |hit| match hit {
        Value::Bool(hit) => Some(*hit),
        other => other.as_u64().filter(|hit| *hit < 2).map(|hit| hit == 1),
    })?;
    let share = |hits: &Vec<bool>| hits.iter().filter(|hit| **hit).count() as f64 / hits.len().max(1) as f64;
    let accuracy = number(row, "accuracy")?.or_else(|| hits.as_ref().map(share));
    let predictions = list(row, "predictions", |class| Some(class.as_str().map_or_else(|| class.to_string(), str::to_owned)))?;
    Ok(Round {
        kind,
        run: row.get("run").map(|run| run.as_str().map_or_else(|| run.to_string(), str::to_owned)).unwrap_or_default(),
        labels,
        accuracy: accuracy.ok_or("has neither `accuracy` nor `hits`")?,
        hits,
        predictions,
    })
}

/// A number, which CSV has as text.
fn number(row: &Row, field: &str) -> std::result::Result<Option<f64>, String> {
    let Some(value) = row.get(field) else { return Ok(None) };
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number: &f64| number.is_finite());
    number.map(Some).ok_or_else(|| format!("has a `{field}` that is no number"))
}

fn list<T>(row: &Row, field: &str, of: impl Fn(&Value) -> Option<T>) -> std::result::Result<Option<Vec<T>>, String> {
    let Some(value) = row.get(field) else { return Ok(None) };
    let list = value.as_array().and_then(|list| list.iter().map(of).collect::<Option<Vec<T>>>());
    list.map(Some).ok_or_else(|| format!("has `{field}` that are no list of one entry for each item"))
}

/// `None`: nothing was drawn at random.
fn saved(rounds: &[Round], rule: SavingRule) -> std::result::Result<Option<Saving>, hone_consensus::ConsensusError> {
    let (active, control) = (runs(rounds, Kind::Active), runs(rounds, Kind::Control));
    if active.is_empty() || control.is_empty() {
        return Ok(None);
    }
    let is_one_run = active.len() == 1 && control.len() == 1;
    if let (true, Some(a), Some(c)) = (is_one_run, measured(&active[0]), measured(&control[0])) {
        let (active, control) = resample_split(&a, &c, RESAMPLES, rule.seed)?;
        return saving(&active, &control, &SavingRule { repeats: Repeats::Resamples, ..rule }).map(Some);
    }
    let curves = |runs: &[Vec<&Round>]| runs.iter().map(|run| curve(run)).collect::<std::result::Result<Vec<_>, _>>();
    saving(&curves(&active)?, &curves(&control)?, &rule).map(Some)
}

/// The rounds of a kind by their runs, each in the order of its lines.
fn runs(rounds: &[Round], kind: Kind) -> Vec<Vec<&Round>> {
    let mut runs: BTreeMap<&str, Vec<&Round>> = BTreeMap::new();
    for round in rounds.iter().filter(|round| round.kind == kind) {
        runs.entry(&round.run).or_default().push(round);
    }
    runs.into_values().collect()
}

fn measured(run: &[&Round]) -> Option<Vec<Measured>> {
    run.iter().map(|round| Some(Measured { labels: round.labels, hits: round.hits.clone()? })).collect()
}

fn curve(run: &[&Round]) -> std::result::Result<Curve, hone_consensus::ConsensusError> {
    Curve::new(run.iter().map(|round| Point { labels: f64::from(round.labels), accuracy: round.accuracy }).collect())
}

/// Of the last run that was trained on all labels.
fn gained(rounds: &[Round], rule: GainRule) -> std::result::Result<Option<Gain>, hone_consensus::ConsensusError> {
    let active = runs(rounds, Kind::Active);
    active.last().map(|run| gain(&curve(run)?, &rule)).transpose()
}

/// `None`: no round has predictions.
fn stable(rounds: &[Round]) -> std::result::Result<Option<Stability>, hone_consensus::ConsensusError> {
    let active = runs(rounds, Kind::Active);
    let predictions: Vec<&Vec<String>> =
        active.last().into_iter().flatten().filter_map(|round| round.predictions.as_ref()).collect();
    let mut classes: Vec<&str> = predictions.iter().flat_map(|list| list.iter().map(String::as_str)).collect();
    classes.sort_unstable();
    classes.dedup();
    if predictions.is_empty() {
        return Ok(None);
    }
    let mut watch = StabilityWatch::new(StabilityRule::default(), (classes.len() as u32).max(2))?;
    for list in predictions {
        let place = |class: &String| classes.binary_search(&class.as_str()).map_or(0, |at| at as u32);
        watch.record(list.iter().map(place).collect())?;
    }
    Ok(Some(watch.stability()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(name: &str, text: &str) -> Result<Findings> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(name);
        fs::write(&file, text).expect("written");
        let rounds = rounds(&file)?;
        Ok(Findings {
            saving: saved(&rounds, SavingRule::default()).expect("a saving"),
            gain: gained(&rounds, GainRule::default()).expect("a gain"),
            stability: stable(&rounds).expect("a stability"),
        })
    }

    /// A round of a model that gets the first items of a hundred right.
    fn line(kind: &str, labels: u32, right: usize) -> String {
        let hits: Vec<bool> = (0..100).map(|item| item < right).collect();
        format!("{{\"kind\": \"{kind}\", \"labels\": {labels}, \"hits\": {hits:?}, \"predictions\": {hits:?}}}\n")
    }

    #[test]
    fn one_run_with_its_hits_is_enough_for_an_interval() {
        let active = [(20, 50), (40, 80), (60, 95), (80, 95), (100, 95), (120, 95)];
        let control = [(20, 50), (60, 60), (120, 70), (300, 95)];
        let text: String = active.iter().map(|(labels, right)| line("active", *labels, *right)).collect();
        let text = text + &control.iter().map(|(labels, right)| line("control", *labels, *right)).collect::<String>();
        let found = found("rounds.jsonl", &text).expect("findings");
        assert!(matches!(found.saving, Some(Saving::Saves(_))), "{found:?}");
        assert!(matches!(found.gain, Some(Gain::Flat { .. })), "{found:?}");
        assert!(matches!(found.stability, Some(Stability::Stable { .. })), "{found:?}");
        assert!(found.text().starts_with("saved        active learning saves labels: 60 labels instead of"), "{}", found.text());
    }

    #[test]
    fn few_control_labels_and_single_runs_say_nothing_yet() {
        let text = "kind,labels,accuracy\nactive,20,0.5\nactive,40,0.8\ncontrol,10,0.5\ncontrol,20,0.6\n";
        let early = found("rounds.csv", text).expect("findings");
        assert!(matches!(early.saving, Some(Saving::TooEarly { .. })), "{early:?}");
        let one = found("rounds.csv", &text.replace("control,20", "control,60")).expect("findings");
        assert!(matches!(one.saving, Some(Saving::TooFewCurves { given: 1, .. })), "{one:?}");
        assert!(matches!(one.gain, Some(Gain::TooEarly { .. })), "{one:?}");
        let none = found("rounds.csv", "kind,labels,accuracy\nactive,20,0.5\n").expect("findings");
        assert!(none.saving.is_none() && none.stability.is_none());
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let message = |text: &str| found("rounds.jsonl", text).expect_err("a mistake").to_string();
        let good = "{\"kind\": \"active\", \"labels\": 20, \"accuracy\": 0.5}\n";
        let told = message(&format!("{good}{{\"kind\": \"passive\", \"labels\": 20, \"accuracy\": 0.5}}\n"));
        assert!(told.contains(":2:") && told.contains("`passive`"), "{told}");
        let told = message("{\"kind\": \"active\", \"labels\": 20}\n");
        assert!(told.contains("neither `accuracy` nor `hits`"), "{told}");
        let told = message("{\"kind\": \"active\", \"labels\": 2.5, \"accuracy\": 1}\n");
        assert!(told.contains("`labels`"), "{told}");
    }
}
