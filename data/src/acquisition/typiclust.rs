//! The most typical row of each cluster that has no label yet (Hacohen et al. 2022).

use rayon::prelude::*;

use super::Space;
use super::basket::Basket;
use super::clusters::k_means;
use super::greedy::highest_open;

/// Neighbours over which a row's typicality is taken.
const NEIGHBOURS: usize = 20;

/// Clusters at most, as in the paper: with more of them each would say little.
const MOST_CLUSTERS: usize = 500;

/// Rows of a cluster that are rated at most, those nearest to its middle; all pairs of them are looked at.
const RATED: usize = 2048;

/// Computes how typical each of some rows is among them: one over the mean distance to its nearest neighbours, itself left
/// out. A row alone is 1.
#[must_use]
pub fn typicality(space: &Space<'_>, rows: &[usize], neighbours: usize) -> Vec<f64> {
    let count = neighbours.min(rows.len().saturating_sub(1));
    let rate = |own: &usize| {
        let others = rows.iter().filter(|other| *other != own);
        let mut distances: Vec<f64> = others.map(|other| space.distance_of(space.squared(*own, space, *other))).collect();
        distances.sort_unstable_by(f64::total_cmp);
        let sum: f64 = distances[..count].iter().sum();
        count as f64 / sum
    };
    if count == 0 { vec![1.0; rows.len()] } else { rows.par_iter().map(rate).collect() }
}

/// Fills the basket from as many clusters as there are labelled rows and taken and wanted ones: always from the cluster with
/// the fewest labelled and taken rows, the largest of several.
pub(super) fn typiclust(space: &Space<'_>, labelled: Option<&Space<'_>>, basket: &mut Basket<'_>, seed: u64) {
    let known = labelled.map_or(0, Space::rows) + basket.taken().len();
    let clusters = (known + basket.wants()).min(MOST_CLUSTERS);
    let spaces: Vec<&Space<'_>> = [Some(space), labelled].into_iter().flatten().collect();
    let labels = k_means(&spaces, clusters, seed);
    let (rows, labelled) = labels.split_at(space.rows());
    let known: Vec<usize> = labelled.iter().copied().chain(basket.taken().iter().map(|taken| rows[taken.row])).collect();
    fill(space, rows, &known, basket);
}

/// Fills the basket from given clusters.
fn fill(space: &Space<'_>, labels: &[usize], known: &[usize], basket: &mut Basket<'_>) {
    let mut clusters = Cluster::all(labels, known);
    // A row that is not its class's turn comes up again later, so clusters are gone through until nothing is taken.
    while basket.wants() > 0 {
        let open = (0..clusters.len()).filter(|at| clusters[*at].rows.iter().any(|row| basket.is_open(*row)));
        let Some(at) = open.min_by_key(|at| (clusters[*at].covered, usize::MAX - clusters[*at].rows.len())) else { return };
        let cluster = &mut clusters[at];
        cluster.rate(space);
        let typicality = cluster.typicality.as_slice();
        let Some(best) = highest_open(basket, &cluster.rows, |at| typicality[at]) else { return };
        if basket.offer(cluster.rows[best], typicality[best]) {
            cluster.covered += 1;
        }
    }
}

/// Rows that lie together.
struct Cluster {
    rows: Vec<usize>,
    /// One a row, once they are rated; below zero for those that are not.
    typicality: Vec<f64>,
    /// Labelled rows and taken ones.
    covered: usize,
}

impl Cluster {
    fn all(labels: &[usize], known: &[usize]) -> Vec<Self> {
        let count = labels.iter().chain(known).max().map_or(0, |last| last + 1);
        let mut all: Vec<Self> = (0..count).map(|_| Self { rows: Vec::new(), typicality: Vec::new(), covered: 0 }).collect();
        for (row, label) in labels.iter().enumerate() {
            all[*label].rows.push(row);
        }
        for label in known {
            all[*label].covered += 1;
        }
        all
    }

    fn rate(&mut self, space: &Space<'_>) {
        if !self.typicality.is_empty() {
            return;
        }
        if self.rows.len() <= RATED {
            self.typicality = typicality(space, &self.rows, NEIGHBOURS);
            return;
        }
        let inner = self.innermost(space);
        let rows: Vec<usize> = inner.iter().map(|at| self.rows[*at]).collect();
        self.typicality = vec![-1.0; self.rows.len()];
        for (at, typicality) in inner.into_iter().zip(typicality(space, &rows, NEIGHBOURS)) {
            self.typicality[at] = typicality;
        }
    }

    /// The places of the rows nearest to the middle, in the order of rows.
    fn innermost(&self, space: &Space<'_>) -> Vec<usize> {
        let mut middle = vec![0.0; space.dimensions()];
        let mut point = middle.clone();
        for row in &self.rows {
            space.copy_row(*row, &mut point);
            middle.iter_mut().zip(&point).for_each(|(sum, value)| *sum += value);
        }
        middle.iter_mut().for_each(|sum| *sum /= self.rows.len() as f64);
        let mut distances: Vec<(f64, usize)> = Vec::with_capacity(self.rows.len());
        for (at, row) in self.rows.iter().enumerate() {
            space.copy_row(*row, &mut point);
            distances.push((super::points::squared_distance(&point, &middle), at));
        }
        distances.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut inner: Vec<usize> = distances[..RATED].iter().map(|(_, at)| *at).collect();
        inner.sort_unstable();
        inner
    }
}
