//! Finished trials of one study, in the order in which they finished. They never change again.
//!
//! ```text
//!  segments  65,536 rows each, on disk once   ┐
//!  blocks     1,024 rows each                 ├ shared by Arc with views, samplers and snapshots
//!  tail      under 1,024 rows                 ┘
//!  index     trial number -> row
//! ```
//!
//! A row that is not the plain case (one attempt, sampled or chosen by a client, no files, no attributes) has a [`Detail`]
//! beside its columns.

use std::{collections::BTreeMap, sync::Arc};

use hone_search::{Columns, Outcome, Row};
use serde::{Deserialize, Serialize};

use crate::{
    event::{AttemptFiles, Origin},
    ids::{Micros, RequestId, TaskId, WorkerId},
    trial::{Attempt, Attributes, Distributions, Trial},
};

/// Rows of a sealed segment.
pub const SEGMENT_ROWS: usize = 65_536;
/// Rows of a block; blocks are joined to segments.
pub const BLOCK_ROWS: usize = 1_024;
const INDEX_CHUNK: usize = 4_096;

/// Some finished trials, as columns. Immutable once it is shared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// What samplers read.
    pub columns: Arc<Columns>,
    pub trial: Vec<TaskId>,
    pub created: Vec<Micros>,
    pub started: Vec<Micros>,
    pub ended: Vec<Micros>,
    /// The worker of the last attempt; 0: none.
    pub worker: Vec<u32>,
    pub as_of: Vec<u32>,
    /// Index into `reasons`.
    why: Vec<u32>,
    reasons: Vec<Box<str>>,
    /// End of a row's points in the three vectors below; shorter than the rows when the last ones have none.
    curve_end: Vec<u32>,
    point_metric: Vec<u16>,
    point_step: Vec<i64>,
    point_value: Vec<f64>,
    details: BTreeMap<u32, Arc<Detail>>,
    /// Index into `spaces`, counted from 1; 0: nothing. Shorter than the rows when the last ones have nothing.
    #[serde(default)]
    asked: Vec<u32>,
    #[serde(default)]
    spaces: Vec<Arc<Distributions>>,
}

/// What is known of a finished trial beyond its columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    pub origin: Origin,
    pub attempts: Vec<Attempt>,
    pub files: AttemptFiles,
    pub attributes: Attributes,
    /// Final values of other metrics, by metric index.
    pub finals: BTreeMap<u16, f64>,
    pub end: String,
    /// See [`Trial::told`].
    #[serde(default)]
    pub told: Vec<f64>,
    /// The request of its client that ended it.
    #[serde(default)]
    pub told_by: Option<RequestId>,
}

impl Segment {
    pub fn len(&self) -> usize {
        self.trial.len()
    }

    pub fn is_empty(&self) -> bool {
        self.trial.is_empty()
    }

    pub fn detail(&self, row: usize) -> Option<&Arc<Detail>> {
        self.details.get(&(row as u32))
    }

    pub fn details(&self) -> impl Iterator<Item = (usize, &Arc<Detail>)> {
        self.details.iter().map(|(row, detail)| (*row as usize, detail))
    }

    /// The distributions from which a client chose the trial's parameters, as it wrote them, by name.
    pub fn asked(&self, row: usize) -> Option<&Distributions> {
        let index = self.asked.get(row)?.checked_sub(1)?;
        Some(&self.spaces[index as usize])
    }

    /// Why the sampler chose the trial.
    pub fn why(&self, row: usize) -> &str {
        &self.reasons[self.why[row] as usize]
    }

