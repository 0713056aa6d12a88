//! Trials as a table of cells: what the models read.

use crate::analysis::cells::{ABSENT, Cells};
use crate::analysis::seen::Seen;
use crate::space::Space;

/// One column of cell numbers per parameter.
pub(super) struct Table {
    pub(super) cells: Vec<Cells>,
    /// `[parameter][row]`; [`ABSENT`] where a trial did not have the parameter.
    pub(super) columns: Vec<Vec<u8>>,
}

impl Table {
    pub(super) fn new(space: &Space, trials: &[Seen<'_>]) -> Self {
        let tried = |parameter: usize| trials.iter().map(move |trial| trial.param(parameter));
        let cells_of = |(at, parameter): (usize, &crate::space::Parameter)| Cells::new(&parameter.distribution, tried(at));
        let cells: Vec<Cells> = space.parameters.iter().enumerate().map(cells_of).collect();
        let columns = cells.iter().enumerate().map(|(at, cells)| tried(at).map(|value| cells.of(value)).collect()).collect();
        Self { cells, columns }
    }

    /// Returns the rows of trials that had the parameter.
    pub(super) fn rows_with(&self, parameter: usize) -> Vec<usize> {
        let column = &self.columns[parameter];
        (0..column.len()).filter(|&row| column[row] != ABSENT).collect()
    }

    /// Whether all of `rows` had the parameter.
    pub(super) fn is_in_all(&self, parameter: usize, rows: &[usize]) -> bool {
        rows.iter().all(|&row| self.columns[parameter][row] != ABSENT)
    }
}
