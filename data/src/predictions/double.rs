//! The second look at ids whose keys meet: whether they are the same, and where.

use std::collections::HashMap;

use super::{
    batch::Batch,
    error::{Fault, PredictionError, Problem},
    file::PredictionFile,
    scan::{Fold, scan},
};

/// Samples that are compared by their ids; a file with more doubles than that is told of the first one among these.
const LOOKED_AT: usize = 1 << 16;

/// Reads a file again and tells the first row whose sample had one before. `doubles` are keys of more than one row each, in
/// order; `key` makes them.
///
/// # Errors
/// Two rows are of the same sample.
pub(super) fn first_double(
    file: &PredictionFile,
    doubles: &[u64],
    key: &(dyn Fn(&[u8]) -> u64 + Sync),
) -> Result<(), PredictionError> {
    let doubles = &doubles[..doubles.len().min(LOOKED_AT)];
    let mut fold = Doubles { file, seen: HashMap::new() };
    scan(file, Some(&|id: &[u8]| doubles.binary_search(&key(id)).is_ok()), &mut fold)
}

struct Doubles<'a> {
    file: &'a PredictionFile,
    /// Where each sample was first.
    seen: HashMap<String, u64>,
}

impl Fold for Doubles<'_> {
    type Partial = Vec<(String, u64)>;

    fn visit(&self, batch: &Batch, partial: &mut Self::Partial) -> Result<(), Fault> {
        partial.extend(batch.rows(self.file.layout()).map(|row| (row.id.to_owned(), row.number)));
        Ok(())
    }

    fn merge(&mut self, partial: Self::Partial) -> Result<(), Fault> {
        for (id, number) in partial {
            if let Some(first) = self.seen.get(&id) {
                let first = self.file.place(*first);
                return Err(Fault::at(self.file.place(number), Problem::DoubleId { id, first }).column("id"));
            }
            self.seen.insert(id, number);
        }
        Ok(())
    }
}
