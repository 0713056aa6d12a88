//! Phase one: what is worth knowing of one member's file, in memory that does not grow with it.

use std::{
    cmp::Ordering,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
};

use super::{
    batch::{Batch, Row},
    double::first_double,
    error::{Fault, PredictionError, Problem},
    excluded::Excluded,
    file::PredictionFile,
    layout::{Kind, Layout},
    scan::{Fold, scan},
    spread::Spread,
    top::Top,
    unique::Keys,
};
use crate::acquisition::{Acquisition, Block, Noise, OrderKey, Points, compare, uncertainty::top_class};

/// Candidates and samples of a sketch at most.
pub const MAX_KEPT: usize = 1 << 20;
/// Shares at which a sketch tells the quantiles of scores.
pub const SHARES: [f64; 11] = [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];

/// What to keep of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct SketchPlan {
    /// How rows are rated. Of functions that need a committee or embeddings of many rows, [`rated_by`] tells what stands
    /// for them.
    pub acquisition: Acquisition,
    /// What ties and random draws come from.
    pub noise: Noise,
    /// Best rows that are kept.
    pub candidates: usize,
    /// Rows that are drawn at random, all with the same chance; the same ones in every file with the same samples.
    pub sample: usize,
    /// Samples that are passed over.
    pub excluded: Excluded,
}

/// What one member's file says about the pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch {
    /// What each row holds.
    pub layout: Layout,
    /// What rows were rated by.
    pub rated_by: Acquisition,
    /// What ties and random draws came from.
    pub noise: Noise,
    /// Rows of the file, without those that were excluded.
    pub rows: u64,
    /// Rows that were excluded.
    pub excluded: u64,
    /// How many rows have each class as their likeliest one; empty where no classes are predicted.
    pub top_classes: Vec<u64>,
    /// Scores at [`SHARES`], within half a percent; the ends exactly. Empty without rows.
    pub quantiles: Vec<f64>,
    /// The best rows, best first.
    pub candidates: Vec<Candidate>,
    /// Rows drawn at random, in the order of the draw: the first few of them are a smaller draw.
    pub sample: Vec<Candidate>,
}

/// A row that may be chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its sample.
    pub id: String,
    /// Its number in the file.
    pub row: u64,
    /// How much a label is wanted.
    pub score: f64,
}

/// The function that rates rows of one file where `acquisition` chooses in the end.
///
/// Functions of a committee cannot be told from one member: its own uncertainty stands for them, since members disagree
/// most where some of them are unsure. Functions of sets rate no single rows: candidates are drawn at random.
#[must_use]
pub fn rated_by(acquisition: Acquisition, kind: &Kind) -> Acquisition {
    let Some(single) = acquisition.row_wise() else { return Acquisition::Random };
    match (single.needs_committee(), kind) {
        (false, _) => single,
        (true, Kind::Probabilities(_)) => Acquisition::Margin,
        (true, Kind::Spread) => Acquisition::Spread,
        (true, Kind::Score) => Acquisition::Score,
    }
}

/// Reads a file once and keeps what `plan` says.
///
/// The result depends on the rows, their order in ties of one id apart, and on nothing else: not on threads or chunks. Memory
/// is a few parts of the file per thread, what is kept, and 8 bytes per row, of which at most 256 MiB are held in memory and
/// the rest in a temporary file.
///
/// # Errors
/// A fault of the file, two rows of one sample, or an acquisition function that does not fit the file.
pub fn sketch(file: &PredictionFile, plan: &SketchPlan) -> Result<Sketch, PredictionError> {
    let rated_by = rated_by(plan.acquisition, &file.layout().kind);
    check(file, plan, rated_by)?;
    let mut fold = Sketching::new(file, plan, rated_by);
    scan(file, None, &mut fold)?;
    fold.finish()
}

