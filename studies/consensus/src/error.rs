//! What is wrong with what a caller has given.

/// A mistake in answers or settings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConsensusError {
    /// There is nothing to choose between.
    #[error("there must be at least 2 classes, not `{0}`")]
    Classes(u32),
    /// An item, annotator or class is none of those announced.
    #[error("{what} `{given}` is unknown: there are `{count}`, counted from 0")]
    Unknown {
        /// `item`, `annotator` or `class`.
        what: &'static str,
        /// What was given.
        given: u32,
        /// How many there are.
        count: u32,
    },
    /// An annotator answered an item twice.
    #[error("annotator `{annotator}` has two answers to item `{item}`: leave out the older one")]
    Twice {
        /// The item.
        item: u32,
        /// The annotator.
        annotator: u32,
    },
    /// Two lists that belong together have different lengths.
    #[error("`{what}` has `{given}` entries and needs `{needed}`")]
    Length {
        /// Which list.
        what: &'static str,
        /// How many entries it has.
        given: usize,
        /// How many it needs.
        needed: usize,
    },
    /// A number is not one that may stand there.
    #[error("`{what}` must be {allowed}, not `{given}`")]
    Number {
        /// Name of the setting or list.
        what: &'static str,
        /// What is allowed.
        allowed: &'static str,
        /// What was given.
        given: f64,
    },
    /// Fleiss' kappa asks for the same number of answers to every item.
    #[error(
        "item `{item}` has `{given}` answers and another item `{needed}`: Fleiss' kappa needs equally many, Krippendorff's alpha does not"
    )]
    Uneven {
        /// The item.
        item: u32,
        /// How many answers it has.
        given: usize,
        /// How many an earlier item has.
        needed: usize,
    },
    /// A curve's labels do not grow.
    #[error("a learning curve's labels must grow from point to point: `{later}` follows `{earlier}`")]
    Order {
        /// Labels of a point.
        earlier: f64,
        /// Labels of the next point.
        later: f64,
    },
}

/// Checks that a number is one that may stand there.
pub(crate) fn check(what: &'static str, given: f64, allowed: &'static str, fits: bool) -> Result<(), ConsensusError> {
    if fits { Ok(()) } else { Err(ConsensusError::Number { what, allowed, given }) }
}

/// Checks that a number is finite and not below 0.
pub(crate) fn check_amount(what: &'static str, given: f64) -> Result<(), ConsensusError> {
    check(what, given, "a number from 0", given.is_finite() && given >= 0.0)
}

/// Checks that a number lies strictly between 0 and 1.
pub(crate) fn check_inside(what: &'static str, given: f64) -> Result<(), ConsensusError> {
    check(what, given, "above 0 and below 1", given > 0.0 && given < 1.0)
}

/// Checks that an index is below a count.
pub(crate) fn check_known(what: &'static str, given: u32, count: u32) -> Result<(), ConsensusError> {
    if given < count { Ok(()) } else { Err(ConsensusError::Unknown { what, given, count }) }
}
