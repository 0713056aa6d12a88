//! Regions of several annotators that are the same, and the region in their middle.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::vote::Standing;

use super::matching::Groups;
use super::regions::Region;

/// Regions of different annotators that are the same one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cluster<R> {
    /// The median of each coordinate, with the class that most have given it; of several the lowest.
    pub region: R,
    /// How many annotators have it.
    pub votes: u32,
    /// How many annotators have answered.
    pub annotators: u32,
    /// How the votes on its class stand.
    pub class: Standing,
    /// The mean IoU of its members with the region.
    pub iou: f64,
}

impl<R> Cluster<R> {
    /// Returns whether more than half of the annotators have it, and agree on its class.
    pub fn is_agreed(&self) -> bool {
        2 * self.votes > self.annotators && self.class.winner().is_some()
    }
}

/// A region and whose it is.
#[derive(Clone, Copy)]
struct Owned<R> {
    annotator: usize,
    region: R,
}

/// Returns what the annotators' regions of one item come to, in the order of coordinates.
///
/// `answers` has one list per annotator, empty for who found nothing. Pairs of regions of different annotators whose IoU
/// is at least `least_iou` are joined, the closest first, whatever their classes. Two groups join only if no annotator is
/// in both, and if their regions' mean IoU is at least `least_iou` too, so that a chain of boxes does not become one.
pub fn consensus<R: Region>(answers: &[Vec<R>], least_iou: f64) -> Vec<Cluster<R>> {
    let regions = in_order(answers);
    let mut groups = Groups::new(regions.len());
    let mut members: Vec<Vec<usize>> = (0..regions.len()).map(|at| vec![at]).collect();
    for (a, b) in close_pairs(&regions, least_iou) {
        let (first, second) = (groups.of(a), groups.of(b));
        if first != second && may_join(&regions, &members[first], &members[second], least_iou) {
            groups.join(first, second);
            let moved = std::mem::take(&mut members[first.max(second)]);
            members[first.min(second)].extend(moved);
        }
    }
    let annotators = answers.len() as u32;
    let found = members.iter().filter(|members| !members.is_empty());
    let mut clusters: Vec<Cluster<R>> =
        found.map(|members| cluster(members.iter().map(|&at| regions[at].region).collect(), annotators)).collect();
    clusters.sort_by(|a, b| a.region.order(&b.region));
    clusters
}

/// Returns regions that annotators have in common, coordinates and class, in their order.
pub fn exact_votes<R: Region>(answers: &[Vec<R>]) -> Vec<Cluster<R>> {
    let regions = in_order(answers);
    let is_same = |a: &Owned<R>, b: &Owned<R>| a.region.order(&b.region).is_eq();
    let same = regions.chunk_by(is_same);
    same.map(|same| {
        let annotators: BTreeSet<usize> = same.iter().map(|owned| owned.annotator).collect();
        cluster(vec![same[0].region; annotators.len()], answers.len() as u32)
    })
    .collect()
}

/// All regions, in an order that does not depend on who is which annotator.
fn in_order<R: Region>(answers: &[Vec<R>]) -> Vec<Owned<R>> {
    let owned = |(annotator, regions): (usize, &Vec<R>)| -> Vec<Owned<R>> {
        regions.iter().map(|&region| Owned { annotator, region }).collect()
    };
    let mut regions: Vec<Owned<R>> = answers.iter().enumerate().flat_map(owned).collect();
    regions.sort_by(|a, b| a.region.order(&b.region));
    regions
}

/// Pairs of different annotators that overlap enough, closest first.
fn close_pairs<R: Region>(regions: &[Owned<R>], least_iou: f64) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (a, first) in regions.iter().enumerate() {
        for (b, second) in regions.iter().enumerate().skip(a + 1) {
            let iou = first.region.iou(&second.region);
            if first.annotator != second.annotator && iou > 0.0 && iou >= least_iou {
                pairs.push((iou, a, b));
            }
        }
    }
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    pairs.into_iter().map(|(_, a, b)| (a, b)).collect()
}

fn may_join<R: Region>(regions: &[Owned<R>], first: &[usize], second: &[usize], least_iou: f64) -> bool {
    let mut sum = 0.0;
    for &a in first {
        for &b in second {
            if regions[a].annotator == regions[b].annotator {
                return false;
            }
            sum += regions[a].region.iou(&regions[b].region);
        }
    }
    sum >= least_iou * (first.len() * second.len()) as f64
}

fn cluster<R: Region>(members: Vec<R>, annotators: u32) -> Cluster<R> {
    let classes = members.iter().map(Region::class).max().map_or(0, |class| class as usize + 1);
    let mut counts = vec![0.0; classes];
    members.iter().for_each(|region| counts[region.class() as usize] += 1.0);
    let class = Standing::of(&counts);
    let chosen = match &class {
        Standing::Won { class, .. } => *class,
        Standing::Tied { classes, .. } => classes[0],
        Standing::Empty => 0,
    };
    let region = R::median(&members).with_class(chosen);
    let iou = members.iter().map(|member| member.iou(&region)).sum::<f64>() / members.len() as f64;
    Cluster { region, votes: members.len() as u32, annotators, class, iou }
}
