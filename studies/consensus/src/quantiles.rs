//! Medians and quantiles of lists.

/// Returns a quantile of ascending numbers, linear between them (Hyndman and Fan 1996, type 7); NaN of none.
pub fn quantile(ascending: &[f64], share: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let low = (place.floor() as usize).min(last);
    let (below, above) = (ascending[low], ascending[(low + 1).min(last)]);
    // Equal neighbours may be infinite.
    if below == above { below } else { below + (place - low as f64) * (above - below) }
}

/// Returns the median; NaN of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!((quantile(&[1.0, 2.0], 0.0), quantile(&[1.0, 2.0], 1.0)), (1.0, 2.0));
        assert_eq!(quantile(&[f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0], 0.25), f64::NEG_INFINITY);
        assert_eq!(median(vec![3.0, 1.0, 2.0, 10.0]), 2.5);
        assert!(median(vec![]).is_nan());
    }
}
