use proptest::prelude::*;

use super::super::{Acquisition, Block, Epig, Kind, Points};

const LN2: f64 = std::f64::consts::LN_2;

/// Scores of a block of class probabilities.
fn scores(acquisition: Acquisition, classes: usize, members: &[&[f64]]) -> Vec<f64> {
    let block = Block::new(Kind::Probabilities { classes }, members).unwrap();
    let mut out = vec![0.0; block.rows()];
    acquisition.score_rows(&block, &mut out).unwrap();
    out
}

fn assert_near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }
}

const CERTAIN: [f64; 3] = [1.0, 0.0, 0.0];
const HALF: [f64; 3] = [0.5, 0.5, 0.0];
const THIRDS: [f64; 3] = [0.25, 0.5, 0.25];

#[test]
fn scores_of_one_model_have_their_textbook_values() {
    let rows = [CERTAIN, HALF, THIRDS].concat();
    assert_near(&scores(Acquisition::LeastConfidence, 3, &[&rows]), &[0.0, 0.5, 0.5]);
    assert_near(&scores(Acquisition::Margin, 3, &[&rows]), &[0.0, 1.0, 0.75]);
    assert_near(&scores(Acquisition::Entropy, 3, &[&rows]), &[0.0, LN2, 1.5 * LN2]);
    assert_near(&scores(Acquisition::Random, 3, &[&rows]), &[1.0; 3]);
}

#[test]
fn scores_of_a_committee_have_their_textbook_values() {
    let (a, b) = ([1.0, 0.0], [0.0, 1.0]);
    let members: [&[f64]; 4] = [&a, &a, &a, &b];
    let quarter = -0.25 * 0.25_f64.ln() - 0.75 * 0.75_f64.ln();
    for acquisition in [
        Acquisition::VoteEntropy,
        Acquisition::ConsensusEntropy,
        Acquisition::Entropy,
        Acquisition::MeanKl,
        Acquisition::Bald,
        Acquisition::PowerBald,
    ] {
        assert_near(&scores(acquisition, 2, &members), &[quarter]);
    }
    assert_near(&scores(Acquisition::VariationRatio, 2, &members), &[0.25]);
    assert_near(&scores(Acquisition::Margin, 2, &members), &[0.5]);
}

#[test]
fn members_that_agree_have_no_disagreement_however_unsure_they_are() {
    let members: [&[f64]; 3] = [&THIRDS, &THIRDS, &THIRDS];
    for acquisition in [Acquisition::VariationRatio, Acquisition::VoteEntropy, Acquisition::MeanKl, Acquisition::Bald] {
        assert_near(&scores(acquisition, 3, &members), &[0.0]);
    }
    assert_near(&scores(Acquisition::ConsensusEntropy, 3, &members), &[1.5 * LN2]);
}

#[test]
fn regression_disagreement_is_the_variance_of_the_mixture() {
    let members: [&[f64]; 2] = [&[1.0, 0.5, 0.0, 1.0], &[3.0, 1.5, f64::NAN, f64::NAN]];
    let block = Block::new(Kind::Spread, &members).unwrap();
    let mut out = [0.0; 2];
    Acquisition::Disagreement.score_rows(&block, &mut out).unwrap();
    assert_near(&out, &[1.0 + f64::midpoint(0.25, 2.25), 1.0]);
    Acquisition::Spread.score_rows(&block, &mut out).unwrap();
    assert_near(&out, &[2.25_f64.sqrt(), 1.0]);
}

#[test]
fn a_number_of_the_trainer_is_the_score_and_that_of_several_their_mean() {
    let mut out = [0.0; 2];
    Acquisition::Score.score_rows(&Block::new(Kind::Score, &[&[3.5, -1.0]]).unwrap(), &mut out).unwrap();
    assert_eq!(out, [3.5, -1.0]);
    Acquisition::Score.score_rows(&Block::new(Kind::Score, &[&[3.0, -1.0], &[5.0, f64::NAN]]).unwrap(), &mut out).unwrap();
    assert_eq!(out, [4.0, -1.0]);
}

#[test]
fn gradient_length_is_that_of_the_outer_products() {
    let (p, x) = ([0.2, 0.5, 0.3], [3.0_f64, 4.0]);
    let members: [&[f64]; 1] = [&p];
    let block = Block::new(Kind::Probabilities { classes: 3 }, &members).unwrap();
    let block = block.with_embeddings(Points::of_f64(&x, 2).unwrap()).unwrap();
    let mut out = [0.0];
    Acquisition::ExpectedGradientLength.score_rows(&block, &mut out).unwrap();
    let mut expected = 0.0;
    for label in 0..3 {
        let mut squares = 0.0;
        for (class, p) in p.iter().enumerate() {
            let error = p - f64::from(u8::from(class == label));
            squares += x.iter().map(|x| (error * x) * (error * x)).sum::<f64>();
        }
        expected += p[label] * squares.sqrt();
    }
    assert_near(&out, &[expected]);
}

