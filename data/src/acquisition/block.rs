//! Rows of predictions as the acquisition functions read them.

use std::fmt;

use super::{AcquisitionError, Points};

/// How far the probabilities of a row may be from adding up to one: what three digits or half precision leave of them.
pub const SUM_TOLERANCE: f64 = 5e-3;

/// What the numbers of a row are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One probability for each class.
    Probabilities {
        /// The number of classes.
        classes: usize,
    },
    /// A regression's mean and standard deviation.
    Spread,
    /// One number that the trainer gives; the higher it is, the sooner the sample is asked.
    Score,
}

impl Kind {
    /// The numbers of a row.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Probabilities { classes } => classes,
            Self::Spread => 2,
            Self::Score => 1,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probabilities { .. } => "class probabilities",
            Self::Spread => "means and spreads",
            Self::Score => "single scores",
        })
    }
}

/// Predictions of one or more members for the same rows.
///
/// Each member is a slice of rows × [`Kind::width`] numbers, row-major. One member is a plain model; more are a
/// committee. A member has no prediction for a row when the row's first number is NaN: scores are then over the members
/// that have one, and a row that none has is scored NaN, which is never chosen. A row that one member alone has shows no
/// disagreement: 0.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    kind: Kind,
    members: &'a [&'a [f64]],
    first: usize,
    rows: usize,
    embeddings: Option<Points<'a>>,
}

impl<'a> Block<'a> {
    /// Takes the members' predictions, without looking at the numbers; [`Block::check`] does.
    ///
    /// # Errors
    /// No member, no classes, and lengths that do not agree.
    pub fn new(kind: Kind, members: &'a [&'a [f64]]) -> Result<Self, AcquisitionError> {
        let width = kind.width();
        let Some(first) = members.first() else { return Err(AcquisitionError::Empty("members")) };
        let Some(rows) = first.len().checked_div(width) else { return Err(AcquisitionError::Empty("classes")) };
        for member in members {
            if member.len() != rows * width {
                let expected = if member.len() == first.len() { (rows + 1) * width } else { rows * width };
                return Err(AcquisitionError::Length { what: "a member's predictions", found: member.len(), expected });
            }
        }
        Ok(Self { kind, members, first: 0, rows, embeddings: None })
    }

    /// Adds the rows' embeddings.
    ///
    /// # Errors
    /// Not as many rows.
    pub fn with_embeddings(self, embeddings: Points<'a>) -> Result<Self, AcquisitionError> {
        if embeddings.rows() != self.rows {
            let (found, expected) = (embeddings.rows(), self.rows);
            return Err(AcquisitionError::Length { what: "the list of embeddings", found, expected });
        }
        Ok(Self { embeddings: Some(embeddings), ..self })
    }

    /// What the numbers of a row are.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The number of rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The number of members, with those that lack some rows.
    #[must_use]
    pub const fn members(&self) -> usize {
        self.members.len()
    }

    /// The rows' embeddings.
    #[must_use]
    pub const fn embeddings(&self) -> Option<&Points<'a>> {
        self.embeddings.as_ref()
    }

    /// The block of some of the rows.
    ///
    /// # Panics
    /// When they are not all there.
    #[must_use]
    pub fn part(&self, first: usize, rows: usize) -> Self {
        assert!(first + rows <= self.rows, "rows {first}..{} of {}", first + rows, self.rows);
        let embeddings = self.embeddings.map(|embeddings| embeddings.part(first, rows));
        Self { first: self.first + first, rows, embeddings, ..*self }
    }

    /// A member's numbers for a row, or nothing where it has no prediction.
    #[must_use]
    pub fn row(&self, member: usize, row: usize) -> Option<&'a [f64]> {
        let (width, row) = (self.kind.width(), self.first + row);
        let numbers = &self.members[member][row * width..(row + 1) * width];
        (!numbers[0].is_nan()).then_some(numbers)
    }

    /// The rows that members have, for one row.
    pub fn present(&self, row: usize) -> impl Iterator<Item = &'a [f64]> + Clone + '_ {
        (0..self.members.len()).filter_map(move |member| self.row(member, row))
    }

    /// Looks at every number: probabilities that are none or do not add up to one, spreads below zero, numbers that are
    /// not finite.
    ///
    /// # Errors
    /// [`AcquisitionError::Number`] for the first row with such a number.
    pub fn check(&self) -> Result<(), AcquisitionError> {
        for row in 0..self.rows {
            for numbers in self.present(row) {
                check_row(self.kind, row, numbers)?;
            }
        }
        match &self.embeddings {
            Some(embeddings) => embeddings.check("the embedding"),
            None => Ok(()),
        }
    }
}

fn check_row(kind: Kind, row: usize, numbers: &[f64]) -> Result<(), AcquisitionError> {
    let fault = |what, value, hint| Err(AcquisitionError::Number { what, row, value, hint });
    if let Some(bad) = numbers.iter().find(|number| !number.is_finite()) {
        return fault("a prediction", *bad, "write finite numbers, or NaN in the whole row where there is no prediction");
    }
    match kind {
        Kind::Score => Ok(()),
        Kind::Spread if numbers[1] < 0.0 => fault("the spread", numbers[1], "write the standard deviation"),
        Kind::Spread => Ok(()),
        Kind::Probabilities { .. } => {
            if let Some(bad) = numbers.iter().find(|number| !(0.0..=1.0 + SUM_TOLERANCE).contains(*number)) {
                return fault("a probability", *bad, "if these are logits, write their softmax");
            }
            let sum: f64 = numbers.iter().sum();
            if (sum - 1.0).abs() > SUM_TOLERANCE {
                return fault("the sum of probabilities", sum, "write the softmax over all classes, with enough digits");
            }
            Ok(())
        }
    }
}
