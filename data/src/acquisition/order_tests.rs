use super::*;

#[test]
fn ties_are_broken_by_the_hash_of_seed_and_id() {
    let mut bytes = 7_u64.to_le_bytes().to_vec();
    bytes.extend_from_slice(b"cat-12");
    let expected = u128::from_be_bytes(blake3::hash(&bytes).as_bytes()[..16].try_into().unwrap());
    assert_eq!(OrderKey::of_tie(7, b"cat-12"), OrderKey(expected));
    assert_ne!(OrderKey::of_tie(8, b"cat-12"), OrderKey(expected));
}

#[test]
fn golden_keys_never_change() {
    assert_eq!(OrderKey::of_tie(42, b"a").0, GOLDEN[0]);
    assert_eq!(OrderKey::of_control(42, b"a").0, GOLDEN[1]);
    assert_eq!(OrderKey::of_noise(42, b"a").0, GOLDEN[2]);
}

// Computed with another implementation of BLAKE3.
const GOLDEN: [u128; 3] = [
    190_611_969_344_361_805_949_372_839_933_351_481_708,
    11_747_100_846_667_873_137_731_230_347_134_627_061,
    312_627_903_858_761_447_704_025_603_260_844_617_745,
];

#[test]
fn higher_scores_come_first_then_lower_keys_and_no_number_last() {
    let (low, high) = (OrderKey(1), OrderKey(2));
    let mut order = [(0.5, high), (f64::NAN, low), (f64::NEG_INFINITY, high), (0.5, low), (0.9, high), (f64::NAN, high)];
    order.sort_by(|a, b| compare(*a, *b));
    let shown = order.map(|(score, key)| format!("{score} {}", key.0));
    assert_eq!(shown, ["0.9 2", "0.5 1", "0.5 2", "-inf 2", "NaN 1", "NaN 2"]);
}

#[test]
fn units_lie_strictly_between_zero_and_one() {
    assert!(OrderKey(0).unit() > 0.0);
    assert!(OrderKey(u128::MAX).unit() < 1.0);
}

#[test]
fn a_power_draws_in_proportion_to_the_score() {
    // With scores 3 and 1, the first is drawn first in three of four cases.
    let noise = |seed| Noise { seed, beta: 1.0 };
    let draw = |score, id: &[u8], seed| Acquisition::PowerBald.with_noise(score, id, noise(seed));
    let first = (0..20_000).filter(|seed| draw(3.0, b"a", *seed) > draw(1.0, b"b", *seed)).count();
    assert!((14_700..15_300).contains(&first), "{first}");
    let uniform = |score, id: &[u8], seed| Acquisition::PowerBald.with_noise(score, id, Noise { seed, beta: 0.0 });
    let first = (0..20_000).filter(|seed| uniform(3.0, b"a", *seed) > uniform(1.0, b"b", *seed)).count();
    assert!((9_650..10_350).contains(&first), "{first}");
}

#[test]
fn noise_leaves_other_functions_and_rows_without_a_score_alone() {
    let noise = Noise { seed: 1, beta: 1.0 };
    assert_eq!(Acquisition::Margin.with_noise(0.25, b"a", noise), 0.25);
    for acquisition in Acquisition::ALL {
        assert!(acquisition.with_noise(f64::NAN, b"a", noise).is_nan());
        assert_eq!(acquisition.is_noisy(), acquisition.with_noise(0.25, b"a", noise) != 0.25);
    }
}
