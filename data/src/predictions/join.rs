//! A committee whose files all lie here, rated as it is: rows of all members meet by their ids, in whatever order the files
//! have them.
//!
//! ```text
//!  ids ─ hash ─▶ group 0, group 1, …      one pass over all files for each group:
//!
//!  file A ─ rows of the group ─┐
//!  file B ─ rows of the group ─┼─▶ meet by id ─▶ score by score, in A's order ─▶ sketch
//!  file C ─ rows of the group ─┘
//! ```
//!
//! As many groups as keep the rows of one of them within a budget, so memory does not grow with the files. Files that have the
//! same samples in the same order need no groups: they are read once, side by side (`aligned`).

mod aligned;

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
};

use rayon::prelude::*;

use super::{
    batch::{Batch, Row},
    committee::{orders, reordered},
    error::{Fault, PredictionError, Problem},
    file::PredictionFile,
    layout::{Kind, Layout},
    scan::{Fold, scan},
    sketch::{Partial, Sketch, SketchPlan, Sketching, check, sketch},
};
use crate::acquisition::{Acquisition, AcquisitionError, Block, Points, committee::consensus};

/// Bytes of members' rows that are held at once, about.
const HELD: u64 = 128 << 20;
/// Bytes of a row beside its numbers: id, number and its places in tables.
const BESIDE: u64 = 96;
/// Rows that a thread rates at once.
const RATED: usize = 4_096;

/// Reads all members' files and keeps what `plan` says of the committee: its own scores of every row, and no approximation.
///
/// The rows are those of the first file, and their numbers too. With one file this is [`sketch`] of it. Files with the same
/// samples in the same order are read once; others once for each 128 MiB of predictions that they hold together. Memory beyond
/// these is that of [`sketch`]. The result depends on the files alone, not on threads, nor on the order of their rows.
///
/// [`Acquisition::Epig`] needs targets and is rated by [`Acquisition::Bald`]; functions of sets of rows are rated at random.
///
/// # Errors
/// A fault of a file, two rows of one sample, a sample that a member lacks, members that predict different things, or an
/// acquisition function that does not fit them.
pub fn committee_sketch(files: &[PredictionFile], plan: &SketchPlan) -> Result<Sketch, PredictionError> {
    committee_sketch_within(files, plan, HELD)
}

pub(super) fn committee_sketch_within(files: &[PredictionFile], plan: &SketchPlan, held: u64) -> Result<Sketch, PredictionError> {
    let orders = orders(files)?;
    let rated_by = match plan.acquisition.row_wise() {
        None => Acquisition::Random,
        Some(Acquisition::Epig) => Acquisition::Bald,
        Some(single) => single,
    };
    let first = &files[0];
    if let [only] = files {
        if plan.acquisition.needs_committee() {
            return Err(unfit(only, &AcquisitionError::NeedsCommittee(plan.acquisition)));
        }
        return sketch(only, plan);
    }
    check(first, plan, rated_by)?;
    let kept = |file: &PredictionFile, number: usize| Layout {
        embedding: file.layout().embedding.filter(|_| number == 0 && rated_by.needs_embeddings()),
        has_cost: false,
        ..file.layout().clone()
    };
    let layouts: Vec<Layout> = files.iter().enumerate().map(|(number, file)| kept(file, number)).collect();
    let bytes = |layout: &Layout| 8 * layout.width() as u64 + 4 * layout.embedding.unwrap_or(0) as u64 + BESIDE;
    let per_row: u64 = layouts.iter().map(bytes).sum();
    let groups = (first.rows_about()?.saturating_mul(per_row) / held.max(1)) + 1;
    let mut join = Join { files, layouts, orders, rated_by, sketching: Sketching::new(first, plan, rated_by) };
    if aligned::aligned(&mut join)? {
        return join.sketching.finish();
    }
    join.sketching = Sketching::new(first, plan, rated_by).without_doubles();
    for group in 0..groups {
        join.group(&|id| BuildHasherDefault::<DefaultHasher>::default().hash_one(id) % groups == group)?;
    }
    join.sketching.finish()
}

/// The files of a committee, and what was made of them so far.
struct Join<'a> {
    files: &'a [PredictionFile],
    /// What is held of each file's rows.
    layouts: Vec<Layout>,
    /// Where the first member has each number of a member's row.
    orders: Vec<Vec<usize>>,
    rated_by: Acquisition,
    sketching: Sketching<'a>,
}

/// Where a gathered row is: its batch, and its place there.
type Place = (u32, u32);

