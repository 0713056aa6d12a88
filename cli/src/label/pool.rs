//! `hone label score` and `hone label choose`: which samples of a pool to ask for, by what models predict for them.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hone_data::{
    acquisition::{Acquisition, Noise},
    predictions::{Classes, Excluded, MAX_KEPT, PredictionError, PredictionFile, Sketch, SketchPlan, committee_sketch},
};

use crate::{
    args::{PoolArgs, ScoreArgs},
    context::Context,
    errors::{Failure, Kind, Result, chain},
    output::{list_text, print, remark, score_documents, scores_listing},
};

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

/// Opens files of predictions.
fn open(paths: &[PathBuf]) -> Result<Vec<PredictionFile>> {
    paths.iter().map(|path| PredictionFile::open(path).map_err(|error| failure(&error))).collect()
}

fn noise(args: &PoolArgs) -> Noise {
    Noise { seed: args.seed, beta: args.beta }
}

/// Reads what files say is to be left out.
fn excluded(args: &PoolArgs) -> Result<Excluded> {
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
        hone_data::predictions::Problem::Io(cause) => Failure::file("read", Path::new(&error.file), cause),
        hone_data::predictions::Problem::Temporary(_) => Failure::new(Kind::Storage, chain(error)),
        _ => Failure::usage(chain(error)),
    }
}
