use proptest::prelude::*;

use super::super::{Acquisition, BatchBald, Block, Kind};

/// A committee's probabilities: members × rows × classes.
fn committee() -> impl Strategy<Value = (usize, Vec<Vec<f64>>)> {
    (2..4_usize, 1..5_usize, 2..5_usize).prop_flat_map(|(classes, rows, members)| {
        let row = prop::collection::vec(0.01..1.0_f64, classes).prop_map(|row| {
            let sum: f64 = row.iter().sum();
            row.iter().map(|p| p / sum).collect::<Vec<f64>>()
        });
        let member = prop::collection::vec(row, rows).prop_map(|rows| rows.concat());
        (Just(classes), prop::collection::vec(member, members))
    })
}

/// I(labels; model) = H(labels) − mean over members of H(labels | member), by going through all label vectors.
fn joint_information(members: &[Vec<f64>], classes: usize, batch: &[usize]) -> f64 {
    let mut joint = 0.0;
    for mut code in 0..classes.pow(batch.len() as u32) {
        let mut likelihoods = vec![1.0; members.len()];
        for row in batch {
            for (likelihood, member) in likelihoods.iter_mut().zip(members) {
                *likelihood *= member[row * classes + code % classes];
            }
            code /= classes;
        }
        let p: f64 = likelihoods.iter().sum::<f64>() / members.len() as f64;
        joint -= p * p.ln();
    }
    let entropy = |row: &[f64]| -> f64 { row.iter().map(|p| -p * p.ln()).sum() };
    let within = batch.iter().map(|row| {
        members.iter().map(|member| entropy(&member[row * classes..(row + 1) * classes])).sum::<f64>() / members.len() as f64
    });
    joint - within.sum::<f64>()
}

proptest! {
    #[test]
    fn gains_add_up_to_the_joint_information((classes, members) in committee()) {
        let slices: Vec<&[f64]> = members.iter().map(Vec::as_slice).collect();
        let block = Block::new(Kind::Probabilities { classes }, &slices).unwrap();
        let mut batch = BatchBald::new(&block, 4096, 0).unwrap();
        let (mut rows, mut sum) = (Vec::new(), 0.0);
        for row in 0..block.rows() {
            for other in 0..block.rows() {
                let with: Vec<usize> = rows.iter().copied().chain([other]).collect();
                let expected = joint_information(&members, classes, &with);
                prop_assert!((sum + batch.gain(other) - expected).abs() < 1e-12);
            }
            sum += batch.gain(row);
            batch.add(row);
            rows.push(row);
        }
        prop_assert!(!batch.is_estimate());
    }

    #[test]
    fn the_first_gain_is_the_mutual_information((classes, members) in committee()) {
        let slices: Vec<&[f64]> = members.iter().map(Vec::as_slice).collect();
        let block = Block::new(Kind::Probabilities { classes }, &slices).unwrap();
        let batch = BatchBald::new(&block, 4096, 0).unwrap();
        let mut expected = vec![0.0; block.rows()];
        Acquisition::Bald.score_rows(&block, &mut expected).unwrap();
        for (row, expected) in expected.into_iter().enumerate() {
            prop_assert!((batch.gain(row) - expected).abs() < 1e-12);
        }
    }
}

/// Members that tell apart which of two halves a row lies in, more or less surely.
fn disagreeing(rows: usize) -> Vec<Vec<f64>> {
    let member = |member: usize| {
        (0..rows).flat_map(move |row| {
            let p = 0.1 + 0.8 * (((member * 7 + row * 3) % 5) as f64 / 4.0);
            [p, 1.0 - p]
        })
    };
    (0..5).map(|at| member(at).collect()).collect()
}

#[test]
fn drawn_configurations_estimate_the_gain() {
    let members = disagreeing(10);
    let slices: Vec<&[f64]> = members.iter().map(Vec::as_slice).collect();
    let block = Block::new(Kind::Probabilities { classes: 2 }, &slices).unwrap();
    let (mut exact, mut drawn) = (BatchBald::new(&block, 4096, 1).unwrap(), BatchBald::new(&block, 255, 1).unwrap());
    for row in 0..9 {
        assert!((exact.gain(row) - drawn.gain(row)).abs() < 0.03, "{} is not {}", drawn.gain(row), exact.gain(row));
        exact.add(row);
        drawn.add(row);
    }
    assert!(drawn.is_estimate() && !exact.is_estimate());
    assert!((exact.gain(9) - drawn.gain(9)).abs() < 0.03);
}

#[test]
fn a_row_tells_less_the_second_time() {
    let members: [&[f64]; 2] = [&[0.9, 0.1, 0.5, 0.5], &[0.1, 0.9, 0.3, 0.7]];
    let block = Block::new(Kind::Probabilities { classes: 2 }, &members).unwrap();
    let mut batch = BatchBald::new(&block, 4096, 0).unwrap();
    let before = batch.gain(0);
    batch.add(0);
    assert!(batch.gain(0) < before / 2.0, "{} after {before}", batch.gain(0));
}

#[test]
fn rows_of_no_member_have_no_gain_and_change_nothing() {
    let members: [&[f64]; 2] = [&[f64::NAN, f64::NAN, 0.5, 0.5], &[f64::NAN, f64::NAN, 0.1, 0.9]];
    let block = Block::new(Kind::Probabilities { classes: 2 }, &members).unwrap();
    let mut batch = BatchBald::new(&block, 4096, 0).unwrap();
    let before = batch.gain(1);
    assert!(batch.gain(0).is_nan());
    batch.add(0);
    assert!((batch.gain(1) - before).abs() < f64::EPSILON);
}