impl Join<'_> {
    /// Takes the rows of one group.
    fn group(&mut self, wanted: &(dyn Fn(&[u8]) -> bool + Sync)) -> Result<(), PredictionError> {
        let mut gathered = Vec::new();
        for (file, layout) in self.files.iter().zip(&self.layouts) {
            let mut gather = Gather { file, kept: layout, batches: Vec::new() };
            scan(file, Some(wanted), &mut gather)?;
            gathered.push(gather.batches);
        }
        let rows = self.meet(&gathered)?;
        self.rate_all(&gathered, &rows)
    }

    /// Scores rows with all threads and takes them, in their order.
    fn rate_all(&mut self, gathered: &[Vec<Batch>], rows: &[Vec<Place>]) -> Result<(), PredictionError> {
        let parts: Vec<&[Vec<Place>]> = rows.chunks(RATED).collect();
        for some in parts.chunks(4 * rayon::current_num_threads()) {
            let rated = some.par_iter().map(|part| self.rate(gathered, part)).collect::<Vec<_>>();
            for partial in rated {
                self.sketching.merge(partial?).map_err(|fault| self.files[0].error(fault))?;
            }
        }
        Ok(())
    }

    /// For each row of the first file the places of the sample's rows in all of them.
    fn meet(&self, gathered: &[Vec<Batch>]) -> Result<Vec<Vec<Place>>, PredictionError> {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut rows: Vec<Vec<Place>> = Vec::new();
        for (place, row) in self.rows(gathered, 0) {
            if let Some(first) = numbers.insert(row.id, rows.len()) {
                return Err(self.double(0, &self.row(gathered, 0, rows[first][0]), &row));
            }
            rows.push(vec![place]);
        }
        for member in 1..self.files.len() {
            for (place, row) in self.rows(gathered, member) {
                let Some(number) = numbers.get(row.id) else { return Err(self.alone(member, &row, 0)) };
                let places = &mut rows[*number];
                if let Some(first) = places.get(member) {
                    return Err(self.double(member, &self.row(gathered, member, *first), &row));
                }
                places.push(place);
            }
            if let Some(lacking) = rows.iter().find(|places| places.len() == member) {
                return Err(self.alone(0, &self.row(gathered, 0, lacking[0]), member));
            }
        }
        Ok(rows)
    }

    fn rows<'a>(&'a self, gathered: &'a [Vec<Batch>], member: usize) -> impl Iterator<Item = (Place, Row<'a>)> {
        (0..).zip(&gathered[member]).flat_map(move |(number, batch)| {
            (0..).zip(batch.rows(&self.layouts[member])).map(move |(at, row)| ((number, at), row))
        })
    }

    fn row<'a>(&self, gathered: &'a [Vec<Batch>], member: usize, (batch, at): Place) -> Row<'a> {
        gathered[member][batch as usize].get(at as usize, &self.layouts[member])
    }

    /// Scores some rows.
    fn rate(&self, gathered: &[Vec<Batch>], rows: &[Vec<Place>]) -> Result<Partial, PredictionError> {
        let mut values: Vec<Vec<f64>> = Vec::new();
        for (member, order) in self.orders.iter().enumerate() {
            let mut all = Vec::with_capacity(rows.len() * order.len());
            for places in rows {
                all.extend_from_slice(self.row(gathered, member, places[member]).values);
            }
            values.push(reordered(&all, order));
        }
        let mut embeddings = Vec::new();
        for places in rows {
            embeddings.extend_from_slice(self.row(gathered, 0, places[0]).embedding);
        }
        let members: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
        let scores = self.scores(&members, &embeddings, rows.len()).map_err(|error| unfit(&self.files[0], &error))?;
        let mut partial = Partial::default();
        let width = self.layouts[0].width();
        let mut mean = vec![0.0; width];
        for (at, (places, score)) in rows.iter().zip(scores).enumerate() {
            consensus(members.iter().map(|member| &member[at * width..(at + 1) * width]), &mut mean);
            let row = Row { values: &mean, ..self.row(gathered, 0, places[0]) };
            self.sketching.visit_row(&row, score, &mut partial);
        }
        Ok(partial)
    }

    fn scores(&self, members: &[&[f64]], embeddings: &[f32], rows: usize) -> Result<Vec<f64>, AcquisitionError> {
        let kind: &Kind = &self.layouts[0].kind;
        let mut block = Block::new(kind.for_acquisition(), members)?;
        if let Some(width) = self.layouts[0].embedding {
            block = block.with_embeddings(Points::of_f32(embeddings, width)?)?;
        }
        let mut scores = vec![0.0; rows];
        self.rated_by.score_rows(&block, &mut scores)?;
        Ok(scores)
    }

    fn double(&self, member: usize, first: &Row<'_>, second: &Row<'_>) -> PredictionError {
        let file = &self.files[member];
        let problem = Problem::DoubleId { id: second.id.to_owned(), first: file.place(first.number) };
        file.error(Fault::at(file.place(second.number), problem).column("id"))
    }

    fn alone(&self, member: usize, row: &Row<'_>, other: usize) -> PredictionError {
        let file = &self.files[member];
        let problem = Problem::NoPartner { id: row.id.to_owned(), other: self.files[other].name().to_owned() };
        file.error(Fault::at(file.place(row.number), problem).column("id"))
    }
}

fn unfit(file: &PredictionFile, error: &AcquisitionError) -> PredictionError {
    file.error(Fault::file(Problem::Unfit(error.to_string())))
}

/// A copy of a batch with what is kept of its rows.
fn kept_copy(batch: &Batch, layout: &Layout, kept: &Layout) -> Batch {
    let mut copy = Batch::default();
    for row in batch.rows(layout) {
        let embedding = if kept.embedding.is_some() { row.embedding } else { &[] };
        copy.push(&Row { embedding, cost: None, ..row });
    }
    copy
}

/// Rows of a group, batch by batch in the file's order.
struct Gather<'a> {
    file: &'a PredictionFile,
    /// What is kept of each row.
    kept: &'a Layout,
    batches: Vec<Batch>,
}

impl Fold for Gather<'_> {
    type Partial = Vec<Batch>;

    fn visit(&self, batch: &Batch, partial: &mut Vec<Batch>) -> Result<(), Fault> {
        if batch.is_empty() {
            return Ok(());
        }
        partial.push(kept_copy(batch, self.file.layout(), self.kept));
        Ok(())
    }

    fn merge(&mut self, partial: Vec<Batch>) -> Result<(), Fault> {
        self.batches.extend(partial);
        Ok(())
    }
}

#[cfg(test)]
#[path = "join_tests.rs"]
mod tests;
