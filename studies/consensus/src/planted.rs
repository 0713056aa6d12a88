//! Answers of annotators whose confusion matrices are known, for tests.

use crate::answers::{Answer, Answers};
use crate::draw::{Draw, Use};

/// What the answers were made from.
pub struct Planted {
    pub truths: Vec<u32>,
    pub list: Vec<Answer>,
    pub answers: Answers,
}

/// Draws a uniform number in `[0, 1)`.
pub fn unit(draw: &mut Draw) -> f64 {
    draw.below(1 << 53) as f64 / (1_u64 << 53) as f64
}

fn choose(weights: &[f64], draw: &mut Draw) -> u32 {
    let mut left = unit(draw);
    let mut at = 0;
    while at + 1 < weights.len() && left >= weights[at] {
        left -= weights[at];
        at += 1;
    }
    at as u32
}

/// Answers of `overlap` random annotators to each item; matrices lie by true class, then by answer.
pub fn plant(seed: u64, items: u32, prior: &[f64], matrices: &[Vec<f64>], overlap: usize) -> Planted {
    let mut draw = Draw::new(seed, Use::Agreement, u32::MAX);
    let (classes, annotators) = (prior.len(), matrices.len());
    let (mut truths, mut list) = (Vec::new(), Vec::new());
    for item in 0..items {
        let truth = choose(prior, &mut draw);
        truths.push(truth);
        let mut free: Vec<u32> = (0..annotators as u32).collect();
        for _ in 0..overlap {
            let annotator = free.swap_remove(draw.below(free.len()));
            let row = &matrices[annotator as usize][truth as usize * classes..][..classes];
            list.push(Answer { item, annotator, class: choose(row, &mut draw) });
        }
    }
    let answers = Answers::new(items, annotators as u32, classes as u32, list.clone()).expect("planted answers");
    Planted { truths, list, answers }
}

/// The matrix of one coin.
pub fn coin(classes: usize, accuracy: f64) -> Vec<f64> {
    let cells = (0..classes * classes).map(|cell| cell / classes == cell % classes);
    cells.map(|is_right| if is_right { accuracy } else { (1.0 - accuracy) / (classes - 1) as f64 }).collect()
}

/// The matrix of somebody who takes each class for the next one, and makes no other mistakes.
pub fn slip(classes: usize, accuracy: f64) -> Vec<f64> {
    let cells = (0..classes * classes).map(|cell| (cell / classes, cell % classes));
    let rate = |(truth, answer)| match answer {
        _ if answer == truth => accuracy,
        _ if answer == (truth + 1) % classes => 1.0 - accuracy,
        _ => 0.0,
    };
    cells.map(rate).collect()
}