#[test]
fn rows_that_members_lack_are_scored_by_the_others_and_rows_without_any_never() {
    let nan = [f64::NAN; 2];
    let first = [[1.0, 0.0], [0.5, 0.5], nan].concat();
    let second = [[0.0, 1.0], nan, nan].concat();
    for acquisition in Acquisition::ALL {
        let reads_probabilities = acquisition.check_kind(Kind::Probabilities { classes: 2 }).is_ok();
        let is_plain = acquisition.row_wise() == Some(acquisition) && acquisition != Acquisition::Epig;
        if !reads_probabilities || !is_plain || acquisition.needs_embeddings() {
            continue;
        }
        let found = scores(acquisition, 2, &[&first, &second]);
        assert!(found[2].is_nan(), "{acquisition}");
        if acquisition.needs_committee() {
            assert_eq!(found[1], 0.0, "{acquisition}");
            assert!(found[0] > 0.1, "{acquisition}");
        }
    }
    assert_near(&scores(Acquisition::Margin, 2, &[&second])[..1], &[0.0]);
    assert!(scores(Acquisition::Margin, 2, &[&second])[1].is_nan());
}

#[test]
fn predictive_information_gain_is_the_mean_mutual_information_with_targets() {
    // Two certain members that disagree on the row and on one of two targets.
    let rows: [&[f64]; 2] = [&[1.0, 0.0], &[0.0, 1.0]];
    let targets: [&[f64]; 2] = [&[1.0, 0.0, 0.5, 0.5], &[0.0, 1.0, 0.5, 0.5]];
    let kind = Kind::Probabilities { classes: 2 };
    let epig = Epig::new(&Block::new(kind, &targets).unwrap()).unwrap();
    let mut out = [0.0];
    epig.score_rows(&Block::new(kind, &rows).unwrap(), &mut out).unwrap();
    assert_near(&out, &[LN2 / 2.0]);
    // One member alone knows of no other models.
    let rows: [&[f64]; 2] = [&[1.0, 0.0], &[f64::NAN, f64::NAN]];
    epig.score_rows(&Block::new(kind, &rows).unwrap(), &mut out).unwrap();
    assert_near(&out, &[0.0]);
}

#[test]
fn functions_refuse_what_they_cannot_read_and_say_what_to_use() {
    let refusal = |acquisition: Acquisition, kind, members: &[&[f64]]| {
        let block = Block::new(kind, members).unwrap();
        acquisition.score_rows(&block, &mut vec![0.0; block.rows()]).unwrap_err().to_string()
    };
    let probabilities = Kind::Probabilities { classes: 2 };
    assert_eq!(
        refusal(Acquisition::Margin, Kind::Spread, &[&[0.0, 1.0]]),
        "`margin` reads class probabilities, and the predictions are means and spreads; use `spread`"
    );
    assert_eq!(
        refusal(Acquisition::Bald, probabilities, &[&[0.0, 1.0]]),
        "`bald` compares the predictions of at least two models, and there is one; use `margin`, or add members"
    );
    assert_eq!(
        refusal(Acquisition::ExpectedGradientLength, probabilities, &[&[0.0, 1.0]]),
        "`expected_gradient_length` needs an embedding of each sample; write them beside the predictions, or use `margin`"
    );
    assert_eq!(
        refusal(Acquisition::BatchBald, probabilities, &[&[0.0, 1.0], &[0.0, 1.0]]),
        "`batch_bald` rates sets of samples, not each by itself; choose with a plan, or score with `bald`"
    );
    let block = Block::new(probabilities, &[&[0.0, 1.0]]).unwrap();
    assert_eq!(
        Acquisition::Margin.score_rows(&block, &mut [0.0; 2]).unwrap_err().to_string(),
        "the room for scores has 2 numbers, not 1"
    );
}

