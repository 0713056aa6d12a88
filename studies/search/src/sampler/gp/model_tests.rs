use super::*;

fn columns() -> Vec<Column> {
    vec![Column { kind: Kind::Line, scale: 0 }, Column { kind: Kind::Label, scale: 1 }, Column { kind: Kind::Line, scale: 2 }]
}

fn hyper() -> Hyper {
    Hyper { ln_lengths: vec![-1.0, 0.2, -0.3], ln_signal: 0.4, ln_noise: -5.0 }
}

/// Scattered points and values without a pattern.
fn data(len: usize) -> (Vec<[f64; 3]>, Vec<f64>) {
    let scatter = |index: usize, by: f64| (index as f64 * by).fract();
    let point = |index| [scatter(index, 0.618), (index % 3) as f64, scatter(index, 0.414)];
    ((0..len).map(point).collect(), (0..len).map(|index| 2.0 * scatter(index, 0.732) - 1.0).collect())
}

fn model(len: usize) -> Model {
    let (rows, values) = data(len);
    let mut points = Points::new(3);
    rows.iter().for_each(|row| points.push(row));
    let mut model = Model::empty(columns(), &hyper());
    model.observe(&points, &values);
    model
}

fn covariance(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    let hyper = hyper();
    let part = |d: f64, scale: usize| (d / hyper.ln_lengths[scale].exp()).powi(2);
    let q = part(a[0] - b[0], 0) + part(f64::from(u8::from(a[1] != b[1])), 1) + part(a[2] - b[2], 2);
    let r = (5.0 * q).sqrt();
    hyper.ln_signal.exp() * (1.0 + r + r * r / 3.0) * (-r).exp()
}

/// Mean and variance by Gaussian elimination on the dense matrix, straight from the textbook.
fn dense(rows: &[[f64; 3]], values: &[f64], point: &[f64; 3]) -> (f64, f64) {
    let len = rows.len();
    let noise = hyper().ln_noise.exp();
    let k = |a: usize, b: usize| covariance(&rows[a], &rows[b]) + if a == b { noise } else { 0.0 };
    let mut system: Vec<Vec<f64>> = (0..len).map(|a| (0..len).map(|b| k(a, b)).collect()).collect();
    let cross: Vec<f64> = rows.iter().map(|row| covariance(row, point)).collect();
    for (row, &right) in system.iter_mut().zip(&cross) {
        row.push(right);
    }
    for pivot in 0..len {
        for other in (0..len).filter(|&other| other != pivot) {
            let factor = system[other][pivot] / system[pivot][pivot];
            let from = system[pivot].clone();
            system[other].iter_mut().zip(&from).for_each(|(entry, from)| *entry -= factor * from);
        }
    }
    let weights: Vec<f64> = (0..len).map(|row| system[row][len] / system[row][row]).collect();
    let mean = weights.iter().zip(values).map(|(w, y)| w * y).sum();
    let variance = covariance(point, point) - weights.iter().zip(&cross).map(|(w, k)| w * k).sum::<f64>();
    (mean, variance)
}

const PROBES: [[f64; 3]; 4] = [[0.1, 0.0, 0.9], [0.5, 2.0, 0.5], [0.99, 1.0, 0.01], [0.618, 1.0, 0.414]];

#[test]
fn one_observation_pulls_the_mean_as_worked_by_hand() {
    let mut points = Points::new(1);
    points.push(&[0.0]);
    let columns = vec![Column { kind: Kind::Line, scale: 0 }];
    let hyper = Hyper { ln_lengths: vec![0.0], ln_signal: 0.0, ln_noise: 0.0 };
    let mut model = Model::empty(columns, &hyper);
    model.observe(&points, &[1.0]);
    // Signal and noise weigh 1 each: half the value, half the variance.
    let at = model.predict(&[0.0], &mut Scratch::default());
    assert!((at.mean - 0.5).abs() < 1e-15 && (at.deviation - 0.5_f64.sqrt()).abs() < 1e-15);
    let far = model.predict(&[1e3], &mut Scratch::default());
    assert!(far.mean.abs() < 1e-15 && far.deviation == 1.0);
}

#[test]
fn predictions_agree_with_elimination_on_the_dense_matrix() {
    let (rows, values) = data(25);
    let model = model(25);
    let mut scratch = Scratch::default();
    for probe in &PROBES {
        let (mean, variance) = dense(&rows, &values, probe);
        let found = model.predict(probe, &mut scratch);
        assert!((found.mean - mean).abs() < 1e-10, "{found:?} {mean}");
        assert!((found.deviation.powi(2) - variance).abs() < 1e-10, "{found:?} {variance}");
        let (outlook, is_known) = model.outlook(probe, &mut scratch);
        assert!((outlook.mean - mean).abs() < 1e-10 && outlook.deviation >= found.deviation);
        assert_eq!(is_known, rows.contains(probe));
    }
    for (index, (row, &value)) in rows.iter().zip(&values).enumerate() {
        let there = model.predict(row, &mut scratch).mean;
        assert!((model.mean_at_observed(index, value) - there).abs() < 1e-10);
    }
}

#[test]
fn a_belief_moves_no_mean_and_narrows_every_deviation() {
    let mut model = model(12);
    let mut scratch = Scratch::default();
    let before = PROBES.map(|probe| model.predict(&probe, &mut scratch));
    model.believe(&[0.45, 2.0, 0.52]);
    for (probe, before) in PROBES.iter().zip(before) {
        let after = model.predict(probe, &mut scratch);
        assert_eq!(after.mean, before.mean);
        assert!(after.deviation <= before.deviation * (1.0 + 1e-12));
    }
    assert!(model.predict(&PROBES[1], &mut scratch).deviation < 0.7 * before[1].deviation);
}

#[test]
fn gradients_agree_with_differences() {
    let mut model = model(20);
    model.believe(&[0.3, 0.0, 0.3]);
    let mut scratch = Scratch::default();
    let (mut by_mean, mut by_deviation) = ([0.0; 3], [0.0; 3]);
    for probe in &PROBES[..3] {
        model.gradients(probe, &mut by_mean, &mut by_deviation, &mut scratch);
        for index in [0, 2] {
            let moved = |by: f64, scratch: &mut Scratch| {
                let mut point = *probe;
                point[index] += by;
                model.predict(&point, scratch)
            };
            let (up, down) = (moved(1e-6, &mut scratch), moved(-1e-6, &mut scratch));
            assert!((by_mean[index] - (up.mean - down.mean) / 2e-6).abs() < 1e-6);
            assert!((by_deviation[index] - (up.deviation - down.deviation) / 2e-6).abs() < 1e-6);
        }
        assert_eq!((by_mean[1], by_deviation[1]), (0.0, 0.0));
    }
}
