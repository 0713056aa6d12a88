use proptest::prelude::*;

use super::*;
use crate::vote::Standing;

fn rect(left: f64, top: f64, right: f64, bottom: f64, class: u32) -> Rect {
    Rect::new(left, top, right, bottom, class).expect("a box")
}

fn span(start: u32, end: u32, class: u32) -> Span {
    Span::new(start, end, class).expect("a span")
}

#[test]
fn overlap_is_what_is_shared_over_what_either_covers() {
    let a = rect(0.0, 0.0, 2.0, 2.0, 0);
    assert_eq!(a.iou(&rect(1.0, 1.0, 3.0, 3.0, 7)), 1.0 / 7.0);
    assert_eq!(a.iou(&rect(2.0, 0.0, 3.0, 2.0, 0)), 0.0);
    assert_eq!(a.iou(&a), 1.0);
    assert_eq!(span(0, 4, 0).iou(&span(2, 6, 0)), 1.0 / 3.0);
    assert_eq!(span(0, 4, 0).iou(&span(4, 6, 0)), 0.0);
}

#[test]
fn boxes_of_three_annotators_become_their_median() {
    let answers = [
        vec![rect(0.0, 0.0, 10.0, 10.0, 1), rect(50.0, 50.0, 60.0, 60.0, 2)],
        vec![rect(1.0, 0.0, 10.0, 11.0, 1), rect(50.0, 51.0, 60.0, 60.0, 3)],
        vec![rect(0.0, 2.0, 12.0, 10.0, 0), rect(90.0, 90.0, 95.0, 95.0, 2)],
    ];
    let clusters = consensus(&answers, LEAST_IOU);
    let regions: Vec<Rect> = clusters.iter().map(|cluster| cluster.region).collect();
    assert_eq!(regions, [rect(0.0, 0.0, 10.0, 10.0, 1), rect(50.0, 50.5, 60.0, 60.0, 2), rect(90.0, 90.0, 95.0, 95.0, 2)]);
    assert_eq!(clusters.iter().map(|cluster| cluster.votes).collect::<Vec<_>>(), [3, 2, 1]);
    // The second one's class is tied, the third one is one annotator's alone.
    assert_eq!(clusters.iter().map(Cluster::is_agreed).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(clusters[1].class, Standing::Tied { classes: vec![2, 3], share: 0.5 });
    assert!(clusters[0].iou > 0.8 && clusters[0].iou < 1.0);
}

#[test]
fn an_annotator_is_in_a_cluster_once() {
    let twice = vec![rect(0.0, 0.0, 10.0, 10.0, 0), rect(0.0, 0.0, 10.0, 9.0, 0)];
    let clusters = consensus(&[twice, vec![rect(0.0, 0.0, 10.0, 10.0, 0)]], LEAST_IOU);
    assert_eq!(clusters.iter().map(|cluster| cluster.votes).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_chain_is_not_one_region() {
    // Each overlaps the next by 0.6, the ends hardly at all.
    let answers: Vec<Vec<Span>> = (0..5).map(|at| vec![span(25 * at, 25 * at + 100, 0)]).collect();
    let clusters = consensus(&answers, LEAST_IOU);
    assert!(clusters.len() > 1 && clusters.iter().all(|cluster| cluster.votes < 4), "{clusters:?}");
}

#[test]
fn ends_of_a_common_span_are_ends_that_somebody_chose() {
    let clusters = consensus(&[vec![span(0, 10, 0)], vec![span(2, 11, 0)]], LEAST_IOU);
    assert_eq!(clusters[0].region, span(0, 10, 0));
    let three = consensus(&[vec![span(0, 10, 0)], vec![span(2, 11, 0)], vec![span(3, 15, 0)]], LEAST_IOU);
    assert_eq!(three[0].region, span(2, 11, 0));
}

#[test]
fn exact_votes_count_annotators() {
    let answers = [vec![span(0, 4, 1), span(0, 4, 1), span(8, 9, 0)], vec![span(0, 4, 1)], vec![span(0, 4, 2)]];
    let votes: Vec<(Span, u32)> = exact_votes(&answers).into_iter().map(|cluster| (cluster.region, cluster.votes)).collect();
    assert_eq!(votes, [(span(0, 4, 1), 2), (span(0, 4, 2), 1), (span(8, 9, 0), 1)]);
}

#[test]
fn agreement_counts_what_has_no_match() {
    let (two, one) = ([span(0, 10, 0), span(20, 30, 0)], [span(0, 8, 0)]);
    let found = agreement(&two, &one, LEAST_IOU);
    assert!((found.f1 - 2.0 / 3.0).abs() < 1e-15 && (found.iou - 0.4).abs() < 1e-15, "{found:?}");
    assert_eq!(agreement::<Span>(&[], &[], LEAST_IOU), RegionAgreement { f1: 1.0, iou: 1.0 });
    assert_eq!(agreement(&two, &[], LEAST_IOU), RegionAgreement { f1: 0.0, iou: 0.0 });
    let mean = mean_agreement(&[two.to_vec(), two.to_vec(), vec![]], LEAST_IOU).expect("three");
    assert!((mean.f1 - 1.0 / 3.0).abs() < 1e-15, "{mean:?}");
    assert_eq!(mean_agreement(&[two.to_vec()], LEAST_IOU), None);
}

#[test]
fn regions_without_extent_are_refused() {
    let message = |result: Result<Rect, ConsensusError>| result.expect_err("a mistake").to_string();
    assert_eq!(message(Rect::new(1.0, 0.0, 1.0, 2.0, 0)), "`right` must be above `left`, not `1`");
    assert_eq!(message(Rect::new(0.0, f64::NAN, 1.0, 2.0, 0)), "`edge` must be finite, not `NaN`");
    assert_eq!(Span::new(3, 3, 0).expect_err("a mistake").to_string(), "`end` must be above `start`, not `3`");
}

fn boxes() -> impl Strategy<Value = Vec<Vec<Rect>>> {
    let one = (0.0..20.0, 0.0..20.0, 1.0..15.0, 1.0..15.0, 0..3_u32);
    let region = one.prop_map(|(left, top, width, height, class)| rect(left, top, left + width, top + height, class));
    prop::collection::vec(prop::collection::vec(region, 0..5), 1..5)
}

proptest! {
    #[test]
    fn the_order_of_annotators_and_of_their_boxes_does_not_matter(answers in boxes(), turn in 0..5_usize) {
        let mut permuted: Vec<Vec<Rect>> = answers.iter().map(|list| list.iter().rev().copied().collect()).collect();
        let turn = turn % permuted.len();
        permuted.rotate_left(turn);
        // The mean IoU of a cluster is summed in the order of coordinates in both.
        prop_assert_eq!(consensus(&answers, LEAST_IOU), consensus(&permuted, LEAST_IOU));
        match (mean_agreement(&answers, LEAST_IOU), mean_agreement(&permuted, LEAST_IOU)) {
            (Some(a), Some(b)) => prop_assert!((a.f1 - b.f1).abs() < 1e-9 && (a.iou - b.iou).abs() < 1e-9),
            (a, b) => prop_assert_eq!(a, b),
        }
    }

    #[test]
    fn every_box_is_in_one_cluster(answers in boxes()) {
        let clusters = consensus(&answers, LEAST_IOU);
        let votes: u32 = clusters.iter().map(|cluster| cluster.votes).sum();
        prop_assert_eq!(votes as usize, answers.iter().map(Vec::len).sum::<usize>());
        prop_assert!(clusters.iter().all(|cluster| cluster.votes as usize <= answers.len()));
    }
}