    /// Reported values of a row: (metric index, step, value), by metric and step.
    pub fn curve(&self, row: usize) -> impl Iterator<Item = (u16, i64, f64)> + '_ {
        let start = if row == 0 { 0 } else { self.curve_bound(row - 1) };
        (start..self.curve_bound(row)).map(|at| (self.point_metric[at], self.point_step[at], self.point_value[at]))
    }

    fn curve_bound(&self, row: usize) -> usize {
        let last = self.curve_end.len().checked_sub(1);
        last.map_or(0, |last| self.curve_end[row.min(last)] as usize)
    }

    fn push(&mut self, trial: &Trial, row: Row, started: Micros, ended: Micros) {
        let at = self.len() as u32;
        Arc::make_mut(&mut self.columns).push(row);
        self.trial.push(trial.id);
        self.created.push(trial.created);
        self.started.push(started);
        self.ended.push(ended);
        self.worker.push(trial.attempts.last().map_or(0, |attempt| attempt.worker.0 as u32));
        self.as_of.push(trial.as_of() as u32);
        let why = self.intern(&trial.why);
        self.why.push(why);
        self.push_curve(at as usize, trial);
        self.push_asked(at as usize, &trial.asked);
        if let Some(detail) = trial.detail() {
            self.details.insert(at, Arc::new(detail));
        }
    }

    fn push_curve(&mut self, row: usize, trial: &Trial) {
        let before = self.point_step.len();
        for (metric, step, value) in trial.curve.points() {
            self.point_metric.push(metric);
            self.point_step.push(step);
            self.point_value.push(value);
        }
        if self.point_step.len() > before {
            self.curve_end.resize(row, before as u32);
            self.curve_end.push(self.point_step.len() as u32);
        }
    }

    fn push_asked(&mut self, row: usize, asked: &Distributions) {
        if asked.is_empty() {
            return;
        }
        // As with reasons: most trials of a study have the same.
        let recent = self.spaces.iter().enumerate().rev().take(8).find(|(_, known)| ***known == *asked);
        let index = recent.map(|(at, _)| at).unwrap_or_else(|| {
            self.spaces.push(Arc::new(asked.clone()));
            self.spaces.len() - 1
        });
        self.asked.resize(row, 0);
        self.asked.push(index as u32 + 1);
    }

    /// Reasons repeat (`random`), so each text is kept once; the newest few are where a repetition is found.
    fn intern(&mut self, why: &str) -> u32 {
        let recent = self.reasons.iter().enumerate().rev().take(8);
        if let Some((at, _)) = recent.into_iter().find(|(_, known)| &***known == why) {
            return at as u32;
        }
        self.reasons.push(why.into());
        (self.reasons.len() - 1) as u32
    }

    fn append(&mut self, other: &Segment) {
        let base = self.len();
        self.append_columns(&other.columns);
        self.trial.extend(&other.trial);
        self.created.extend(&other.created);
        self.started.extend(&other.started);
        self.ended.extend(&other.ended);
        self.worker.extend(&other.worker);
        self.as_of.extend(&other.as_of);
        for row in 0..other.len() {
            let why = self.intern(other.why(row));
            self.why.push(why);
        }
        self.append_curves(base, other);
        for row in 0..other.len() {
            if let Some(asked) = other.asked(row) {
                self.push_asked(base + row, asked);
            }
        }
        self.details.extend(other.details.iter().map(|(row, detail)| (base as u32 + row, detail.clone())));
    }

    fn append_columns(&mut self, other: &Columns) {
        let columns = Arc::make_mut(&mut self.columns);
        for row in 0..other.len() {
            columns.push(other.row(row));
        }
    }

    fn append_curves(&mut self, base: usize, other: &Segment) {
        if other.curve_end.is_empty() {
            return;
        }
        let points = self.point_step.len() as u32;
        self.curve_end.resize(base, points);
        self.curve_end.extend(other.curve_end.iter().map(|end| points + end));
        self.point_metric.extend(&other.point_metric);
        self.point_step.extend(&other.point_step);
        self.point_value.extend(&other.point_value);
    }

    fn shrink(&mut self) {
        let columns = Arc::make_mut(&mut self.columns);
        columns.number.shrink_to_fit();
        columns.outcome.shrink_to_fit();
        columns.params.iter_mut().chain(&mut columns.values).for_each(Vec::shrink_to_fit);
        columns.violation.shrink_to_fit();
        columns.last_step.shrink_to_fit();
        columns.last_value.shrink_to_fit();
        self.trial.shrink_to_fit();
        for times in [&mut self.created, &mut self.started, &mut self.ended] {
            times.shrink_to_fit();
        }
        for small in [&mut self.worker, &mut self.as_of, &mut self.why, &mut self.curve_end, &mut self.asked] {
            small.shrink_to_fit();
        }
    }
}

/// All finished trials of a study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// Written to disk once each, beside the snapshot's body.
    #[serde(skip)]
    segments: Vec<Arc<Segment>>,
    blocks: Vec<Arc<Segment>>,
    tail: Arc<Segment>,
    #[serde(skip)]
    index: Vec<Arc<Vec<u32>>>,
}

/// One finished trial.
#[derive(Clone, Copy, Debug)]
pub struct FinishedTrial<'a> {
    pub segment: &'a Segment,
    pub row: usize,
}

