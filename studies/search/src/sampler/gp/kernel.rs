//! The covariance of two points: Matérn 5/2 with a length scale for each parameter (Rasmussen and Williams 2006,
//! 4.17), over numbers and options alike.
//!
//! With `q` the sum of squared differences over squared length scales and `r = √(5 q)`:
//!
//! ```text
//! k(q) = s² (1 + r + r²/3) e⁻ʳ        k′(q) = −5/6 s² (1 + r) e⁻ʳ
//! ```
//!
//! The derivative has no root of `q` below a fraction bar, so nothing is special where two points meet. Two
//! different options lie 1 apart, whichever they are: corners of a simplex, so the kernel stays positive definite.

/// How the entries of one column differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers: by their difference.
    Line,
    /// Names: by 1, or not at all.
    Label,
}

/// One column of the points, and the length scale that it shares with the columns of the same parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) kind: Kind,
    /// Index of the length scale.
    pub(super) scale: usize,
}

/// Points column by column, for loops that run over points.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Points {
    columns: Vec<Vec<f64>>,
    len: usize,
}

impl Points {
    pub(super) fn new(width: usize) -> Self {
        Self { columns: vec![Vec::new(); width], len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn column(&self, column: usize) -> &[f64] {
        &self.columns[column]
    }

    pub(super) fn push(&mut self, point: &[f64]) {
        for (column, &entry) in self.columns.iter_mut().zip(point) {
            column.push(entry);
        }
        self.len += 1;
    }

    /// Copies one point into `into`.
    pub(super) fn read(&self, index: usize, into: &mut [f64]) {
        for (column, entry) in self.columns.iter().zip(into) {
            *entry = column[index];
        }
    }

    /// Drops the points from `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(len));
        self.len = self.len.min(len);
    }
}

/// What the kernel and the noise are set to. Logarithms throughout.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hyper {
    /// Length scales, in units of a parameter's range.
    pub(super) ln_lengths: Vec<f64>,
    /// Variance of the function.
    pub(super) ln_signal: f64,
    /// Variance of the noise.
    pub(super) ln_noise: f64,
}

impl Hyper {
    /// Returns the inverse squared length scale of each column.
    pub(super) fn weights(&self, columns: &[Column]) -> Vec<f64> {
        columns.iter().map(|column| (-2.0 * self.ln_lengths[column.scale]).exp()).collect()
    }
}

/// Distances beyond this count as this: the covariance is nothing, and the exponential would leave its range.
const FAR: f64 = 700.0;

/// Adds up `q` between `point` and the first `into.len()` points.
pub(super) fn squares(columns: &[Column], weights: &[f64], points: &Points, point: &[f64], into: &mut [f64]) {
    into.fill(0.0);
    for (index, column) in columns.iter().enumerate() {
        let (weight, here) = (weights[index], point[index]);
        let there = &points.column(index)[..into.len()];
        match column.kind {
            Kind::Line => into.iter_mut().zip(there).for_each(|(q, there)| *q += weight * (here - there) * (here - there)),
            Kind::Label => into.iter_mut().zip(there).for_each(|(q, &there)| *q += if there == here { 0.0 } else { weight }),
        }
    }
}

/// Turns each `q` into the covariance for a signal of variance 1.
pub(super) fn covariances(q: &mut [f64]) {
    for q in q {
        let r = (5.0 * *q).sqrt().min(FAR);
        *q = (1.0 + r + r * r * (1.0 / 3.0)) * exp_minus(r);
    }
}

/// Turns each `q` into the covariance for a signal of variance 1, and writes its derivative by `q` beside it.
pub(super) fn covariances_and_slopes(q: &mut [f64], slopes: &mut [f64]) {
    for (q, slope) in q.iter_mut().zip(slopes) {
        let r = (5.0 * *q).sqrt().min(FAR);
        let decay = exp_minus(r);
        *q = (1.0 + r + r * r * (1.0 / 3.0)) * decay;
        *slope = (-5.0 / 6.0) * (1.0 + r) * decay;
    }
}

/// Returns `e⁻ˣ` for `x` from 0 to [`FAR`] to about 1e-15, in arithmetic alone, so that loops over it become vector code and its
/// bits depend on no system library.
///
/// The exponent is split into a multiple of ln 2 and a rest below 0.35, for which the series ends at the 12th power.
fn exp_minus(x: f64) -> f64 {
    /// Adding it leaves a double's fraction holding the nearest whole number.
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = -x;
    let shifted = x * std::f64::consts::LOG2_E + ROUNDER;
    let halvings = shifted - ROUNDER;
    let rest = (x - halvings * LN_2_HIGH) - halvings * LN_2_LOW;
    let series = SERIES.iter().fold(0.0, |sum, term| sum * rest + term);
    f64::from_bits(series.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// Reciprocals of factorials, from that of 12 down to that of 0.
const SERIES: [f64; 13] = [
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;
