//! Answers questions in JSON, one a line on standard input, with a line of JSON each on standard output.
//!
//! ```text
//! {"call": "scores", "method": "margin", "pool": {"members": [[[0.6, 0.4], [0.9, 0.1]]]}}
//! {"ok": [0.8, 0.19999999999999996]}
//! {"call": "choose", "plan": {"diversity": "none"}, "count": 1, "seed": 7, "pool": {"members": [[[0.6, 0.4], [0.9, 0.1]]]}}
//! {"ok": {"choices": [{"row": 0, "method": "margin", "score": 0.8, "rank": 1, "distance": null}], "refused": …}}
//! ```
//!
//! Members × rows × classes, `null` for a row that a member lacks. A mistake is answered with `{"error": "…"}`. The Python
//! tests ask the same of other libraries and compare; the benchmark of labels saved chooses through it.
//!
//! `cargo run --release -p hone-data --example acquisition`

use std::io::{self, BufRead, Write};

use hone_data::Hash;
use hone_data::acquisition::{
    Acquisition, AcquisitionError, BatchBald, Block, Candidates, Epig, Kind, Metric, Plan, Points, SelectError, Space,
    information_density, typicality,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// What predictions are, but for class probabilities.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Numbers {
    Spread,
    Score,
}

/// Samples without a label. Without ids they are called `0`, `1`, and so on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pool {
    ids: Option<Vec<String>>,
    kind: Option<Numbers>,
    members: Option<Vec<Vec<Option<Vec<f64>>>>>,
    embeddings: Option<Vec<Vec<f64>>>,
    costs: Option<Vec<f64>>,
    /// Texts whose hashes are those of contents.
    contents: Option<Vec<String>>,
    labelled: Option<Vec<Vec<f64>>>,
    #[serde(default)]
    labelled_contents: Vec<String>,
    targets: Option<Vec<Vec<Option<Vec<f64>>>>>,
}

/// A question.
#[derive(Deserialize)]
#[serde(tag = "call", rename_all = "snake_case", deny_unknown_fields)]
enum Question {
    Scores {
        method: Acquisition,
        pool: Pool,
    },
    Choose {
        #[serde(default)]
        plan: Plan,
        count: usize,
        seed: u64,
        pool: Pool,
    },
    /// The gain of every row beyond each of these, one after the other, and whether it is estimated.
    BatchBald {
        members: Vec<Vec<Option<Vec<f64>>>>,
        batch: Vec<usize>,
        limit: usize,
        seed: u64,
    },
    Typicality {
        points: Vec<Vec<f64>>,
        neighbours: usize,
    },
    Density {
        points: Vec<Vec<f64>>,
        #[serde(default)]
        metric: Metric,
        seed: u64,
    },
}

/// Rows in one piece, and how many numbers each has.
struct Flat {
    numbers: Vec<f64>,
    width: usize,
}

impl Flat {
    fn new(rows: &[Vec<f64>]) -> Result<Self, AcquisitionError> {
        let width = rows.first().map_or(1, Vec::len);
        match rows.iter().find(|row| row.len() != width) {
            Some(row) => Err(AcquisitionError::Length { what: "a row", found: row.len(), expected: width }),
            None => Ok(Self { numbers: rows.concat(), width }),
        }
    }

    fn points(&self) -> Result<Points<'_>, AcquisitionError> {
        Points::of_f64(&self.numbers, self.width)
    }
}

/// Members' rows, with NaN for those that are not there.
fn members(members: &[Vec<Option<Vec<f64>>>]) -> Result<(Vec<Flat>, usize), AcquisitionError> {
    let width = members.iter().flatten().flatten().next().map_or(1, Vec::len);
    let whole = |rows: &Vec<Option<Vec<f64>>>| {
        let rows = rows.iter().map(|row| row.clone().unwrap_or_else(|| vec![f64::NAN; width]));
        Flat::new(&rows.collect::<Vec<_>>())
    };
    Ok((members.iter().map(whole).collect::<Result<_, _>>()?, width))
}

fn slices(members: &[Flat]) -> Vec<&[f64]> {
    members.iter().map(|member| member.numbers.as_slice()).collect()
}

fn hashes(texts: &[String]) -> Vec<Hash> {
    texts.iter().map(|text| Hash::of(text.as_bytes())).collect()
}

