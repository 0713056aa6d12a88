//! What seed and id decide: ties, the control slice, and noise. None of it depends on the order of rows or on threads.

use std::cmp::Ordering;

use super::Acquisition;

/// The place of a sample among those with its score, or in a random order.
///
/// The first half of a BLAKE3 hash, as a big-endian number; the chance that two of 10⁹ samples share it is below 10⁻²⁰.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey(u128);

impl OrderKey {
    /// The key that breaks ties, the lower first: BLAKE3(seed as 8 little-endian bytes ‖ id).
    #[must_use]
    pub fn of_tie(seed: u64, id: &[u8]) -> Self {
        Self::of(&[&seed.to_le_bytes(), id])
    }

    /// The key of the control slice: the samples of a pool with the lowest keys are a uniform random sample of it.
    ///
    /// Independent of [`OrderKey::of_tie`], so that what the informed choice took before says nothing about it. Parts of
    /// a pool that are read in different places agree: the lowest of all are among the lowest of each part.
    #[must_use]
    pub fn of_control(seed: u64, id: &[u8]) -> Self {
        Self::of(&[b"control", &seed.to_le_bytes(), id])
    }

    /// The key of a random score's or a noise's draw.
    fn of_noise(seed: u64, id: &[u8]) -> Self {
        Self::of(&[b"noise", &seed.to_le_bytes(), id])
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(u128::from_be_bytes(first))
    }

    /// The key as a number within (0, 1), never at its ends.
    #[must_use]
    pub fn unit(self) -> f64 {
        ((self.0 >> 76) as f64 + 0.5) * f64::powi(2.0, -52)
    }
}

/// The order in which samples are asked: score descending, then key ascending; NaN comes last of all.
#[must_use]
pub fn compare(a: (f64, OrderKey), b: (f64, OrderKey)) -> Ordering {
    let by_score = match (a.0.is_nan(), b.0.is_nan()) {
        (false, false) => b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal),
        (a, b) => a.cmp(&b),
    };
    by_score.then(a.1.cmp(&b.1))
}

/// What acquisition functions with chance in them draw from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// The seed.
    pub seed: u64,
    /// The power of [`Acquisition::PowerBald`]: 0 is uniform, 1 draws in proportion to the score, more is greedier.
    pub beta: f64,
}

impl Acquisition {
    /// Whether [`Acquisition::with_noise`] changes its scores.
    #[must_use]
    pub const fn is_noisy(self) -> bool {
        matches!(self, Self::Random | Self::PowerBald)
    }

    /// Adds the chance of a function to the score that [`Acquisition::score_rows`] gave.
    ///
    /// [`Acquisition::Random`] becomes a number in (0, 1). [`Acquisition::PowerBald`] becomes sᵝ·eᴳ with a standard Gumbel
    /// number G, whose largest ones are a draw in proportion to sᵝ without replacement (Kirsch et al. 2021, there as the
    /// logarithm). All others stay as they are.
    #[must_use]
    pub fn with_noise(self, score: f64, id: &[u8], noise: Noise) -> f64 {
        match self {
            Self::Random if score.is_nan() => score,
            Self::Random => OrderKey::of_noise(noise.seed, id).unit(),
            // eᴳ = 1 / −ln u.
            Self::PowerBald => score.powf(noise.beta) / -OrderKey::of_noise(noise.seed, id).unit().ln(),
            _ => score,
        }
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
