use proptest::prelude::*;

use super::*;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// Inclusion and exclusion over all subsets: the definition, for a few points.
fn by_definition(losses: &[Vec<f64>], reference: &[f64]) -> f64 {
    let mut volume = 0.0;
    for subset in 1_u32..1 << losses.len() {
        let members = || losses.iter().enumerate().filter(move |(at, _)| subset >> at & 1 == 1).map(|(_, point)| point);
        let side = |objective: usize| {
            let worst = members().map(|point| point[objective]).fold(f64::NEG_INFINITY, f64::max);
            (reference[objective] - worst).max(0.0)
        };
        let common: f64 = (0..reference.len()).map(side).product();
        volume += if subset.count_ones() % 2 == 1 { common } else { -common };
    }
    volume
}

/// Points on a grid of tenths, so that ties are frequent.
fn points(objectives: usize, most: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    prop::collection::vec(prop::collection::vec((0..12_u8).prop_map(|tenths| f64::from(tenths) / 10.0), objectives), 0..most)
}

fn several() -> impl Strategy<Value = Vec<Vec<f64>>> {
    (1..7_usize).prop_flat_map(|objectives| points(objectives, 9))
}

fn ones(losses: &[Vec<f64>]) -> Vec<f64> {
    vec![1.0; losses.first().map_or(2, Vec::len)]
}

#[test]
fn volumes_of_known_sets() {
    assert_eq!(hypervolume(&[[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]], &[4.0, 4.0]), 6.0);
    assert_eq!(hypervolume(&[[0.0, 0.0, 0.0]], &[2.0, 3.0, 4.0]), 24.0);
    assert_eq!(hypervolume(&[[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]], &[2.0, 2.0, 2.0]), 4.0);
    assert_eq!(hypervolume(&[[5.0], [3.0]], &[7.0]), 4.0);
}

#[test]
fn points_that_do_not_beat_the_reference_add_nothing() {
    let losses = [[4.0, 0.0], [f64::NAN, 0.0], [f64::NEG_INFINITY, 0.0], [f64::INFINITY, 0.0], [1.0, 1.0]];
    assert_eq!(hypervolume(&losses, &[4.0, 4.0]), 9.0);
    assert_eq!(contributions(&losses, &[4.0, 4.0]), [0.0, 0.0, 0.0, 0.0, 9.0]);
    assert_eq!(select_subset(&losses, &[4.0, 4.0], 3), [4, 0, 1]);
    assert_eq!(hypervolume::<[f64; 0]>(&[[], []], &[]), 0.0);
    assert_eq!(hypervolume::<Vec<f64>>(&[], &[1.0]), 0.0);
}

#[test]
fn points_shorter_than_the_reference_add_nothing() {
    assert_eq!(hypervolume(&[vec![0.0], vec![0.5, 0.5]], &[1.0, 1.0]), 0.25);
}

#[test]
fn reference_lies_a_tenth_of_the_range_beyond_the_worst() {
    assert_eq!(reference_point(&[[0.0, -10.0], [10.0, -30.0], [f64::NAN, f64::INFINITY]]), Some(vec![11.0, -8.0]));
    assert_eq!(reference_point(&[[0.0, 50.0], [0.0, 50.0]]), Some(vec![0.1, 55.0]));
    assert_eq!(reference_point(&[[f64::NAN]]), None);
    assert_eq!(reference_point::<Vec<f64>>(&[]), None);
    assert!(reference_point(&[[f64::MAX], [f64::MIN]]).is_some_and(|reference| reference[0].is_finite()));
}

#[test]
fn overlap_of_two_boxes_in_six_dimensions_counts_once() {
    // Two boxes in six dimensions share 0.5^6.
    let losses = [[0.0, 0.5, 0.5, 0.5, 0.5, 0.5], [0.5, 0.0, 0.5, 0.5, 0.5, 0.5]];
    let expected = 2.0 * 0.5_f64.powi(5) - 0.5_f64.powi(6);
    assert_eq!(hypervolume(&losses, &[1.0; 6]), expected);
}

proptest! {
    #[test]
    fn volume_agrees_with_inclusion_and_exclusion(losses in several()) {
        let reference = ones(&losses);
        let volume = hypervolume(&losses, &reference);
        prop_assert!(close(volume, by_definition(&losses, &reference)), "{volume}");
    }

    #[test]
    fn order_does_not_matter(losses in several()) {
        let reference = ones(&losses);
        let backwards: Vec<Vec<f64>> = losses.iter().rev().cloned().collect();
        prop_assert!(close(hypervolume(&losses, &reference), hypervolume(&backwards, &reference)));
    }

    #[test]
    fn contribution_is_what_is_lost_without_the_point(losses in several()) {
        let reference = ones(&losses);
        let whole = hypervolume(&losses, &reference);
        for (at, contribution) in contributions(&losses, &reference).into_iter().enumerate() {
            let mut others = losses.clone();
            others.remove(at);
            prop_assert!(close(contribution, whole - hypervolume(&others, &reference)));
        }
    }

    #[test]
    fn lazy_choice_equals_plain_greedy_choice(losses in several(), count in 0..9_usize) {
        let reference = ones(&losses);
        let volume_of = |chosen: &[usize]| {
            let subset: Vec<Vec<f64>> = chosen.iter().map(|&at| losses[at].clone()).collect();
            hypervolume(&subset, &reference)
        };
        let chosen = select_subset(&losses, &reference, count);
        prop_assert_eq!(chosen.len(), count.min(losses.len()));
        for taken in 1..=chosen.len() {
            let before = &chosen[..taken - 1];
            let best = (0..losses.len()).map(|at| volume_of(&[before, &[at]].concat())).fold(0.0, f64::max);
            prop_assert!(close(volume_of(&chosen[..taken]), best));
        }
    }
}
