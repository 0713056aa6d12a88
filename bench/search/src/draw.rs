//! Numbers drawn by name: an instance is the same on every run and every machine.

/// A source of draws for one purpose of one instance.
#[derive(Clone, Copy, Debug)]
pub struct Source(u64);

impl Source {
    /// Names a source; different names or seeds are independent.
    pub fn new(name: &str, seed: u64) -> Self {
        let hash =
            name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        Self(mix(hash ^ mix(seed)))
    }

    /// A source of its own for a part of what this one is for.
    pub fn part(self, part: &str) -> Self {
        Self::new(part, self.0)
    }

    /// The draw at `index`, uniform in `[0, 1)`.
    pub fn unit(self, index: u64) -> f64 {
        (mix(self.0.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15))) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The draw at `index` as a whole number below `count`.
    pub fn below(self, index: u64, count: usize) -> usize {
        ((self.unit(index) * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// The draw at `index`, standard normal (Box and Muller 1958).
    pub fn normal(self, index: u64) -> f64 {
        let (radius, angle) = (self.unit(2 * index), self.unit(2 * index + 1));
        libm::sqrt(-2.0 * libm::log(1.0 - radius)) * libm::cos(std::f64::consts::TAU * angle)
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_or_normal() {
        let source = Source::new("test", 3);
        let mean = (0..10_000).map(|index| source.unit(index)).sum::<f64>() / 1e4;
        let square = (0..10_000).map(|index| source.normal(index).powi(2)).sum::<f64>() / 1e4;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert!((square - 1.0).abs() < 0.05, "{square}");
    }

    #[test]
    fn names_seeds_and_parts_are_independent() {
        let first = Source::new("a", 1).unit(0);
        assert_ne!(first, Source::new("b", 1).unit(0));
        assert_ne!(first, Source::new("a", 2).unit(0));
        assert_ne!(first, Source::new("a", 1).part("a").unit(0));
    }
}
