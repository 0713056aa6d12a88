//! `hone label score` and `hone label choose`: which samples of a pool to ask for, by what models predict for them.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hone_data::{
    acquisition::{Acquisition, Noise, Plan, PlanSettings, Refused, SelectError},
    predictions::{
        BatchPlan, Chosen, Classes, Excluded, MAX_KEPT, Prediction, PredictionError, PredictionFile, Problem, Sketch, SketchPlan,
        Wish, committee_sketch, gather,
    },
};
use hone_proto::v1;
use serde_json::{Map, Value, json};

use crate::{
    args::{ChooseArgs, PoolArgs, ScoreArgs},
    connect::Client,
    context::Context,
    errors::{Failure, Kind, Result, chain},
    output::{list_text, print, remark, score_documents, scores_listing},
};

/// Candidates for each sample of a batch.
const CANDIDATES: usize = 10;
/// Candidates and drawn rows at least: enough that a small batch can be diverse too.
const LEAST: usize = 1_000;

/// Rates a pool and lists its best samples.
///
/// # Errors
/// A file that is none of predictions, with the line or row; a function that does not fit.
pub fn score(context: &Context, args: &ScoreArgs) -> Result<()> {
    if args.method.row_wise() != Some(args.method) || args.method == Acquisition::Epig {
        let failure = Failure::usage(format!("`{}` rates sets of samples, not each by itself", args.method));
        return Err(failure.hint(format!("`hone label choose --method {}` chooses with it", args.method)));
    }
    let files = open(&args.pool.files)?;
    let plan = SketchPlan {
        acquisition: args.method,
        noise: noise(&args.pool),
        candidates: kept(args.top, "--top")?,
        sample: 0,
        excluded: excluded(&args.pool)?,
    };
    let begun = Instant::now();
    let sketch = committee_sketch(&files, &plan).map_err(|error| failure(&error))?;
    let took = begun.elapsed();
    let best: Vec<_> = sketch.candidates.iter().map(|best| (best, files[0].place(best.row))).collect();
    print(&list_text(args.format.output, context.look, &score_documents(&best), &scores_listing(&best))?)?;
    remark(&summary(&sketch, took));
    Ok(())
}

/// Chooses a batch and writes it as `hone label ask` reads it.
///
/// # Errors
/// As for [`score`]; a plan that the files lack something for; a file that cannot be written.
pub async fn choose(client: Option<&Client>, args: &ChooseArgs) -> Result<()> {
    let wrong = |error: SelectError| Failure::usage(error.to_string());
    let plan = plan(args).map_err(wrong)?;
    let files = open(&args.pool.files)?;
    let layout = files[0].layout();
    let names = Names::new(layout.classes(), &args.classes)?;
    let mut excluded = excluded(&args.pool)?;
    if let (Some(client), Some(project)) = (client, &args.asked) {
        excluded.extend(asked(client, project).await?);
    }
    let wish = Wish {
        acquisitions: args.method.parts().iter().map(|(acquisition, _)| *acquisition).collect(),
        noise: noise(&args.pool),
        candidates: kept(args.candidates.unwrap_or_else(|| args.count.saturating_mul(CANDIDATES).max(LEAST)), "--candidates")?,
        sample: kept(plan.control_count().max(LEAST), "--count")?,
        excluded,
    };
    let begun = Instant::now();
    let gathered = gather(&files, &wish).map_err(|error| failure(&error))?;
    let batch = hone_data::predictions::choose(&gathered, &plan).map_err(wrong)?;
    let took = begun.elapsed();
    let model = args.model.clone().unwrap_or_else(|| model_name(&args.pool.files));
    write(args.to.as_deref(), &batch.samples, &names, &model)?;
    let control = batch.samples.iter().filter(|chosen| chosen.is_control).count();
    remark(&summary(&gathered.sketches[0], took));
    remark(&format!("{} are chosen, {control} of them at random{}", batch.samples.len(), refused(batch.refused)));
    if batch.samples.len() < args.count {
        remark(&format!("hint: {} were wanted; the pool, the budget or `--candidates` allow no more", args.count));
    }
    Ok(())
}

