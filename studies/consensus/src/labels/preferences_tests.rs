use proptest::prelude::*;

use super::*;

fn comparison(first: u32, second: u32, preference: Preference) -> Comparison {
    Comparison { first, second, preference }
}

fn plain() -> BradleyTerry {
    BradleyTerry { smoothing: 0.0, tolerance: 1e-13, max_iterations: 100_000 }
}

#[test]
fn most_votes_are_preferred() {
    use Preference::{First, Second, Tie};
    assert_eq!(vote(&[First, Second, First]), Standing::Won { class: 0, share: 2.0 / 3.0 });
    assert_eq!(vote(&[First, Tie]), Standing::Tied { classes: vec![0, 2], share: 0.5 });
    assert_eq!(vote(&[]), Standing::Empty);
}

#[test]
fn two_things_are_as_strong_as_they_win() {
    let list = [vec![comparison(0, 1, Preference::First); 3], vec![comparison(1, 0, Preference::First)]].concat();
    let found = plain().fit(2, &list).expect("strengths");
    assert!((found.strengths[0] - 0.75).abs() < 1e-9 && found.is_converged, "{found:?}");
    let tied = plain().fit(2, &[comparison(0, 1, Preference::Tie)]).expect("strengths");
    assert_eq!(tied.strengths, [0.5, 0.5]);
}

#[test]
fn smoothing_keeps_a_single_win_from_being_everything() {
    let won = [comparison(0, 1, Preference::First)];
    let found = BradleyTerry::default().fit(3, &won).expect("strengths");
    assert!(found.is_converged);
    let [first, second, other] = found.strengths[..] else { panic!("three") };
    assert!(first > other && other > second && second > 0.05, "{found:?}");
}

/// At the estimate each thing wins as often as its strengths say it should (Hunter 2004).
fn expected_wins(strengths: &[f64], list: &[Comparison]) -> Vec<f64> {
    let mut wins = vec![0.0; strengths.len()];
    for game in list {
        let (a, b) = (game.first as usize, game.second as usize);
        let chance = strengths[a] / (strengths[a] + strengths[b]);
        wins[a] += chance;
        wins[b] += 1.0 - chance;
    }
    wins
}

proptest! {
    #[test]
    fn wins_are_as_expected_at_the_estimate(games in prop::collection::vec((0..4_u32, 1..4_u32, 0..3_usize), 0..30)) {
        let outcomes = [Preference::First, Preference::Second, Preference::Tie];
        let mut list: Vec<Comparison> = games.iter().map(|&(a, step, at)| comparison(a, (a + step) % 4, outcomes[at])).collect();
        // A circle of wins joins all things.
        list.extend((0..4).map(|at| comparison(at, (at + 1) % 4, Preference::First)));
        let found = plain().fit(4, &list).expect("strengths");
        prop_assert!((found.strengths.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let (wins, _) = count(4, &list).expect("games");
        for (expected, wins) in expected_wins(&found.strengths, &list).iter().zip(&wins) {
            prop_assert!((expected - wins).abs() < 1e-6, "{found:?}");
        }
    }
}

#[test]
fn mistakes_are_named() {
    let message = |list: &[Comparison]| plain().fit(2, list).expect_err("a mistake").to_string();
    assert_eq!(message(&[comparison(1, 1, Preference::Tie)]), "`second` must be another thing than `first`, not `1`");
    assert_eq!(message(&[comparison(1, 2, Preference::Tie)]), "thing `2` is unknown: there are `2`, counted from 0");
}
