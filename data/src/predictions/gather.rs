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
    sketch::{Sketch, SketchPlan, rated_by, sketch},
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
    let sketches = sketches(files, wish)?;
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

/// Phase one of a whole committee in one place: a sketch for each function that rates rows otherwise than those before it. The
/// first one has the sample.
///
/// # Errors
/// As [`committee_sketch`].
pub fn sketches(files: &[PredictionFile], wish: &Wish) -> Result<Vec<Sketch>, PredictionError> {
    each(wish, Acquisition::row_wise, |plan| committee_sketch(files, plan))
}

/// Phase one of a member whose committee is elsewhere: as [`sketches`], by what stands for the functions ([`rated_by`]).
///
/// # Errors
/// As [`sketch`].
pub fn member_sketches(file: &PredictionFile, wish: &Wish) -> Result<Vec<Sketch>, PredictionError> {
    let kind = &file.layout().kind;
    each(wish, |acquisition| rated_by(acquisition, kind), |plan| sketch(file, plan))
}

/// Makes a sketch for each function that is another one as far as rating goes.
fn each<K: Ord>(
    wish: &Wish,
    rated: impl Fn(Acquisition) -> K,
    make: impl Fn(&SketchPlan) -> Result<Sketch, PredictionError>,
) -> Result<Vec<Sketch>, PredictionError> {
    let (mut found, mut done) = (Vec::new(), BTreeSet::new());
    for acquisition in &wish.acquisitions {
        if !done.insert(rated(*acquisition)) {
            continue;
        }
        found.push(make(&SketchPlan {
            acquisition: *acquisition,
            noise: wish.noise,
            candidates: wish.candidates,
            // The same in every pass.
            sample: if found.is_empty() { wish.sample } else { 0 },
            excluded: wish.excluded.clone(),
        })?);
    }
    Ok(found)
}