#[test]
fn blocks_refuse_lengths_and_numbers_that_cannot_be_and_name_the_row() {
    let kind = Kind::Probabilities { classes: 2 };
    let refused = |members: &[&[f64]]| Block::new(kind, members).unwrap_err().to_string();
    assert_eq!(refused(&[]), "there are no members to score");
    assert_eq!(refused(&[&[0.5, 0.5, 0.5]]), "a member's predictions has 3 numbers, not 4");
    assert_eq!(refused(&[&[0.5, 0.5], &[0.5; 4]]), "a member's predictions has 4 numbers, not 2");
    assert!(Block::new(Kind::Probabilities { classes: 0 }, &[&[]]).is_err());
    let bad = |rows: &[f64]| Block::new(kind, &[rows]).unwrap().check().unwrap_err().to_string();
    assert_eq!(bad(&[0.5, 0.5, 2.0, -1.0]), "a probability of row 1 is `2`; if these are logits, write their softmax");
    assert_eq!(
        bad(&[0.5, 0.4]),
        "the sum of probabilities of row 0 is `0.9`; write the softmax over all classes, with enough digits"
    );
    assert!(bad(&[0.5, f64::NAN]).contains("`NaN`"));
    assert!(Block::new(kind, &[&[f64::NAN, f64::NAN, 0.333, 0.667]]).unwrap().check().is_ok());
    assert!(Block::new(Kind::Spread, &[&[1.0, -0.5]]).unwrap().check().is_err());
}

/// A distribution over classes; about a third of the probabilities are zero.
fn distribution(classes: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((0..3, 0.001..1.0), classes).prop_map(|raw| {
        let mut row: Vec<f64> = raw.iter().map(|(zero, weight)| if *zero == 0 { 0.0 } else { *weight }).collect();
        let sum: f64 = row.iter().sum();
        match sum {
            0.0 => row[0] = 1.0,
            _ => row.iter_mut().for_each(|p| *p /= sum),
        }
        row
    })
}

fn committee() -> impl Strategy<Value = (usize, Vec<Vec<f64>>)> {
    (2..6_usize, 1..5_usize, 2..6_usize).prop_flat_map(|(classes, rows, members)| {
        let member = prop::collection::vec(distribution(classes), rows).prop_map(|rows| rows.concat());
        (Just(classes), prop::collection::vec(member, members))
    })
}

fn views(members: &[Vec<f64>]) -> Vec<&[f64]> {
    members.iter().map(Vec::as_slice).collect()
}

proptest! {
    #[test]
    fn scores_stay_within_their_bounds((classes, members) in committee()) {
        let ln_votes = (members.len().min(classes) as f64).ln();
        let bounds = [
            (Acquisition::LeastConfidence, 1.0 - 1.0 / classes as f64),
            (Acquisition::Margin, 1.0),
            (Acquisition::Entropy, (classes as f64).ln()),
            (Acquisition::VariationRatio, 1.0 - 1.0 / members.len() as f64),
            (Acquisition::VoteEntropy, ln_votes),
            (Acquisition::ConsensusEntropy, (classes as f64).ln()),
            (Acquisition::MeanKl, ln_votes),
            (Acquisition::Bald, ln_votes),
        ];
        for (acquisition, most) in bounds {
            for score in scores(acquisition, classes, &views(&members)) {
                prop_assert!((-1e-12..=most + 1e-12).contains(&score), "{acquisition} is {score}, not in 0..={most}");
            }
        }
    }

    #[test]
    fn mean_divergence_equals_mutual_information((classes, members) in committee()) {
        let (kl, bald) = (scores(Acquisition::MeanKl, classes, &views(&members)), scores(Acquisition::Bald, classes, &views(&members)));
        assert_near(&kl, &bald);
    }

    #[test]
    fn order_of_members_and_of_classes_does_not_matter((classes, members) in committee()) {
        let reversed: Vec<Vec<f64>> = members.iter().rev().cloned().collect();
        let mirrored: Vec<Vec<f64>> =
            members.iter().map(|rows| rows.chunks(classes).flat_map(|row| row.iter().rev().copied()).collect()).collect();
        for acquisition in [Acquisition::Margin, Acquisition::Entropy, Acquisition::MeanKl, Acquisition::Bald] {
            let plain = scores(acquisition, classes, &views(&members));
            assert_near(&scores(acquisition, classes, &views(&reversed)), &plain);
            assert_near(&scores(acquisition, classes, &views(&mirrored)), &plain);
        }
    }

    #[test]
    fn scores_in_parts_are_those_of_the_whole((classes, members) in committee(), cut in 0..5_usize) {
        let members = views(&members);
        let block = Block::new(Kind::Probabilities { classes }, &members).unwrap();
        let cut = cut.min(block.rows());
        let mut parts = vec![0.0; block.rows()];
        let (low, high) = parts.split_at_mut(cut);
        Acquisition::Bald.score_rows(&block.part(0, cut), low).unwrap();
        Acquisition::Bald.score_rows(&block.part(cut, block.rows() - cut), high).unwrap();
        prop_assert_eq!(parts, scores(Acquisition::Bald, classes, &members));
    }
}
