//! One acquisition function, or several with the shares of a batch that each may choose.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Acquisition, UnknownAcquisition};

/// Acquisition functions with their shares, which add up to one; in the order of [`Acquisition::ALL`].
///
/// Written as `"margin"`, or as a table such as `{ margin = 0.8, random = 0.2 }`; as text `margin=0.8,random=0.2`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture(Vec<(Acquisition, f64)>);

/// Text or a table that is no mixture.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParseMixtureError {
    /// A name that no acquisition function has.
    #[error(transparent)]
    Unknown(#[from] UnknownAcquisition),
    /// A share that is no number above zero.
    #[error("`{share}` is no share of `{acquisition}`; write a number above zero, such as `{acquisition}=0.8`")]
    Share {
        /// Of which function.
        acquisition: Acquisition,
        /// What was given.
        share: String,
    },
    /// A function that is named twice.
    #[error("`{0}` is there twice; add its shares up")]
    Twice(Acquisition),
    /// No function.
    #[error("no acquisition function is named; write one, such as `margin`")]
    Empty,
}

impl Mixture {
    /// Takes functions with shares above zero, in any unit: they are divided by their sum.
    ///
    /// # Errors
    /// No function, one twice, and shares that are no numbers above zero.
    pub fn new(parts: &[(Acquisition, f64)]) -> Result<Self, ParseMixtureError> {
        let mut parts = parts.to_vec();
        parts.sort_by_key(|(acquisition, _)| *acquisition);
        if let Some(pair) = parts.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(ParseMixtureError::Twice(pair[0].0));
        }
        let sum: f64 = parts.iter().map(|(_, share)| share).sum();
        for (acquisition, share) in &mut parts {
            if !(*share > 0.0 && sum.is_finite()) {
                return Err(ParseMixtureError::Share { acquisition: *acquisition, share: share.to_string() });
            }
            *share /= sum;
        }
        if parts.is_empty() { Err(ParseMixtureError::Empty) } else { Ok(Self(parts)) }
    }

    /// Reads `margin`, or `margin=0.8,random=0.2`.
    ///
    /// # Errors
    /// What is wrong with a name or a share.
    pub fn parse(text: &str) -> Result<Self, ParseMixtureError> {
        let mut parts = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, share) = part.split_once('=').map_or((part, None), |(name, share)| (name, Some(share.trim())));
            let acquisition = Acquisition::parse(name)?;
            let number = share.map_or(Ok(1.0), str::parse);
            let share = share.unwrap_or_default();
            let wrong = |_| ParseMixtureError::Share { acquisition, share: share.chars().take(60).collect() };
            parts.push((acquisition, number.map_err(wrong)?));
        }
        Self::new(&parts)
    }

    /// The functions and their shares.
    #[must_use]
    pub fn parts(&self) -> &[(Acquisition, f64)] {
        &self.0
    }

    /// Divides so many rows by the shares: each part gets what is whole of its share, and what is left goes to the largest
    /// remainders, the first of several (Hamilton 1792).
    #[must_use]
    pub fn divide(&self, count: usize) -> Vec<usize> {
        let exact = self.0.iter().map(|(_, share)| share * count as f64);
        // A product such as 0.7 × 10 may lie a rounding error below the whole number.
        let (mut counts, mut rest): (Vec<usize>, Vec<(f64, usize)>) = (Vec::new(), Vec::new());
        for (part, exact) in exact.enumerate() {
            let whole = (exact + 1e-9).floor();
            counts.push(whole as usize);
            rest.push((exact - whole, part));
        }
        rest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let left = count - counts.iter().sum::<usize>().min(count);
        for (_, part) in rest.into_iter().take(left) {
            counts[part] += 1;
        }
        counts
    }
}

impl Default for Mixture {
    fn default() -> Self {
        Acquisition::default().into()
    }
}

impl From<Acquisition> for Mixture {
    fn from(acquisition: Acquisition) -> Self {
        Self(vec![(acquisition, 1.0)])
    }
}

impl fmt::Display for Mixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [(only, _)] = self.0.as_slice() {
            return write!(f, "{only}");
        }
        for (at, (acquisition, share)) in self.0.iter().enumerate() {
            write!(f, "{}{acquisition}={share}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for Mixture {
    type Err = ParseMixtureError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Mixture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [(only, _)] => only.serialize(serializer),
            parts => serializer.collect_map(parts.iter().copied()),
        }
    }
}

impl<'de> Deserialize<'de> for Mixture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Mixture;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an acquisition function, or a table of names and shares")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Mixture, E> {
        Mixture::parse(text).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Mixture, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = map.next_entry()? {
            parts.push(part);
        }
        Mixture::new(&parts).map_err(A::Error::custom)
    }
}

#[cfg(test)]
#[path = "mixture_tests.rs"]
mod tests;
