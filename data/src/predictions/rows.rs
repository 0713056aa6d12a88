//! Phase two: the rows of the samples that are candidates somewhere, read from one member's file.

use std::collections::HashMap;

use super::{
    batch::{Batch, Row},
    error::{Fault, PredictionError, Problem},
    file::PredictionFile,
    layout::Layout,
    scan::{Fold, scan},
};

/// Some rows of a file: predictions, embeddings and costs of some samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// What each row holds.
    pub layout: Layout,
    /// Samples.
    pub ids: Vec<String>,
    /// Samples × [`Layout::width`]; as 32-bit numbers where the file has them, else as 64-bit ones.
    pub values: Vec<f64>,
    /// Samples × [`Layout::embedding`]; empty without embeddings.
    pub embeddings: Vec<f32>,
    /// One a sample; empty without costs.
    pub costs: Vec<f64>,
}

impl Rows {
    /// No rows.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self { layout, ids: Vec::new(), values: Vec::new(), embeddings: Vec::new(), costs: Vec::new() }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    fn push(&mut self, row: &Row<'_>) {
        self.ids.push(row.id.to_owned());
        self.values.extend_from_slice(row.values);
        self.embeddings.extend_from_slice(row.embedding);
        self.costs.extend(row.cost);
    }
}

/// Reads the rows of these samples, in the order of `ids`. Samples that the file does not have are left out.
///
/// Memory grows with the rows that are found. The rest of the file is passed over as cheaply as its format allows, and not
/// checked.
///
/// # Errors
/// The file cannot be read, or one of the rows is damaged or there twice.
pub fn rows(file: &PredictionFile, ids: &[String]) -> Result<Rows, PredictionError> {
    let places: HashMap<&[u8], usize> = ids.iter().enumerate().map(|(place, id)| (id.as_bytes(), place)).collect();
    let mut found = Found { file, batches: Vec::new() };
    match file.numbers_of(ids) {
        Some(numbers) => found.batches.push(file.read_numbers(&numbers)?),
        None => scan(file, Some(&|id: &[u8]| places.contains_key(id)), &mut found)?,
    }
    let layout = file.layout();
    let mut by_place: Vec<(usize, Row<'_>)> = Vec::new();
    for row in found.batches.iter().flat_map(|batch| batch.rows(layout)) {
        by_place.extend(places.get(row.id.as_bytes()).map(|place| (*place, row)));
    }
    // Stable: of two rows of one sample, the file's first one stays first.
    by_place.sort_by_key(|(place, _)| *place);
    if let Some(pair) = by_place.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(file.error(double(file, &pair[0].1, &pair[1].1)));
    }
    let mut rows = Rows::new(layout.clone());
    by_place.iter().for_each(|(_, row)| rows.push(row));
    Ok(rows)
}

/// Reads all rows of a file, in its order. For files that fit into memory.
///
/// # Errors
/// The file cannot be read or has a damaged row.
pub fn all_rows(file: &PredictionFile) -> Result<Rows, PredictionError> {
    let mut found = Found { file, batches: Vec::new() };
    scan(file, None, &mut found)?;
    let mut rows = Rows::new(file.layout().clone());
    found.batches.iter().flat_map(|batch| batch.rows(file.layout())).for_each(|row| rows.push(&row));
    if rows.is_empty() { Err(file.error(Fault::file(Problem::Empty))) } else { Ok(rows) }
}

fn double(file: &PredictionFile, first: &Row<'_>, second: &Row<'_>) -> Fault {
    let problem = Problem::DoubleId { id: second.id.to_owned(), first: file.place(first.number) };
    Fault::at(file.place(second.number), problem).column("id")
}

/// Rows that were found, batch by batch in the file's order.
struct Found<'a> {
    file: &'a PredictionFile,
    batches: Vec<Batch>,
}

impl Fold for Found<'_> {
    type Partial = Vec<Batch>;

    fn visit(&self, batch: &Batch, partial: &mut Vec<Batch>) -> Result<(), Fault> {
        if !batch.is_empty() {
            let mut copy = Batch::default();
            batch.rows(self.file.layout()).for_each(|row| copy.push(&row));
            partial.push(copy);
        }
        Ok(())
    }

    fn merge(&mut self, partial: Vec<Batch>) -> Result<(), Fault> {
        self.batches.extend(partial);
        Ok(())
    }
}
