//! Reads a file with all threads and puts what they find together in the file's order.
//!
//! ```text
//!  parts ─┬─▶ thread: read, check, visit ─▶ partial ─┬─▶ merge, in order of the parts
//!         └─▶ thread: read, check, visit ─▶ partial ─┘
//! ```
//!
//! The next parts are read from the disk while these are worked on. Nothing here depends on how many threads there are: the
//! first fault in the file's order is the one that is told, and partial results are merged in that order.

use rayon::prelude::*;

use super::{
    batch::Batch,
    error::{Fault, PredictionError},
    file::{Part, Parts, PredictionFile, Wanted},
};

/// What is made of the rows of a file.
pub(super) trait Fold: Sync {
    /// What one part gives.
    type Partial: Default + Send;

    /// Takes rows of a part, seeing what was merged before.
    fn visit(&self, batch: &Batch, partial: &mut Self::Partial) -> Result<(), Fault>;

    /// Takes what a part gave, part after part.
    fn merge(&mut self, partial: Self::Partial) -> Result<(), Fault>;
}

/// Tells by its id whether a row is wanted; all are where there is none.
pub(super) type Filter<'a> = Option<&'a (dyn Fn(&[u8]) -> bool + Sync)>;

/// Reads all rows, or those that are wanted.
///
/// # Errors
/// The first fault of the file, or what `fold` says.
pub(super) fn scan<F: Fold>(file: &PredictionFile, wanted: Filter<'_>, fold: &mut F) -> Result<(), PredictionError> {
    parts_of(file, wanted, fold).map_err(|fault| file.error(fault))
}

fn parts_of<F: Fold>(file: &PredictionFile, wanted: Filter<'_>, fold: &mut F) -> Result<(), Fault> {
    let threads = rayon::current_num_threads();
    let mut parts = file.parts(threads)?;
    let mut round = next(&mut parts, threads)?;
    while !round.is_empty() {
        let seen = &*fold;
        let work = || round.par_iter().map_init(Batch::default, |batch, part| partial(file, part, wanted, seen, batch));
        let (done, following) = rayon::join(|| work().collect::<Vec<_>>(), || next(&mut parts, threads));
        for partial in done {
            fold.merge(partial?)?;
        }
        round = following?;
    }
    Ok(())
}

fn partial<F: Fold>(
    file: &PredictionFile,
    part: &Part,
    wanted: Filter<'_>,
    fold: &F,
    batch: &mut Batch,
) -> Result<F::Partial, Fault> {
    let mut partial = F::Partial::default();
    let wanted: Wanted<'_> = wanted.map(|wanted| wanted as &dyn Fn(&[u8]) -> bool);
    file.read(part, wanted, batch, &mut |batch| fold.visit(batch, &mut partial))?;
    Ok(partial)
}

/// The next parts: enough that no thread has to wait long for the slowest one.
fn next(parts: &mut Parts<'_>, threads: usize) -> Result<Vec<Part>, Fault> {
    let count = match parts {
        Parts::Lines(_) | Parts::Ranges(_) => 2 * threads,
        // Each has readers of its own, with a page of each column in memory.
        Parts::Pieces(_) => threads,
    };
    let mut round = Vec::with_capacity(count);
    while round.len() < count {
        match parts.next()? {
            Some(part) => round.push(part),
            None => break,
        }
    }
    Ok(round)
}
