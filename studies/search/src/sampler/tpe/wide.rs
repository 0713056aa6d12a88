//! Kernels that stand for many points each: as wide as those lie apart, their options by frequency.

use super::axis::Axes;
use super::bank::{ABSENT, Block, LANES, Probe};
use super::exp::mass_around;
use crate::normal;

/// Kernels side by side, each with widths and frequencies of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct WideBank {
    bases: Vec<Block>,
    means: Vec<Block>,
    scales: Vec<Block>,
    /// For each axis with options `[option × block]`, logarithms of probabilities.
    tables: Vec<Vec<Block>>,
}

impl WideBank {
    /// Makes room for `kernels`; axes with more than `most_options` are left out.
    pub(super) fn new(axes: &Axes, kernels: usize, most_options: usize) -> Self {
        let blocks = kernels.div_ceil(LANES);
        let table = |count| if count <= most_options { vec![[0.0; LANES]; count * blocks] } else { Vec::new() };
        Self {
            bases: vec![ABSENT; blocks],
            means: vec![[0.0; LANES]; blocks * axes.lines()],
            scales: vec![[0.0; LANES]; blocks * axes.lines()],
            tables: axes.options().map(table).collect(),
        }
    }

    /// Sets a kernel of the given means and widths along the lines.
    pub(super) fn set(&mut self, axes: &Axes, slot: usize, (means, sigmas): (&[f64], &[f64]), ln_weight: f64) {
        let (block, lane) = (slot / LANES, slot % LANES);
        let at = block * axes.lines();
        let mut base = ln_weight - axes.lines() as f64 * normal::ln_sqrt_tau();
        for (axis, (&mean, &sigma)) in means.iter().zip(sigmas).enumerate() {
            self.means[at + axis][lane] = mean as f32;
            self.scales[at + axis][lane] = (std::f64::consts::FRAC_1_SQRT_2 / sigma) as f32;
            base -= (sigma * mass_around(mean, sigma)).ln();
        }
        // Axes without a table are as good as uniform.
        let left_out = axes.options().zip(&self.tables).filter(|(_, table)| table.is_empty());
        base -= left_out.map(|(count, _)| (count as f64).ln()).sum::<f64>();
        self.bases[block][lane] = base as f32;
    }

    /// Sets a kernel's logarithm of the probability of an option, unless the axis is left out.
    pub(super) fn set_option(&mut self, slot: usize, table: usize, option: usize, ln_probability: f64) {
        let blocks = self.bases.len();
        if let Some(block) = self.tables[table].get_mut(option * blocks + slot / LANES) {
            block[slot % LANES] = ln_probability as f32;
        }
    }

    /// Appends the logarithm of each of the first `kernels` at the probe to `terms`, and of none beside them but
    /// negative infinity.
    pub(super) fn measure(&self, axes: &Axes, kernels: usize, probe: &Probe, terms: &mut Vec<Block>) {
        let lines = axes.lines();
        let (numbers, options) = probe.point.split_at(lines);
        for block in 0..kernels.div_ceil(LANES) {
            let mut sums = self.bases[block];
            let (means, scales) = (&self.means[block * lines..], &self.scales[block * lines..]);
            for ((number, means), scales) in numbers.iter().zip(means).zip(scales) {
                for lane in 0..LANES {
                    let distance = (number - means[lane]) * scales[lane];
                    sums[lane] -= distance * distance;
                }
            }
            for (option, table) in options.iter().zip(&self.tables) {
                let Some(values) = table.get(*option as usize * self.bases.len() + block) else { continue };
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += value;
                }
            }
            terms.push(sums);
        }
    }
}
