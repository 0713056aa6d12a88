//! Studies for people.

use hone_proto::v1;
use hone_studies::{StudySpec, file::spec_to_toml};

use super::{
    Cell, Column, Listing,
    trials::{params_text, values_text},
    values::{local_time, visible},
};

/// Lists studies.
pub fn studies_listing(studies: &[v1::Study]) -> Listing {
    let columns = [
        ("id", "ID"),
        ("name", "NAME"),
        ("state", "STATE"),
        ("counted", "DONE"),
        ("max_trials", "OF"),
        ("running", "RUNNING"),
        ("failed", "FAILED"),
        ("objective", "OBJECTIVE"),
        ("best_trial", "BEST TRIAL"),
        ("best_value", "BEST VALUE"),
        ("created", "CREATED"),
    ];
    let columns = columns.map(|(name, title)| Column::new(name, title)).to_vec();
    let mut listing = Listing::new(columns, "no studies; `hone run DIRECTORY` starts one");
    for study in studies {
        listing.push(row(study));
    }
    listing
}

fn row(study: &v1::Study) -> Vec<Cell> {
    let counts = study.counts.unwrap_or_default();
    let metrics: Vec<&str> = study.objectives.iter().map(|objective| objective.metric.as_str()).collect();
    let best = study.best.as_ref();
    vec![
        Cell::Whole(study.id),
        Cell::Text(study.name.clone()),
        Cell::State(study.state.clone()),
        Cell::Whole(counts.counted),
        if study.max_trials > 0 { Cell::Whole(study.max_trials) } else { Cell::Nothing },
        Cell::Whole(counts.running),
        Cell::Whole(counts.failed),
        Cell::Text(metrics.join(", ")),
        best.map_or(Cell::Nothing, |trial| Cell::Whole(trial.number)),
        best.and_then(|trial| trial.values.first()).map_or(Cell::Nothing, |value| Cell::Number(*value)),
        Cell::Time(study.created_us),
    ]
}

/// Says how far a study is: `12 of 60 trials: 9 complete, 2 pruned, 1 failed; 2 running`.
pub fn counts_text(study: &v1::Study) -> String {
    let counts = study.counts.unwrap_or_default();
    let limit = if study.max_trials > 0 { format!(" of {}", study.max_trials) } else { String::new() };
    let ended = joined(&[
        (counts.complete, "complete"),
        (counts.pruned, "pruned"),
        (counts.failed, "failed"),
        (counts.cancelled, "cancelled"),
    ]);
    let open = joined(&[(counts.running, "running"), (counts.waiting, "waiting"), (counts.paused, "paused")]);
    let ended = if ended.is_empty() { ended } else { format!(": {ended}") };
    let open = if open.is_empty() { open } else { format!("; {open}") };
    let imported = if counts.imported > 0 { format!("; {} imported", counts.imported) } else { String::new() };
    format!("{}{limit} trials{ended}{open}{imported}", counts.counted)
}

fn joined(parts: &[(u64, &str)]) -> String {
    let shown: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    shown.join(", ")
}

/// Describes one study in lines.
pub fn study_text(study: &v1::Study) -> String {
    let mut out = format!("{}  (study {})\n", visible(&study.name), study.id);
    if !study.description.is_empty() {
        out += &format!("{}\n", visible(&study.description));
    }
    out += "\n";
    for (key, value) in facts(study) {
        out += &format!("{key:<11}{value}\n");
    }
    if let Some(best) = &study.best {
        out += &format!("best       trial {}: {}\n", best.number, values_text(best, &study.objectives));
        out += &indented(&params_text(best));
    }
    if let Ok(spec) = serde_json::from_str::<StudySpec>(&study.spec_json) {
        out += "space\n";
        out += &indented(&space_lines(&spec));
    }
    out
}

fn facts(study: &v1::Study) -> Vec<(&'static str, String)> {
    let reason = if study.reason.is_empty() { String::new() } else { format!(": {}", visible(&study.reason)) };
    let objectives = study.objectives.iter().map(|o| format!("{} {}", o.direction, visible(&o.metric)));
    let mut facts = vec![
        ("state", format!("{}{reason}", study.state)),
        ("objective", objectives.collect::<Vec<_>>().join(", ")),
        ("trials", counts_text(study)),
    ];
    if study.parallel > 0 {
        facts.push(("parallel", study.parallel.to_string()));
    }
    if study.priority != 0 {
        facts.push(("priority", study.priority.to_string()));
    }
    if !study.warm_start.is_empty() {
        facts.push(("warm start", warm_start_text(&study.warm_start)));
    }
    facts.extend(study.datasets.iter().map(|used| ("dataset", dataset_text(used))));
    if study.driver == "clients" {
        facts.push(("driven by", "clients that ask and tell; workers never run its trials".to_owned()));
    }
    facts.push(("created", local_time(study.created_us)));
    if study.finished_us != 0 {
        facts.push(("finished", local_time(study.finished_us)));
    }
    facts
}

/// Says which version trials are given, and whether it was marked since: `train: labels@1, with 2 marks; …`.
fn dataset_text(used: &v1::StudyDataset) -> String {
    let version = visible(&used.version);
    let alias =
        if used.version.split('@').next() == Some(&used.alias) { String::new() } else { format!("{}: ", visible(&used.alias)) };
    match used.marks {
        0 => format!("{alias}{version}"),
        marks => format!(
            "{alias}{version}, with {marks} mark{} since: models made of it may be wrong (`hone dataset show {version}`)",
            if marks == 1 { "" } else { "s" }
        ),
    }
}

/// Says whose trials the sampler started from: `first (40 of 52 trials), second (9 trials)`.
fn warm_start_text(studies: &[v1::WarmStart]) -> String {
    let text = |from: &v1::WarmStart| {
        let of = if from.taken < from.of { format!(" of {}", from.of) } else { String::new() };
        format!("{} ({}{of} trials)", visible(&from.name), from.taken)
    };
    studies.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Writes the space as it stands in a study file, one parameter a line.
fn space_lines(spec: &StudySpec) -> String {
    let text = spec_to_toml(spec);
    let lines = text.lines().skip_while(|line| *line != "[space]").skip(1);
    lines.take_while(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