/// Gives a pool's parts to a function.
fn with_pool<T>(
    pool: &Pool,
    ask: impl FnOnce(&Candidates<'_>, Option<&Block<'_>>, Option<&Block<'_>>) -> Result<T, SelectError>,
) -> Result<T, SelectError> {
    let embeddings = pool.embeddings.as_deref().map(Flat::new).transpose()?;
    let labelled = pool.labelled.as_deref().filter(|rows| !rows.is_empty()).map(Flat::new).transpose()?;
    let own = pool.members.as_deref().map(members).transpose()?;
    let others = pool.targets.as_deref().map(members).transpose()?;
    let kind = |classes| match pool.kind {
        Some(Numbers::Spread) => Kind::Spread,
        Some(Numbers::Score) => Kind::Score,
        None => Kind::Probabilities { classes },
    };
    let own_slices = own.as_ref().map(|(members, _)| slices(members));
    let other_slices = others.as_ref().map(|(members, _)| slices(members));
    let mut block = None;
    if let (Some(slices), Some((_, width))) = (&own_slices, &own) {
        let mut rows = Block::new(kind(*width), slices)?;
        if let Some(embeddings) = &embeddings {
            rows = rows.with_embeddings(embeddings.points()?)?;
        }
        block = Some(rows);
    }
    let mut targets = None;
    if let (Some(slices), Some((_, width))) = (&other_slices, &others) {
        targets = Some(Block::new(kind(*width), slices)?);
    }
    let rows = block.as_ref().map(Block::rows).or_else(|| embeddings.as_ref().map(|rows| rows.numbers.len() / rows.width));
    let names: Vec<String> = (0..rows.unwrap_or(0)).map(|row| row.to_string()).collect();
    let ids = pool.ids.as_ref().unwrap_or(&names);
    let (contents, known) = (pool.contents.as_deref().map(hashes), hashes(&pool.labelled_contents));
    let mut candidates = Candidates::new(ids.iter().map(String::as_str));
    if let Some(embeddings) = &embeddings {
        candidates = candidates.with_embeddings(embeddings.points()?);
    }
    if let Some(block) = block {
        candidates = candidates.with_predictions(block);
    }
    if let Some(costs) = &pool.costs {
        candidates = candidates.with_costs(costs);
    }
    if let Some(contents) = &contents {
        candidates = candidates.with_contents(contents, &known);
    }
    if let Some(labelled) = &labelled {
        candidates = candidates.with_labelled(labelled.points()?);
    }
    if let Some(targets) = targets {
        candidates = candidates.with_targets(targets);
    }
    ask(&candidates, block.as_ref(), targets.as_ref())
}

fn scores(method: Acquisition, block: Option<&Block<'_>>, targets: Option<&Block<'_>>) -> Result<Value, SelectError> {
    let block = block.ok_or(AcquisitionError::Empty("members"))?;
    block.check()?;
    let mut scores = vec![0.0; block.rows()];
    match targets {
        Some(targets) if method == Acquisition::Epig => Epig::new(targets)?.score_rows(block, &mut scores)?,
        _ => method.score_rows(block, &mut scores)?,
    }
    Ok(json!(scores))
}

fn gains(of: &[Vec<Option<Vec<f64>>>], rows: &[usize], limit: usize, seed: u64) -> Result<Value, SelectError> {
    let (members, classes) = members(of)?;
    let slices = slices(&members);
    let block = Block::new(Kind::Probabilities { classes }, &slices)?;
    let mut batch = BatchBald::new(&block, limit, seed)?;
    let mut steps = Vec::new();
    for next in rows.iter().map(Some).chain([None]) {
        steps.push((0..block.rows()).map(|row| batch.gain(row)).collect::<Vec<f64>>());
        if let Some(row) = next {
            batch.add(*row);
        }
    }
    Ok(json!({"gains": steps, "is_estimate": batch.is_estimate()}))
}

fn answer(question: Question) -> Result<Value, SelectError> {
    match question {
        Question::Scores { method, pool } => with_pool(&pool, |_, block, targets| scores(method, block, targets)),
        Question::Choose { plan, count, seed, pool } => {
            with_pool(&pool, |candidates, _, _| Ok(json!(plan.choose(candidates, count, seed)?)))
        }
        Question::BatchBald { members, batch, limit, seed } => gains(&members, &batch, limit, seed),
        Question::Typicality { points, neighbours } => {
            let flat = Flat::new(&points)?;
            let all: Vec<usize> = (0..points.len()).collect();
            Ok(json!(typicality(&Space::new(flat.points()?, Metric::Euclidean), &all, neighbours)))
        }
        Question::Density { points, metric, seed } => {
            let flat = Flat::new(&points)?;
            Ok(json!(information_density(&Space::new(flat.points()?, metric), seed)))
        }
    }
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let question = serde_json::from_str(&line?).map_err(|error| error.to_string());
        let reply = match question.and_then(|question| answer(question).map_err(|error| error.to_string())) {
            Ok(found) => json!({"ok": found}),
            Err(error) => json!({"error": error}),
        };
        writeln!(out, "{reply}")?;
        out.flush()?;
    }
    Ok(())
}
