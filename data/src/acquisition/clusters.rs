//! Clusters of rows: k-means after k-means++ (Lloyd 1982, Arthur and Vassilvitskii 2007).

use rayon::prelude::*;

use super::Space;
use super::draw::{Stream, Use};

/// Rounds of k-means at most.
const ROUNDS: usize = 50;

/// Rows that a thread takes at least.
const CHUNK: usize = 64;

/// Assigns each row of several spaces, one after the other, to one of at most so many clusters.
///
/// The same seed gives the same clusters on any number of threads.
pub(super) fn k_means(spaces: &[&Space<'_>], clusters: usize, seed: u64) -> Vec<usize> {
    let rows = Rows { spaces };
    let clusters = clusters.min(rows.len());
    if clusters < 2 {
        return vec![0; rows.len()];
    }
    let mut centres = rows.seeds(clusters, &mut Stream::new(seed, Use::Cluster));
    let mut labels = rows.assign(&centres);
    for _ in 1..ROUNDS {
        rows.centre(&labels, &mut centres);
        let moved = rows.assign(&centres);
        if moved == labels {
            break;
        }
        labels = moved;
    }
    labels
}

/// Rows of several spaces of the same dimensions.
struct Rows<'a> {
    spaces: &'a [&'a Space<'a>],
}

impl Rows<'_> {
    fn len(&self) -> usize {
        self.spaces.iter().map(|space| space.rows()).sum()
    }

    fn dimensions(&self) -> usize {
        self.spaces[0].dimensions()
    }

    fn copy(&self, mut row: usize, out: &mut [f64]) {
        for space in self.spaces {
            if row < space.rows() {
                return space.copy_row(row, out);
            }
            row -= space.rows();
        }
    }

    /// Rows drawn as first centres, far from each other. Rows that lie on centres already are not drawn, so there may
    /// be fewer.
    fn seeds(&self, clusters: usize, stream: &mut Stream) -> Vec<f64> {
        let dimensions = self.dimensions();
        let mut centres = vec![0.0; dimensions];
        self.copy(stream.weighted(&vec![1.0; self.len()]).unwrap_or(0), &mut centres);
        let mut nearest = vec![f64::INFINITY; self.len()];
        for last in 0..clusters - 1 {
            let centre = &centres[last * dimensions..];
            self.with_rows(&mut nearest, |row, nearest| *nearest = nearest.min(squared(row, centre)));
            let Some(row) = stream.weighted(&nearest) else { break };
            centres.resize(centres.len() + dimensions, 0.0);
            let first = centres.len() - dimensions;
            self.copy(row, &mut centres[first..]);
        }
        centres
    }

    fn assign(&self, centres: &[f64]) -> Vec<usize> {
        let mut labels = vec![0; self.len()];
        self.with_rows(&mut labels, |row, label| {
            let mut least = f64::INFINITY;
            for (cluster, centre) in centres.chunks_exact(row.len()).enumerate() {
                let distance = squared(row, centre);
                if distance < least {
                    (*label, least) = (cluster, distance);
                }
            }
        });
        labels
    }

    /// Moves each centre to the mean of its rows; one without rows stays.
    fn centre(&self, labels: &[usize], centres: &mut [f64]) {
        let dimensions = self.dimensions();
        let mut sums = vec![0.0; centres.len()];
        let mut counts = vec![0.0; centres.len() / dimensions];
        let mut point = vec![0.0; dimensions];
        for (row, label) in labels.iter().enumerate() {
            self.copy(row, &mut point);
            counts[*label] += 1.0;
            for (sum, value) in sums[label * dimensions..].iter_mut().zip(&point) {
                *sum += value;
            }
        }
        for (cluster, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0.0) {
            let range = cluster * dimensions..(cluster + 1) * dimensions;
            for (centre, sum) in centres[range.clone()].iter_mut().zip(&sums[range]) {
                *centre = sum / count;
            }
        }
    }

    /// Changes a value of each row, given its coordinates.
    fn with_rows<T: Send>(&self, values: &mut [T], change: impl Fn(&[f64], &mut T) + Sync) {
        values.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, values)| {
            let mut point = vec![0.0; self.dimensions()];
            for (at, value) in values.iter_mut().enumerate() {
                self.copy(chunk * CHUNK + at, &mut point);
                change(&point, value);
            }
        });
    }
}

fn squared(a: &[f64], b: &[f64]) -> f64 {
    super::points::squared_distance(a, &b[..a.len()])
}