/// Whether a plan can be carried out on a file.
pub(super) fn check(file: &PredictionFile, plan: &SketchPlan, rated_by: Acquisition) -> Result<(), PredictionError> {
    let layout = file.layout();
    let unfit = |message: String| file.error(Fault::file(Problem::Unfit(message)));
    for (what, count) in [("candidates", plan.candidates), ("random samples", plan.sample)] {
        if count > MAX_KEPT {
            return Err(unfit(format!("{count} {what} are more than the {MAX_KEPT} that are supported")));
        }
    }
    plan.acquisition.check_kind(layout.kind.for_acquisition()).map_err(|error| unfit(error.to_string()))?;
    if rated_by.needs_embeddings() && layout.embedding.is_none() {
        return Err(unfit(format!("`{rated_by}` needs an `embedding` in each row; write it, or use `margin`")));
    }
    Ok(())
}

/// A sketch in the making.
pub(super) struct Sketching<'a> {
    /// The file, or that of a committee's first member.
    file: &'a PredictionFile,
    plan: &'a SketchPlan,
    rated_by: Acquisition,
    rows: u64,
    excluded: u64,
    top_classes: Vec<u64>,
    scores: Spread,
    candidates: Top<Ranked>,
    sample: Top<Drawn>,
    /// Whether two rows of one sample are still to be looked for.
    seeks_doubles: bool,
    keys: Keys,
}

/// What a part of the file adds.
#[derive(Default)]
pub(super) struct Partial {
    rows: u64,
    excluded: u64,
    top_classes: Vec<u64>,
    scores: Spread,
    candidates: Option<Top<Ranked>>,
    sample: Option<Top<Drawn>>,
    keys: Vec<u64>,
}

impl<'a> Sketching<'a> {
    pub(super) fn new(file: &'a PredictionFile, plan: &'a SketchPlan, rated_by: Acquisition) -> Self {
        Self {
            file,
            plan,
            rated_by,
            rows: 0,
            excluded: 0,
            top_classes: vec![0; file.layout().classes().map_or(0, |classes| classes.len())],
            scores: Spread::default(),
            candidates: Top::new(plan.candidates),
            sample: Top::new(plan.sample),
            seeks_doubles: file.may_repeat(),
            keys: Keys::new(),
        }
    }

    /// The same where nobody has to look for two rows of one sample any more.
    pub(super) fn without_doubles(self) -> Self {
        Self { seeks_doubles: false, ..self }
    }

    pub(super) fn finish(self) -> Result<Sketch, PredictionError> {
        if self.rows + self.excluded == 0 {
            return Err(self.file.error(Fault::file(Problem::Empty)));
        }
        let doubles = self.keys.doubles().map_err(|fault| self.file.error(fault))?;
        if !doubles.is_empty() {
            let key = |id: &[u8]| double_key(OrderKey::of_control(self.plan.noise.seed, id));
            first_double(self.file, &doubles, &key)?;
        }
        Ok(Sketch {
            layout: self.file.layout().clone(),
            rated_by: self.rated_by,
            noise: self.plan.noise,
            rows: self.rows,
            excluded: self.excluded,
            top_classes: self.top_classes,
            quantiles: self.scores.quantiles(&SHARES),
            candidates: self.candidates.into_sorted().into_iter().map(|ranked| ranked.candidate).collect(),
            sample: self.sample.into_sorted().into_iter().map(|drawn| drawn.candidate).collect(),
        })
    }
}

/// Scores of the rows of a batch, without noise.
pub(super) fn scores(batch: &Batch, layout: &Layout, by: Acquisition) -> Result<Vec<f64>, Fault> {
    let unfit = |error: crate::acquisition::AcquisitionError| Fault::file(Problem::Unfit(error.to_string()));
    let members = [batch.values.as_slice()];
    let mut block = Block::new(layout.kind.for_acquisition(), &members).map_err(unfit)?;
    if let Some(width) = layout.embedding {
        let points = Points::of_f32(&batch.embeddings, width).map_err(unfit)?;
        block = block.with_embeddings(points).map_err(unfit)?;
    }
    let mut scores = vec![0.0; batch.len()];
    by.score_rows(&block, &mut scores).map_err(unfit)?;
    Ok(scores)
}

