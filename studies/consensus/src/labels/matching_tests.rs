use proptest::prelude::*;

use super::*;
use crate::labels::regions::Span;

/// The smallest sum of costs, by trying all assignments.
fn by_trial(costs: &[Vec<f64>], row: usize, taken: u32) -> f64 {
    if row == costs.len() {
        return 0.0;
    }
    let free = (0..costs[row].len()).filter(|column| taken & (1 << column) == 0);
    free.map(|column| costs[row][column] + by_trial(costs, row + 1, taken | (1 << column))).fold(f64::INFINITY, f64::min)
}

proptest! {
    #[test]
    fn the_assignment_is_the_cheapest(rows in 1..5_usize, more in 0..3_usize, cells in prop::collection::vec(-10..10_i32, 40)) {
        let columns = rows + more;
        let costs: Vec<Vec<f64>> = cells.chunks_exact(columns).take(rows).map(|row| row.iter().copied().map(f64::from).collect()).collect();
        let chosen = cheapest(&costs);
        let mut distinct = chosen.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), rows);
        let found: f64 = costs.iter().zip(&chosen).map(|(row, &column)| row[column]).sum();
        prop_assert_eq!(found, by_trial(&costs, 0, 0));
    }

    #[test]
    fn matches_do_not_depend_on_who_is_first(ends in prop::collection::vec((0..60_u32, 1..30_u32, 0..2_u32), 0..12), cut in 0..12_usize) {
        let spans: Vec<Span> = ends.iter().map(|&(start, length, class)| Span { start, end: start + length, class }).collect();
        let (first, second) = spans.split_at(cut.min(spans.len()));
        let sum = |matches: &[Match]| matches.iter().map(|found| found.iou).sum::<f64>();
        let (there, back) = (match_regions(first, second, 0.3), match_regions(second, first, 0.3));
        prop_assert!((sum(&there) - sum(&back)).abs() < 1e-12);
        for found in &there {
            prop_assert!(found.iou >= 0.3 && first[found.first].class == second[found.second].class);
        }
        let mut seconds: Vec<usize> = there.iter().map(|found| found.second).collect();
        seconds.sort_unstable();
        seconds.dedup();
        prop_assert_eq!(seconds.len(), there.len());
        prop_assert!(there.windows(2).all(|pair| pair[0].first < pair[1].first));
    }
}

#[test]
fn a_match_is_not_lost_to_a_better_pair() {
    let span = |start, end| Span { start, end, class: 0 };
    let (first, second) = ([span(0, 60), span(30, 66)], [span(10, 66), span(0, 36)]);
    // The best pair alone is A1–B1 with 50 of 66; A2–B2 share 6 of 66.
    let matches = match_regions(&first, &second, 0.5);
    let pairs: Vec<(usize, usize)> = matches.iter().map(|found| (found.first, found.second)).collect();
    assert_eq!(pairs, [(0, 1), (1, 0)]);
}

#[test]
fn regions_of_different_classes_do_not_match() {
    let span = |class| [Span { start: 0, end: 5, class }];
    assert_eq!(match_regions(&span(0), &span(1), 0.5), []);
    assert_eq!(match_regions(&span(1), &span(1), 1.0), [Match { first: 0, second: 0, iou: 1.0 }]);
}
