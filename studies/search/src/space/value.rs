//! Values as people write them: in study files, on the wire, in JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One option of a categorical parameter, or any parameter's value outside this crate.
///
/// Serialises untagged, so in JSON it is simply `true`, `3`, `0.5` or `"adam"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Choice {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f64),
    /// Text, compared byte by byte.
    Str(String),
}

/// The external value of any parameter. The same type as [`Choice`]: an option is a value.
pub type Value = Choice;

impl Choice {
    /// Returns the number this value stands for, or `None` for text and booleans.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Bool(_) | Self::Str(_) => None,
        }
    }

    /// Whether two values mean the same: numbers by their amount, so that `1` equals `1.0`.
    pub fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (a, b) => matches!((a.as_number(), b.as_number()), (Some(a), Some(b)) if a == b),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Str(value) => value.fmt(f),
        }
    }
}

impl From<&str> for Choice {
    fn from(value: &str) -> Self {
        Self::Str(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_by_amount_and_text_is_not_a_number() {
        assert!(Choice::Int(1).same_as(&Choice::Float(1.0)));
        assert!(!Choice::Int(1).same_as(&"1".into()));
        assert!(!Choice::Bool(true).same_as(&Choice::Int(1)));
        assert!(!Choice::Int(i64::MAX).same_as(&Choice::Int(i64::MAX - 1)));
    }

    #[test]
    fn json_is_the_bare_value_and_keeps_the_kind() {
        for (value, text) in [
            (Choice::Bool(true), "true"),
            (Choice::Int(3), "3"),
            (Choice::Float(3.0), "3.0"),
            (Choice::Str("adam".into()), "\"adam\""),
        ] {
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
            assert_eq!(serde_json::from_str::<Choice>(text).unwrap(), value);
        }
    }

    #[test]
    fn display_tells_a_float_from_an_int() {
        assert_eq!(Choice::Float(2.0).to_string(), "2.0");
        assert_eq!(Choice::Int(2).to_string(), "2");
        assert_eq!(Choice::from("a b").to_string(), "a b");
    }
}
