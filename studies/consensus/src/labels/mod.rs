//! Labels that are more than one class: sets of classes, numbers, boxes, spans, preferences.

mod clusters;
mod matching;
pub mod numbers;
pub mod preferences;
pub mod regions;
pub mod sets;

/// Returns the mean similarity of every two answers to an item; `None` for fewer than two.
pub fn mean_pairwise<T>(answers: &[T], similarity: impl Fn(&T, &T) -> f64) -> Option<f64> {
    let (mut sum, mut pairs) = (0.0, 0_u32);
    for (at, first) in answers.iter().enumerate() {
        for second in &answers[at + 1..] {
            sum += similarity(first, second);
            pairs += 1;
        }
    }
    (pairs > 0).then(|| sum / f64::from(pairs))
}
