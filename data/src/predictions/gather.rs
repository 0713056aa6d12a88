//! From files of any size to the few rows that a batch is chosen from.
//!
//! ```text
//!  files ─ a sketch for each function ─▶ ids: best candidates, and a uniform sample of the pool
//!  files ─ rows of these ids ─▶ committee: predictions, embeddings, costs
//! ```

use std::collections::BTreeSet;

use super::{
    committee::Committee,
    error::PredictionError,
    excluded::Excluded,
    file::PredictionFile,
    join::committee_sketch,
    rows::rows,
    sketch::{Sketch, SketchPlan},
};
use crate::acquisition::{Acquisition, Noise};

/// What is wanted of a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// The functions whose best rows are candidates; at least one.
    pub acquisitions: Vec<Acquisition>,
    /// What ties and random draws come from.
    pub noise: Noise,
    /// Candidates of each function.
    pub candidates: usize,
    /// Rows that are drawn at random, all with the same chance.
    pub sample: usize,
    /// Samples that are passed over.
    pub excluded: Excluded,
}

/// The rows that a batch is chosen from.
#[derive(Clone, Debug, PartialEq)]
pub struct Gathered {
    /// Candidates and drawn rows of all members, in the order of their ids.
    pub committee: Committee,
    /// Ids of the rows that were drawn, in the order of the draw: the first few are a smaller draw.
    pub sample: Vec<String>,
    /// What was found of the whole pool, for each function.
    pub sketches: Vec<Sketch>,
}

/// Reads the files of a model or of a committee and gathers what a batch can be chosen from.
///
/// Files are read once for each function that rates rows by itself, and once more for the rows. Functions that rate rows alike
/// share a pass.
///
/// # Errors
/// As [`committee_sketch`].
pub fn gather(files: &[PredictionFile], wish: &Wish) -> Result<Gathered, PredictionError> {
    let mut sketches: Vec<Sketch> = Vec::new();
    let mut done: BTreeSet<Option<Acquisition>> = BTreeSet::new();
    for acquisition in &wish.acquisitions {
        if !done.insert(acquisition.row_wise()) {
            continue;
        }
        let plan = SketchPlan {
            acquisition: *acquisition,
            noise: wish.noise,
            candidates: wish.candidates,
            // The same in every pass.
            sample: if sketches.is_empty() { wish.sample } else { 0 },
            excluded: wish.excluded.clone(),
        };
        sketches.push(committee_sketch(files, &plan)?);
    }
    let sample: Vec<String> = sketches.iter().flat_map(|sketch| &sketch.sample).map(|drawn| drawn.id.clone()).collect();
    let mut ids: BTreeSet<String> = sample.iter().cloned().collect();
    ids.extend(sketches.iter().flat_map(|sketch| &sketch.candidates).map(|candidate| candidate.id.clone()));
    let ids: Vec<String> = ids.into_iter().collect();
    let mut members = Vec::new();
    for file in files {
        members.push((file.name().to_owned(), rows(file, &ids)?));
    }
    Ok(Gathered { committee: Committee::assemble(&ids, members)?, sample, sketches })
}
