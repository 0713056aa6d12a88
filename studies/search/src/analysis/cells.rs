//! A parameter's values sorted into at most 64 cells, each with its place and its share of the range.
//!
//! Models over cells cost the same for any number of trials and values, and a set of cells is one machine word.

use std::collections::BTreeMap;

use super::scale::Scale;
use crate::space::Distribution;

/// The most cells of a parameter: the bits of a word.
pub(crate) const MOST_CELLS: usize = 64;

/// Stands for the cell of a trial that did not have the parameter.
pub(crate) const ABSENT: u8 = u8::MAX;

/// The cells of one parameter.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    /// How values find their cell.
    sorting: Sorting,
    /// Middle of each cell within `[0, 1]`; the index for options.
    pub(crate) places: Vec<f64>,
    /// Share of the range that each cell holds; sums to 1.
    pub(crate) shares: Vec<f64>,
}

#[derive(Clone, Debug)]
enum Sorting {
    /// Only one value: nothing can be learnt.
    Single,
    /// Equal parts of the range.
    Parts(Scale),
    /// One cell per value in steps.
    Values(Distribution),
    /// One cell per option that was tried, the most frequent first; the rest share the last.
    Options(BTreeMap<u64, u8>),
}

impl Cells {
    /// Lays cells over a parameter; `tried` are the internal numbers that occurred, NaN where absent.
    ///
    /// Options that were never tried have no cell and no share: nothing is known about them.
    pub(crate) fn new(distribution: &Distribution, tried: impl Iterator<Item = f64>) -> Self {
        if let Distribution::Categorical { .. } = distribution {
            return Self::options(tried);
        }
        let Some(scale) = Scale::new(distribution) else {
            return Self { sorting: Sorting::Single, places: vec![0.5], shares: vec![1.0] };
        };
        match distribution.cardinality().filter(|&count| count <= MOST_CELLS as u64) {
            Some(count) => Self::values(distribution, &scale, count),
            None => Self::parts(scale),
        }
    }

    fn parts(scale: Scale) -> Self {
        let share = 1.0 / MOST_CELLS as f64;
        let places = (0..MOST_CELLS).map(|cell| (cell as f64 + 0.5) * share).collect();
        Self { sorting: Sorting::Parts(scale), places, shares: vec![share; MOST_CELLS] }
    }

    fn values(distribution: &Distribution, scale: &Scale, count: u64) -> Self {
        let ends: Vec<(f64, f64)> = (0..count).map(|index| scale.cell(distribution.nth(index))).collect();
        let places = ends.iter().map(|(from, to)| 0.5 * (from + to)).collect();
        let shares = ends.iter().map(|(from, to)| to - from).collect();
        Self { sorting: Sorting::Values(distribution.clone()), places, shares }
    }

    fn options(tried: impl Iterator<Item = f64>) -> Self {
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        for option in tried.filter(|option| !option.is_nan()) {
            *counts.entry(option as u64).or_default() += 1;
        }
        let mut order: Vec<(u64, usize)> = counts.into_iter().collect();
        order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let kinds = order.len().max(1);
        let cells = kinds.min(MOST_CELLS);
        let of_option = order.iter().enumerate().map(|(at, &(option, _))| (option, at.min(cells - 1) as u8));
        let mut shares = vec![1.0 / kinds as f64; cells];
        shares[cells - 1] *= (kinds - cells + 1) as f64;
        let places = (0..cells).map(|cell| cell as f64).collect();
        Self { sorting: Sorting::Options(of_option.collect()), places, shares }
    }

    /// Returns the number of cells, at least 1.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether neighbouring cells hold neighbouring values.
    pub(crate) fn is_ordered(&self) -> bool {
        !matches!(self.sorting, Sorting::Options(_))
    }

    /// Returns the cell of an internal number; [`ABSENT`] for NaN.
    pub(crate) fn of(&self, internal: f64) -> u8 {
        if internal.is_nan() {
            return ABSENT;
        }
        match &self.sorting {
            Sorting::Single => 0,
            Sorting::Parts(scale) => ((scale.unit(internal) * MOST_CELLS as f64) as usize).min(MOST_CELLS - 1) as u8,
            Sorting::Values(distribution) => distribution.index_of(distribution.snap(internal)) as u8,
            Sorting::Options(cells) => cells.get(&(internal as u64)).copied().unwrap_or(ABSENT),
        }
    }

    /// Returns the set of all cells, one bit each.
    pub(crate) fn all(&self) -> u64 {
        u64::MAX >> (MOST_CELLS - self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums_to_one(cells: &Cells) -> bool {
        (cells.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9
    }

    #[test]
    fn a_range_is_cut_into_equal_parts_and_few_values_have_their_own() {
        let float = Cells::new(&Distribution::Float { low: 0.0, high: 1.0, log: false, step: None }, [].into_iter());
        assert_eq!((float.len(), float.of(0.0), float.of(1.0), float.of(f64::NAN)), (64, 0, 63, ABSENT));
        let int = Cells::new(&Distribution::Int { low: 1, high: 4, log: true, step: 1 }, [].into_iter());
        assert_eq!((int.len(), int.of(1.0), int.of(4.0)), (4, 0, 3));
        assert!(int.shares[0] > int.shares[3] && sums_to_one(&int) && sums_to_one(&float));
        assert_eq!((int.all(), float.all()), (15, u64::MAX));
    }

    #[test]
    fn rare_options_of_a_million_share_the_last_cell() {
        let choices = (0..1_000_000).map(crate::space::Choice::Int).collect();
        let tried = (0..100).flat_map(|option| std::iter::repeat_n(f64::from(option * 7), (100 - option) as usize));
        let cells = Cells::new(&Distribution::Categorical { choices }, tried);
        assert_eq!((cells.len(), cells.of(0.0), cells.of(63.0 * 7.0), cells.of(99.0 * 7.0)), (64, 0, 63, 63));
        assert_eq!(cells.of(1.0), ABSENT);
        assert!(sums_to_one(&cells));
    }

    #[test]
    fn a_single_value_or_none_tried_has_one_cell() {
        let single = Cells::new(&Distribution::Int { low: 3, high: 3, log: false, step: 1 }, [3.0].into_iter());
        let untried = Cells::new(&Distribution::Categorical { choices: vec!["a".into(), "b".into()] }, [].into_iter());
        assert_eq!((single.len(), single.of(3.0), untried.len(), untried.all()), (1, 0, 1, 1));
    }
}
