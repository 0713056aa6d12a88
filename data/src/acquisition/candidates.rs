//! What a batch is chosen from, as the caller has it and in the order in which it is looked at.

use super::points::{Picked, pick};
use super::{Acquisition, AcquisitionError, Block, Kind, OrderKey, Points, SelectError};
use crate::Hash;

/// Samples without a label, and what is known of them and of those that have one.
///
/// The order of rows does not matter: the same samples in another order give the same batch.
#[derive(Clone, Debug)]
pub struct Candidates<'a> {
    pub(super) ids: Vec<&'a str>,
    pub(super) predictions: Option<Block<'a>>,
    pub(super) embeddings: Option<Points<'a>>,
    pub(super) costs: Option<&'a [f64]>,
    pub(super) contents: Option<&'a [Hash]>,
    pub(super) labelled: Option<Points<'a>>,
    pub(super) labelled_contents: &'a [Hash],
    pub(super) targets: Option<Block<'a>>,
}

impl<'a> Candidates<'a> {
    /// Takes the samples' ids, all different.
    pub fn new(ids: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            ids: ids.into_iter().collect(),
            predictions: None,
            embeddings: None,
            costs: None,
            contents: None,
            labelled: None,
            labelled_contents: &[],
            targets: None,
        }
    }

    /// Adds predictions of a model or a committee, with the embeddings that the block has. Ready scores are a block of
    /// [`Kind::Score`].
    #[must_use]
    pub fn with_predictions(self, predictions: Block<'a>) -> Self {
        let embeddings = predictions.embeddings().copied().or(self.embeddings);
        Self { predictions: Some(predictions), embeddings, ..self }
    }

    /// Adds a place for each sample.
    #[must_use]
    pub fn with_embeddings(self, embeddings: Points<'a>) -> Self {
        Self { embeddings: Some(embeddings), ..self }
    }

    /// Adds what a label of each sample costs, in any unit, above zero.
    #[must_use]
    pub fn with_costs(self, costs: &'a [f64]) -> Self {
        Self { costs: Some(costs), ..self }
    }

    /// Adds hashes of contents: one sample of each is chosen, and none with the content of a labelled one.
    #[must_use]
    pub fn with_contents(self, contents: &'a [Hash], labelled: &'a [Hash]) -> Self {
        Self { contents: Some(contents), labelled_contents: labelled, ..self }
    }

    /// Adds the embeddings of samples that have a label, or are asked already.
    #[must_use]
    pub fn with_labelled(self, labelled: Points<'a>) -> Self {
        Self { labelled: Some(labelled), ..self }
    }

    /// Adds the committee's predictions for samples that the model is meant for, which [`Acquisition::Epig`] reads.
    #[must_use]
    pub fn with_targets(self, targets: Block<'a>) -> Self {
        Self { targets: Some(targets), ..self }
    }

    /// Looks at all lengths and numbers.
    fn check(&self) -> Result<(), SelectError> {
        let lengths = [
            ("the list of predictions", self.predictions.as_ref().map(Block::rows)),
            ("the list of embeddings", self.embeddings.as_ref().map(Points::rows)),
            ("the list of costs", self.costs.map(<[f64]>::len)),
            ("the list of contents", self.contents.map(<[Hash]>::len)),
        ];
        for (what, found) in lengths {
            if let Some(found) = found.filter(|found| *found != self.ids.len()) {
                return Err(AcquisitionError::Length { what, found, expected: self.ids.len() }.into());
            }
        }
        for block in [&self.predictions, &self.targets].into_iter().flatten() {
            block.check()?;
        }
        for (points, what) in [(&self.embeddings, "the embedding"), (&self.labelled, "the labelled embedding")] {
            points.as_ref().map_or(Ok(()), |points| points.check(what))?;
        }
        if let (Some(own), Some(labelled)) = (&self.embeddings, &self.labelled)
            && own.dimensions() != labelled.dimensions()
        {
            let (found, expected) = (labelled.dimensions(), own.dimensions());
            return Err(AcquisitionError::Length { what: "a labelled embedding", found, expected }.into());
        }
        let costs = self.costs.unwrap_or_default();
        match costs.iter().position(|cost| !(*cost > 0.0 && cost.is_finite())) {
            Some(row) => Err(SelectError::Unusable {
                what: "cost",
                id: self.ids[row].to_owned(),
                value: costs[row],
                way_out: "write a number above 0, or no costs at all",
            }),
            None => Ok(()),
        }
    }
}

/// Candidates in the order of their keys, so that the first of equal rows is the one to be asked, and nothing depends on
/// the order in which they came.
pub(super) struct Frame<'a> {
    /// The caller's row of each of ours.
    pub origins: Vec<usize>,
    pub ids: Vec<&'a str>,
    pub kind: Kind,
    /// Whether there are predictions at all; without them [`Frame::members`] is one with scores of 0.
    pub is_predicted: bool,
    pub members: Vec<Vec<f64>>,
    pub embeddings: Option<Picked>,
    pub labelled: Option<Picked>,
    pub costs: Option<Vec<f64>>,
    pub contents: Option<Vec<Hash>>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(candidates: &Candidates<'a>, seed: u64) -> Result<Self, SelectError> {
        candidates.check()?;
        let keys = candidates.ids.iter().map(|id| OrderKey::of_tie(seed, id.as_bytes()));
        let mut order: Vec<(OrderKey, usize)> = keys.zip(0..).collect();
        order.sort_unstable();
        if let Some(pair) = order.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let id = candidates.ids[pair[0].1].to_owned();
            return Err(SelectError::DoubleId { id, first: pair[0].1, second: pair[1].1 });
        }
        let origins: Vec<usize> = order.into_iter().map(|(_, row)| row).collect();
        let kind = candidates.predictions.as_ref().map_or(Kind::Score, Block::kind);
        let members = match &candidates.predictions {
            Some(block) => (0..block.members()).map(|member| predictions(block, member, &origins)).collect(),
            None => vec![vec![0.0; origins.len()]],
        };
        Ok(Self {
            ids: pick(&candidates.ids, 1, &origins),
            kind,
            is_predicted: candidates.predictions.is_some(),
            members,
            embeddings: candidates.embeddings.map(|points| points.pick(&origins)),
            labelled: candidates.labelled.filter(|points| points.rows() > 0).map(|points| points.in_order()),
            costs: candidates.costs.map(|costs| pick(costs, 1, &origins)),
            contents: candidates.contents.map(|contents| pick(contents, 1, &origins)),
            origins,
        })
    }

    /// Says whether a function can be used on the candidates.
    pub(super) fn check(&self, acquisition: Acquisition, rows: &Block<'_>) -> Result<(), SelectError> {
        if !self.is_predicted && (acquisition == Acquisition::Score || acquisition.check_kind(Kind::Score).is_err()) {
            let way_out = "give them, or use `typiclust`, `core_set` or `random`";
            return Err(SelectError::Lacking { key: acquisition.to_string(), what: "predictions", way_out });
        }
        Ok(acquisition.check_block(rows)?)
    }
}

/// A member's numbers for some rows, NaN where it has none.
fn predictions(block: &Block<'_>, member: usize, rows: &[usize]) -> Vec<f64> {
    let width = block.kind().width();
    let mut numbers = Vec::with_capacity(rows.len() * width);
    for row in rows {
        match block.row(member, *row) {
            Some(row) => numbers.extend_from_slice(row),
            None => numbers.resize(numbers.len() + width, f64::NAN),
        }
    }
    numbers
}
