//! A curve in one line of text.

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws values in order of their steps in at most `width` characters; a value that is not finite is a `·`.
///
/// With more values than characters, each character shows the last value of its share.
pub fn sparkline(values: &[f64], width: usize) -> String {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let count = values.len().min(width);
    (1..=count).map(|at| level(values[at * values.len() / count - 1], low, high)).collect()
}

fn level(value: f64, low: f64, high: f64) -> char {
    if !value.is_finite() {
        return '·';
    }
    // Halved, so that the widest range does not overflow.
    let range = high / 2.0 - low / 2.0;
    let share = if range > 0.0 { (value / 2.0 - low / 2.0) / range } else { 0.5 };
    LEVELS[((share * 8.0) as usize).min(7)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_and_the_highest_value_use_the_whole_height() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 60), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[f64::MIN, f64::MAX], 60), "▁█");
    }

    #[test]
    fn equal_values_are_a_middle_line_and_no_values_are_nothing() {
        assert_eq!(sparkline(&[2.0, 2.0], 60), "▅▅");
        assert_eq!(sparkline(&[], 60), "");
        assert_eq!(sparkline(&[1.0], 0), "");
    }

    #[test]
    fn values_that_are_not_finite_are_dots() {
        assert_eq!(sparkline(&[0.0, f64::NAN, f64::INFINITY, 1.0], 60), "▁··█");
        assert_eq!(sparkline(&[f64::NAN], 60), "·");
    }

    #[test]
    fn long_curves_are_thinned_and_end_with_their_last_value() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let line = sparkline(&values, 10);
        assert_eq!(line.chars().count(), 10);
        assert!(line.ends_with('█'));
    }
}
