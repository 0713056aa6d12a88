//! Which function scores which kind of block.

use super::{Acquisition, AcquisitionError, Block, Kind, committee, uncertainty};

impl Acquisition {
    /// Writes the score of each row by itself; the higher, the sooner it is asked, and NaN is never asked.
    ///
    /// Takes no memory but for a number per class and call, so a pool can be scored in blocks, on any number of threads,
    /// with the same result. Of a committee, the functions of one model score the members' mean: their mean
    /// probabilities, the standard deviation of their mixture, their mean score. [`Acquisition::Random`] is 1 for every
    /// row that has a prediction, and [`Acquisition::PowerBald`] is [`Acquisition::Bald`], until
    /// [`Acquisition::with_noise`] adds what depends on the id.
    ///
    /// # Errors
    /// A function that does not read such blocks, or rates no single rows ([`Acquisition::row_wise`] names one that
    /// does; [`super::Epig`] is that of [`Acquisition::Epig`]), and an `out` that is not as long as the block.
    pub fn score_rows(self, rows: &Block<'_>, out: &mut [f64]) -> Result<(), AcquisitionError> {
        self.check_block(rows)?;
        if out.len() != rows.rows() {
            let (found, expected) = (out.len(), rows.rows());
            return Err(AcquisitionError::Length { what: "the room for scores", found, expected });
        }
        match self {
            Self::Random => fill(out, |row| if has_any(rows, row) { 1.0 } else { f64::NAN }),
            Self::LeastConfidence => of_mean(rows, out, |_, mean| uncertainty::least_confidence(mean)),
            Self::Margin => of_mean(rows, out, |_, mean| uncertainty::margin(mean)),
            Self::Entropy | Self::ConsensusEntropy => of_mean(rows, out, |_, mean| uncertainty::entropy(mean)),
            Self::Spread => fill(out, |row| spread(rows, row)),
            Self::Score => fill(out, |row| mean_score(rows, row)),
            Self::VariationRatio => of_members(rows, out, |row, room| committee::variation_ratio(rows.present(row), room)),
            Self::VoteEntropy => of_members(rows, out, |row, room| committee::vote_entropy(rows.present(row), room)),
            Self::MeanKl => of_members(rows, out, |row, room| committee::mean_kl(rows.present(row), room)),
            Self::Bald | Self::PowerBald => of_members(rows, out, |row, room| committee::bald(rows.present(row), room)),
            Self::Disagreement => fill(out, |row| committee::disagreement(rows.present(row))),
            Self::ExpectedGradientLength => {
                let embeddings = rows.embeddings().ok_or(AcquisitionError::NeedsEmbeddings(self))?;
                of_mean(rows, out, |row, mean| uncertainty::expected_gradient_length(mean, embeddings.length(row)));
            }
            Self::Epig => return Err(AcquisitionError::NeedsTargets(self)),
            Self::BatchBald | Self::CoreSet | Self::Badge | Self::TypiClust | Self::KMeansPlusPlus | Self::ProbCover => {
                return Err(AcquisitionError::NotRowWise(self, self.row_wise().unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// Says whether the function can be used on such predictions: their kind, members and embeddings.
    ///
    /// # Errors
    /// What it lacks.
    pub fn check_block(self, rows: &Block<'_>) -> Result<(), AcquisitionError> {
        self.check_kind(rows.kind())?;
        if self.needs_committee() && rows.members() < 2 {
            return Err(AcquisitionError::NeedsCommittee(self));
        }
        if self.needs_embeddings() && rows.embeddings().is_none() {
            return Err(AcquisitionError::NeedsEmbeddings(self));
        }
        Ok(())
    }

    /// Says whether the function reads predictions of a kind.
    ///
    /// # Errors
    /// [`AcquisitionError::Unfit`], which names one that does.
    pub fn check_kind(self, kind: Kind) -> Result<(), AcquisitionError> {
        let (fits, wanted) = match self {
            Self::Random | Self::CoreSet | Self::TypiClust | Self::KMeansPlusPlus | Self::ProbCover => return Ok(()),
            Self::Spread | Self::Disagreement => (kind == Kind::Spread, "means and spreads"),
            Self::Score => (kind == Kind::Score, "single scores"),
            Self::LeastConfidence
            | Self::Margin
            | Self::Entropy
            | Self::VariationRatio
            | Self::VoteEntropy
            | Self::ConsensusEntropy
            | Self::MeanKl
            | Self::Bald
            | Self::PowerBald
            | Self::BatchBald
            | Self::Epig
            | Self::ExpectedGradientLength
            | Self::Badge => (matches!(kind, Kind::Probabilities { .. }), "class probabilities"),
        };
        let instead = match kind {
            Kind::Probabilities { .. } => Self::Margin,
            Kind::Spread => Self::Spread,
            Kind::Score => Self::Score,
        };
        if fits { Ok(()) } else { Err(AcquisitionError::Unfit { acquisition: self, wanted, found: kind, instead }) }
    }
}

fn fill(out: &mut [f64], score: impl Fn(usize) -> f64) {
    for (row, out) in out.iter_mut().enumerate() {
        *out = score(row);
    }
}

/// Scores what one model says, or the mean of what several say.
fn of_mean(rows: &Block<'_>, out: &mut [f64], score: impl Fn(usize, &[f64]) -> f64) {
    if rows.members() == 1 {
        return fill(out, |row| rows.row(0, row).map_or(f64::NAN, |numbers| score(row, numbers)));
    }
    of_members(rows, out, |row, room| {
        committee::consensus(rows.present(row), room);
        score(row, room)
    });
}

/// Scores what several models say, with room for a number per class.
fn of_members(rows: &Block<'_>, out: &mut [f64], score: impl Fn(usize, &mut [f64]) -> f64) {
    let mut room = vec![0.0; rows.kind().width()];
    for (row, out) in out.iter_mut().enumerate() {
        *out = if has_any(rows, row) { score(row, &mut room) } else { f64::NAN };
    }
}

fn has_any(rows: &Block<'_>, row: usize) -> bool {
    rows.present(row).next().is_some()
}

/// The standard deviation of the members' mixture; a single one's is its own, unrounded.
fn spread(rows: &Block<'_>, row: usize) -> f64 {
    match rows.members() {
        1 => rows.row(0, row).map_or(f64::NAN, |numbers| numbers[1]),
        _ => committee::disagreement(rows.present(row)).sqrt(),
    }
}

/// The members' mean; of none 0 / 0, which is not a number.
fn mean_score(rows: &Block<'_>, row: usize) -> f64 {
    let (sum, members) = rows.present(row).fold((0.0, 0.0), |(sum, members), numbers| (sum + numbers[0], members + 1.0));
    sum / members
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