impl Fold for Sketching<'_> {
    type Partial = Partial;

    fn visit(&self, batch: &Batch, partial: &mut Partial) -> Result<(), Fault> {
        let layout = self.file.layout();
        let scores = scores(batch, layout, self.rated_by)?;
        for (row, score) in batch.rows(layout).zip(scores) {
            self.visit_row(&row, score, partial);
        }
        Ok(())
    }

    fn merge(&mut self, partial: Partial) -> Result<(), Fault> {
        self.rows += partial.rows;
        self.excluded += partial.excluded;
        self.top_classes.iter_mut().zip(&partial.top_classes).for_each(|(all, some)| *all += some);
        self.scores.append(&partial.scores);
        partial.candidates.into_iter().for_each(|some| self.candidates.append(some));
        partial.sample.into_iter().for_each(|some| self.sample.append(some));
        self.candidates.prune();
        self.sample.prune();
        self.keys.extend(&partial.keys)
    }
}

impl Sketching<'_> {
    /// Takes a row with its score, without noise.
    pub(super) fn visit_row(&self, row: &Row<'_>, score: f64, partial: &mut Partial) {
        let id = row.id.as_bytes();
        if self.plan.excluded.contains(id) {
            partial.excluded += 1;
            return;
        }
        partial.rows += 1;
        if !self.top_classes.is_empty() {
            partial.top_classes.resize(self.top_classes.len(), 0);
            partial.top_classes[top_class(row.values)] += 1;
        }
        let score = self.rated_by.with_noise(score, id, self.plan.noise);
        partial.scores.push(score);
        self.rank(row, score, partial);
        self.draw(row, score, partial);
    }

    fn rank(&self, row: &Row<'_>, score: f64, partial: &mut Partial) {
        let candidates = partial.candidates.get_or_insert_with(|| Top::within(&self.candidates));
        // Nearly all rows end here, without a hash.
        if candidates.bound().is_some_and(|bound| score < bound.candidate.score) {
            return;
        }
        let key = OrderKey::of_tie(self.plan.noise.seed, row.id.as_bytes());
        if candidates.bound().is_none_or(|bound| bound.order(score, key, row.number) == Ordering::Greater) {
            candidates.push(Ranked { key, candidate: candidate(row, score) });
        }
    }

    fn draw(&self, row: &Row<'_>, score: f64, partial: &mut Partial) {
        if self.plan.sample == 0 && !self.seeks_doubles {
            return;
        }
        let key = OrderKey::of_control(self.plan.noise.seed, row.id.as_bytes());
        if self.seeks_doubles {
            partial.keys.push(double_key(key));
        }
        let sample = partial.sample.get_or_insert_with(|| Top::within(&self.sample));
        if sample.bound().is_none_or(|bound| (key, row.number) < (bound.key, bound.candidate.row)) {
            sample.push(Drawn { key, candidate: candidate(row, score) });
        }
    }
}

fn candidate(row: &Row<'_>, score: f64) -> Candidate {
    Candidate { id: row.id.to_owned(), row: row.number, score }
}

/// What ids are told apart by until two of them meet.
fn double_key(key: OrderKey) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(key)
}

/// A candidate among the best ones.
#[derive(Clone, Debug)]
struct Ranked {
    key: OrderKey,
    candidate: Candidate,
}

impl Ranked {
    /// How this one stands to a row: `Greater` where the row comes first.
    fn order(&self, score: f64, key: OrderKey, row: u64) -> Ordering {
        compare((self.candidate.score, self.key), (score, key)).then(self.candidate.row.cmp(&row))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order(other.candidate.score, other.key, other.candidate.row)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}

/// A candidate that was drawn.
#[derive(Clone, Debug)]
struct Drawn {
    key: OrderKey,
    candidate: Candidate,
}

impl Ord for Drawn {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.key, self.candidate.row).cmp(&(other.key, other.candidate.row))
    }
}

impl PartialOrd for Drawn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Drawn {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Drawn {}

#[cfg(test)]
#[path = "sketch_tests.rs"]
mod tests;
