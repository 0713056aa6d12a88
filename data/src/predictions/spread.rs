//! How numbers are spread, counted in buckets: the same whatever the order, within half a percent, in bounded memory.

/// Bits of a number's fraction that a bucket keeps: buckets are a 128th of their octave wide.
const FRACTION_BITS: u32 = 7;
const BUCKETS: usize = 1 << FRACTION_BITS;
/// Sign and exponent.
const OCTAVES: usize = 1 << 12;

/// Counts of numbers by size.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    /// By sign and exponent, made when they are first needed.
    octaves: Vec<Option<Box<[u64; BUCKETS]>>>,
    count: u64,
    /// The smallest and the largest number.
    bounds: Option<(f64, f64)>,
}

impl Spread {
    /// Counts a finite number.
    pub fn push(&mut self, number: f64) {
        let (octave, bucket) = place(number);
        if self.octaves.is_empty() {
            self.octaves = vec![None; OCTAVES];
        }
        self.octaves[octave].get_or_insert_with(|| Box::new([0; BUCKETS]))[bucket] += 1;
        self.count += 1;
        let (low, high) = self.bounds.unwrap_or((number, number));
        self.bounds = Some((low.min(number), high.max(number)));
    }

    /// Counts all numbers of another one.
    pub fn append(&mut self, other: &Self) {
        if self.octaves.is_empty() {
            self.octaves = vec![None; OCTAVES];
        }
        for (mine, others) in self.octaves.iter_mut().zip(&other.octaves) {
            if let Some(others) = others {
                let mine = mine.get_or_insert_with(|| Box::new([0; BUCKETS]));
                mine.iter_mut().zip(others.iter()).for_each(|(mine, others)| *mine += others);
            }
        }
        self.count += other.count;
        if let Some((low, high)) = other.bounds {
            let (mine_low, mine_high) = self.bounds.unwrap_or((low, high));
            self.bounds = Some((mine_low.min(low), mine_high.max(high)));
        }
    }

    /// The numbers below which these shares lie (in ascending order), within half a percent, the ends exactly. Empty
    /// without any number.
    pub fn quantiles(&self, shares: &[f64]) -> Vec<f64> {
        let Some((low, high)) = self.bounds else { return Vec::new() };
        let mut buckets = self.buckets();
        let (mut below, mut current) = (0, low);
        let mut quantile = |share: f64| {
            let rank = (share * self.count as f64).ceil().max(1.0) as u64;
            while below < rank {
                let Some((number, count)) = buckets.next() else { break };
                (below, current) = (below + count, number);
            }
            if share <= 0.0 {
                low
            } else if share >= 1.0 {
                high
            } else {
                current.clamp(low, high)
            }
        };
        shares.iter().map(|share| quantile(*share)).collect()
    }

    /// The middles of all buckets that are not empty, in order, with their counts.
    fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let octaves = self.octaves.iter().enumerate().filter_map(|(octave, buckets)| Some((octave, buckets.as_deref()?)));
        octaves.flat_map(|(octave, buckets)| {
            let counts = buckets.iter().enumerate().filter(|(_, count)| **count > 0);
            counts.map(move |(bucket, count)| (middle(octave, bucket), *count))
        })
    }
}

/// The bits of a number in an order that is that of numbers.
fn ordered(number: f64) -> u64 {
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn place(number: f64) -> (usize, usize) {
    let key = ordered(number) >> (52 - FRACTION_BITS);
    ((key >> FRACTION_BITS) as usize, (key as usize) & (BUCKETS - 1))
}

fn middle(octave: usize, bucket: usize) -> f64 {
    let width = 52 - FRACTION_BITS;
    let key = (((octave << FRACTION_BITS) | bucket) as u64) << width;
    // Zero is a bucket's edge, and what is predicted as zero should be shown as zero.
    let key = if key == 1 << 63 { key } else { key | 1 << (width - 1) };
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.9, 1.0];

    fn spread(numbers: &[f64]) -> Spread {
        let mut spread = Spread::default();
        numbers.iter().for_each(|number| spread.push(*number));
        spread
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_numbers_within_half_a_percent(
            mut numbers in proptest::collection::vec(-5.0..5.0_f64, 1..200),
            cut in 0_usize..200,
        ) {
            let cut = cut.min(numbers.len());
            let mut found = spread(&numbers[..cut]);
            found.append(&spread(&numbers[cut..]));
            prop_assert_eq!(found.quantiles(&SHARES), spread(&numbers).quantiles(&SHARES));
            numbers.sort_by(f64::total_cmp);
            for (share, quantile) in SHARES.iter().zip(found.quantiles(&SHARES)) {
                let rank = ((share * numbers.len() as f64).ceil() as usize).max(1);
                let exact = numbers[rank - 1];
                prop_assert!((quantile - exact).abs() <= exact.abs() * 0.005, "{} is not {}", quantile, exact);
            }
        }
    }

    #[test]
    fn a_number_that_is_zero_stays_zero_and_no_numbers_have_no_quantiles() {
        assert_eq!(spread(&[0.0, -0.0, 0.0]).quantiles(&SHARES), [0.0; 5]);
        assert!(Spread::default().quantiles(&SHARES).is_empty());
    }
}