/// How a batch is chosen, by what was typed.
pub(super) fn settings(args: &ChooseArgs) -> PlanSettings {
    PlanSettings {
        method: args.method.clone(),
        diversity: args.diversity.into(),
        prefilter: args.prefilter,
        space: args.space.into(),
        metric: args.metric.into(),
        near_duplicates: args.near_duplicates,
        class_balanced: args.class_balanced,
        per_cost: args.per_cost,
        budget: args.budget,
        density: args.density,
        beta: args.pool.beta,
        ..PlanSettings::default()
    }
}

fn plan(args: &ChooseArgs) -> std::result::Result<BatchPlan, SelectError> {
    let plan = Plan::new(settings(args))?;
    Ok(BatchPlan { plan, count: args.count, seed: args.pool.seed, control: args.control, round: args.round })
}

/// Says what was passed over, where anything was.
pub(super) fn refused(refused: Refused) -> String {
    let all = [
        (refused.unpredicted, "without a prediction"),
        (refused.duplicates, "with the content of another one"),
        (refused.near_duplicates, "too near to another one"),
        (refused.too_dear, "too dear"),
    ];
    let named = all.into_iter().filter(|(count, _)| *count > 0).map(|(count, why)| format!("; {count} passed over, {why}"));
    named.collect()
}

/// Samples that a label project asks for already, but for those that were withdrawn.
async fn asked(client: &Client, project: &str) -> Result<Excluded> {
    let request = v1::ListLabelsRequest { project: project.to_owned(), ..v1::ListLabelsRequest::default() };
    let mut batches = client.labels().list_labels(request).await?.into_inner();
    let mut all = Excluded::default();
    while let Some(batch) = batches.message().await? {
        let asked = batch.labels.iter().filter(|label| label.state != "withdrawn");
        all.extend(Excluded::of_ids(asked.map(|label| label.sample.as_str())));
    }
    Ok(all)
}

/// How classes are called in labels.
pub(super) enum Names {
    OfFile(Classes),
    Given(Vec<String>),
    None,
}

impl Names {
    pub(super) fn new(classes: Option<&Classes>, given: &[String]) -> Result<Self> {
        match (classes, given) {
            (None, []) => Ok(Self::None),
            (None, _) => Err(Failure::usage("`--classes` names classes, and the files have none")),
            (Some(classes), []) => Ok(Self::OfFile(classes.clone())),
            (Some(Classes::Named(names)), _) => {
                let failure = Failure::usage(format!("the files name the classes themselves: {}", names.join(", ")));
                Err(failure.hint("leave `--classes` out"))
            }
            (Some(classes), given) if given.len() == classes.len() => Ok(Self::Given(given.to_vec())),
            (Some(classes), given) => Err(Failure::usage(format!(
                "`--classes` has {} names, and the files have {} classes",
                given.len(),
                classes.len()
            ))),
        }
    }

    pub(super) fn of(&self, class: usize) -> String {
        match self {
            Self::OfFile(classes) => classes.name(class),
            Self::Given(names) => names[class].clone(),
            Self::None => class.to_string(),
        }
    }
}

/// The files by their names, without folders.
fn model_name(files: &[PathBuf]) -> String {
    let names = files.iter().map(|file| file.file_name().unwrap_or(file.as_os_str()).to_string_lossy());
    let mut names: Vec<_> = names.take(NAMED).collect();
    names.dedup();
    let more = if files.len() > NAMED { ", …" } else { "" };
    names.join(", ") + more
}

/// Writes a batch as JSONL, or as CSV where the file is called so.
pub(super) fn write(to: Option<&Path>, batch: &[Chosen], names: &Names, model: &str) -> Result<()> {
    let is_csv = to.and_then(Path::extension).is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let text = if is_csv { csv_text(batch, names, model)? } else { json_lines(batch, names, model) };
    match to {
        None => print(&text),
        Some(path) => fs::write(path, text).map_err(|error| Failure::file("write", path, &error)),
    }
}

/// What a model says, as a label, and how sure it is where that is known.
fn said(chosen: &Chosen, names: &Names) -> (Option<Value>, Option<f64>) {
    match chosen.prediction {
        None => (None, None),
        Some(Prediction::Class { class, confidence }) => (Some(json!(names.of(class))), Some(confidence)),
        Some(Prediction::Number(number)) => (Some(json!(number)), None),
    }
}