impl FinishedTrial<'_> {
    pub fn id(&self) -> TaskId {
        self.segment.trial[self.row]
    }

    pub fn number(&self) -> u32 {
        self.segment.columns.number[self.row]
    }

    pub fn outcome(&self) -> Outcome {
        self.segment.columns.outcome[self.row]
    }

    /// Where its parameters came from.
    pub fn origin(&self) -> Origin {
        let as_of = u64::from(self.segment.as_of[self.row]);
        match (self.segment.detail(self.row), self.segment.asked(self.row)) {
            (Some(detail), _) => detail.origin.clone(),
            (None, Some(_)) => Origin::Asked { as_of },
            (None, None) => Origin::Sampled { as_of },
        }
    }

    /// What its client said it reached; see [`Trial::told`].
    pub fn told(&self) -> Vec<f64> {
        let values = || self.segment.columns.values.len();
        match self.segment.detail(self.row) {
            Some(detail) => detail.told.clone(),
            None => (0..values()).map(|at| self.segment.columns.value(at, self.row)).filter(|value| !value.is_nan()).collect(),
        }
    }

    /// The last value of a metric by its index, one without a step before all others.
    pub fn metric(&self, index: u16) -> Option<f64> {
        let of_objective = self.segment.columns.value(usize::from(index), self.row);
        let finals = self.segment.detail(self.row).and_then(|detail| detail.finals.get(&index).copied());
        let last = || self.segment.curve(self.row).filter(|(metric, ..)| *metric == index).last().map(|(_, _, value)| value);
        Some(of_objective).filter(|value| !value.is_nan()).or(finals).or_else(last)
    }

    /// How long it took from its first start to its end; 0 where the clock went back.
    pub fn duration(&self) -> Micros {
        self.segment.ended[self.row].saturating_sub(self.segment.started[self.row]).max(0)
    }

    pub fn worker(&self) -> Option<WorkerId> {
        let worker = self.segment.worker[self.row];
        (worker != 0).then_some(WorkerId(u64::from(worker)))
    }
}

impl Finished {
    pub fn len(&self) -> usize {
        self.segments.len() * SEGMENT_ROWS + self.blocks.len() * BLOCK_ROWS + self.tail.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every part in order, the tail last.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &Arc<Segment>> {
        self.segments.iter().chain(&self.blocks).chain(std::iter::once(&self.tail))
    }

    /// The columns of every part, for samplers.
    pub fn columns(&self) -> Vec<Arc<Columns>> {
        self.parts().filter(|part| !part.is_empty()).map(|part| part.columns.clone()).collect()
    }

    pub fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// The trial with this number, when it has finished. Constant time.
    pub fn by_number(&self, number: u32) -> Option<FinishedTrial<'_>> {
        let number = number as usize;
        let slot = *self.index.get(number / INDEX_CHUNK)?.get(number % INDEX_CHUNK)?;
        (slot != 0).then(|| self.by_row(slot as usize - 1))
    }

    /// The trial at a position in order of finishing.
    ///
    /// # Panics
    /// Beyond [`Finished::len`].
    pub fn by_row(&self, row: usize) -> FinishedTrial<'_> {
        let sealed = self.segments.len() * SEGMENT_ROWS;
        if row < sealed {
            return FinishedTrial { segment: &self.segments[row / SEGMENT_ROWS], row: row % SEGMENT_ROWS };
        }
        let (block, row) = ((row - sealed) / BLOCK_ROWS, (row - sealed) % BLOCK_ROWS);
        let segment = self.blocks.get(block).unwrap_or(&self.tail);
        FinishedTrial { segment, row }
    }

    pub(crate) fn push(&mut self, trial: &Trial, row: Row, started: Micros, ended: Micros) {
        self.note(row.number, self.len());
        Arc::make_mut(&mut self.tail).push(trial, row, started, ended);
        if self.tail.len() == BLOCK_ROWS {
            self.blocks.push(std::mem::take(&mut self.tail));
        }
        if self.blocks.len() == SEGMENT_ROWS / BLOCK_ROWS {
            self.seal();
        }
    }

    fn seal(&mut self) {
        let mut sealed = Segment::default();
        for block in std::mem::take(&mut self.blocks) {
            sealed.append(&block);
        }
        sealed.shrink();
        self.segments.push(Arc::new(sealed));
    }

    fn note(&mut self, number: u32, row: usize) {
        let (chunk, slot) = (number as usize / INDEX_CHUNK, number as usize % INDEX_CHUNK);
        while self.index.len() <= chunk {
            self.index.push(Arc::default());
        }
        let chunk = Arc::make_mut(&mut self.index[chunk]);
        if chunk.len() <= slot {
            chunk.resize(slot + 1, 0);
        }
        chunk[slot] = row as u32 + 1;
    }

    /// Puts back what a snapshot keeps beside its body, and rebuilds the index.
    pub fn restore(&mut self, segments: Vec<Arc<Segment>>) {
        self.segments = segments;
        self.index.clear();
        let numbers: Vec<(u32, usize)> =
            self.parts().flat_map(|part| part.columns.number.clone()).enumerate().map(|(row, number)| (number, row)).collect();
        for (number, row) in numbers {
            self.note(number, row);
        }
    }
}
