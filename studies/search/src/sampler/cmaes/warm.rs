//! Where the first run begins, given the good trials of other studies: WS-CMA-ES (Nomura et al. 2021, arXiv:2012.06932).
//!
//! The distribution closest to a mixture of small round clouds around the good trials has their mean, and their
//! covariance plus that of a cloud. Options start with how often good trials have them.

use super::matrix::add_outer;
use super::restart::FIRST_SIGMA;
use crate::sampler::cube::Axis;
use crate::sampler::lore::Lore;

/// Standard deviation of the cloud around each good trial.
const CLOUD: f64 = 0.1;

/// A distribution to begin with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Start {
    pub(super) mean: Vec<f64>,
    /// Row after row.
    pub(super) covariance: Vec<f64>,
    /// For each parameter with options, how often good trials have each.
    pub(super) often: Vec<Vec<f64>>,
}

/// Whether a trial of the first generation is drawn where other studies are good; the others are spread evenly.
pub(super) fn is_drawn(number: u32) -> bool {
    number.is_multiple_of(2)
}

/// Whether the trials drawn where other studies are good came out no better than the others, given the numbers of
/// the first generation's trials from best to worst. Then the run goes on as if it had begun without them.
pub(super) fn misleads(ranked: impl Iterator<Item = u32>) -> bool {
    let (mut drawn, mut spread) = ((0, 0), (0, 0));
    for (rank, number) in ranked.enumerate() {
        let side = if is_drawn(number) { &mut drawn } else { &mut spread };
        side.0 += rank;
        side.1 += 1;
    }
    // Means, without dividing.
    drawn.1 > 0 && spread.1 > 0 && drawn.0 * spread.1 >= spread.0 * drawn.1
}

/// Returns where to begin; `None` if no good trial of another study has any of the parameters.
///
/// Along what a trial lacks it counts as one of a run that begins without other studies.
pub(super) fn start(lore: &Lore, (numbers, axes): (&[usize], &[Axis]), (options, counts): (&[usize], &[usize])) -> Option<Start> {
    let mut points: Vec<Vec<f64>> = Vec::new();
    let mut lacking = vec![0.0; axes.len()];
    let mut often: Vec<Vec<f64>> = counts.iter().map(|&count| vec![0.0; count]).collect();
    for lesson in lore.lessons().filter(|lesson| lesson.is_good) {
        if numbers.iter().chain(options).all(|&member| lesson.param(member).is_nan()) {
            continue;
        }
        let values = numbers.iter().map(|&member| lesson.param(member));
        points.push(
            values.clone().zip(axes).map(|(value, axis)| if value.is_nan() { 0.5 } else { axis.position(value) }).collect(),
        );
        values.zip(&mut lacking).filter(|(value, _)| value.is_nan()).for_each(|(_, lacking)| *lacking += 1.0);
        options.iter().zip(&mut often).for_each(|(&member, often)| note(lesson.param(member), often));
    }
    let mean = mean(&points)?;
    let mut covariance = covariance(&points, &mean);
    for (cell, lacking) in covariance.iter_mut().step_by(mean.len() + 1).zip(lacking) {
        *cell += FIRST_SIGMA * FIRST_SIGMA * lacking / points.len() as f64;
    }
    Some(Start { mean, covariance, often })
}

/// Counts an option, or a part of each if it is not known.
fn note(option: f64, often: &mut [f64]) {
    let count = often.len();
    if option.is_nan() {
        often.iter_mut().for_each(|often| *often += 1.0 / count as f64);
    } else {
        often[(option as usize).min(count - 1)] += 1.0;
    }
}

fn mean(points: &[Vec<f64>]) -> Option<Vec<f64>> {
    let size = points.first()?.len();
    let count = points.len() as f64;
    Some((0..size).map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / count).collect())
}

fn covariance(points: &[Vec<f64>], mean: &[f64]) -> Vec<f64> {
    let mut covariance = vec![0.0; mean.len() * mean.len()];
    covariance.iter_mut().step_by(mean.len() + 1).for_each(|cell| *cell = CLOUD * CLOUD);
    for point in points {
        let step: Vec<f64> = point.iter().zip(mean).map(|(place, mean)| place - mean).collect();
        add_outer(&mut covariance, &step, 1.0 / points.len() as f64);
    }
    covariance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_misleads_unless_its_trials_are_better_than_the_spread_ones() {
        assert!(!misleads([0, 2, 1, 4, 3].into_iter()));
        assert!(misleads([1, 3, 0, 2].into_iter()));
        assert!(misleads([1, 0, 2, 3].into_iter()), "no better is not better");
        assert!(!misleads([0, 2, 4].into_iter()), "nothing to compare with");
    }

    #[test]
    fn the_start_has_the_mean_and_the_spread_of_the_good_points() {
        let points = vec![vec![0.2, 0.4], vec![0.4, 0.8]];
        let mean = mean(&points).expect("two points");
        assert!((mean[0] - 0.3).abs() < 1e-12 && (mean[1] - 0.6).abs() < 1e-12);
        let covariance = covariance(&points, &mean);
        let expected = [0.02, 0.02, 0.02, 0.05];
        assert!(covariance.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{covariance:?}");
    }
}