fn json_lines(batch: &[Chosen], names: &Names, model: &str) -> String {
    let lines = batch.iter().map(|chosen| {
        let (prediction, confidence) = said(chosen, names);
        let mut own = Map::new();
        own.insert("priority".to_owned(), json!(chosen.priority));
        own.extend(confidence.map(|confidence| ("confidence".to_owned(), json!(confidence))));
        if let Some(prediction) = prediction {
            own.insert("prediction".to_owned(), prediction);
            own.insert("model".to_owned(), json!(model));
        }
        if chosen.is_control {
            own.insert("control".to_owned(), json!(true));
        }
        format!(
            "{}
",
            json!({"id": chosen.id, "hone": own})
        )
    });
    lines.collect()
}

fn csv_text(batch: &[Chosen], names: &Names, model: &str) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let internal = |error: &dyn std::fmt::Display| Failure::new(Kind::Internal, format!("cannot write CSV: {error}"));
    let head = ["id", "hone.priority", "hone.prediction", "hone.confidence", "hone.model", "hone.control"];
    writer.write_record(head).map_err(|error| internal(&error))?;
    for chosen in batch {
        let (prediction, confidence) = said(chosen, names);
        let label = prediction.map(|label| label.as_str().map_or_else(|| label.to_string(), str::to_owned));
        let model = if label.is_some() { model } else { "" };
        let cells = [
            chosen.id.clone(),
            chosen.priority.to_string(),
            label.unwrap_or_default(),
            confidence.map_or_else(String::new, |confidence| confidence.to_string()),
            model.to_owned(),
            chosen.is_control.to_string(),
        ];
        writer.write_record(cells).map_err(|error| internal(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| internal(&error))?;
    String::from_utf8(bytes).map_err(|error| internal(&error))
}

/// Opens files of predictions.
fn open(paths: &[PathBuf]) -> Result<Vec<PredictionFile>> {
    if paths.is_empty() {
        let failure = Failure::usage("no predictions are named");
        return Err(failure.hint("name files, or with `hone label choose --study STUDY` the models of a study"));
    }
    paths.iter().map(|path| PredictionFile::open(path).map_err(|error| failure(&error))).collect()
}

fn noise(args: &PoolArgs) -> Noise {
    Noise { seed: args.seed, beta: args.beta }
}

/// Reads what files say is to be left out.
pub(super) fn excluded(args: &PoolArgs) -> Result<Excluded> {
    let mut all = Excluded::default();
    for path in &args.exclude {
        all.extend(Excluded::read(path).map_err(|error| failure(&error))?);
    }
    Ok(all)
}

fn kept(count: usize, option: &str) -> Result<usize> {
    if count <= MAX_KEPT { Ok(count) } else { Err(Failure::usage(format!("`{option}` is {count}; at most {MAX_KEPT} are kept"))) }
}

/// Says what was read.
fn summary(sketch: &Sketch, took: Duration) -> String {
    let rows = sketch.rows + sketch.excluded;
    let seconds = took.as_secs_f64();
    let mut text = format!("{rows} samples in {seconds:.1} s, {:.0} a second", rows as f64 / seconds.max(1e-9));
    if sketch.excluded > 0 {
        write!(text, "; {} left out", sketch.excluded).expect("a text takes all");
    }
    if let Some(classes) = sketch.layout.classes() {
        write!(text, "; likeliest {}", class_counts(classes, &sketch.top_classes)).expect("a text takes all");
    }
    text
}

/// Classes that are named in a summary, those with most samples first.
const NAMED: usize = 10;

fn class_counts(classes: &Classes, counts: &[u64]) -> String {
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by_key(|class| std::cmp::Reverse(counts[*class]));
    let named = order.iter().take(NAMED).map(|class| format!("{} {}", classes.name(*class), counts[*class]));
    let more = if classes.len() > NAMED { ", …" } else { "" };
    named.collect::<Vec<_>>().join(", ") + more
}

/// A file of predictions that cannot be used is a mistake of its writer, except where it cannot be read at all.
fn failure(error: &PredictionError) -> Failure {
    match &error.problem {
        Problem::Io(cause) => Failure::file("read", Path::new(&error.file), cause),
        Problem::Temporary(_) => Failure::new(Kind::Storage, chain(error)),
        _ => Failure::usage(chain(error)),
    }
}
