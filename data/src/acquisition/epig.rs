//! What a label would tell about the labels of other samples.

use super::committee::consensus;
use super::{Acquisition, AcquisitionError, Block, Kind};

/// Expected predictive information gain (Bickford Smith et al. 2023): the mean over target samples of the mutual information
/// of a row's label and the target's label, in nats.
///
/// A row costs members × classes² × targets products, so some hundred targets, drawn at random, are plenty.
#[derive(Clone, Debug)]
pub struct Epig {
    members: usize,
    classes: usize,
    /// Targets × members × classes.
    targets: Vec<f64>,
}

impl Epig {
    /// Takes the predictions of a committee for the target samples; those that a member lacks are left out.
    ///
    /// # Errors
    /// No class probabilities, fewer than two members, or no target that every member has a prediction for.
    pub fn new(targets: &Block<'_>) -> Result<Self, AcquisitionError> {
        Acquisition::Epig.check_block(targets)?;
        let (members, classes) = (targets.members(), targets.kind().width());
        let mut epig = Self { members, classes, targets: Vec::new() };
        for row in (0..targets.rows()).filter(|row| targets.present(*row).count() == members) {
            for numbers in targets.present(row) {
                epig.targets.extend_from_slice(numbers);
            }
        }
        if epig.targets.is_empty() { Err(AcquisitionError::NeedsTargets(Acquisition::Epig)) } else { Ok(epig) }
    }

    /// Writes the score of each row. A row that a member lacks is scored over the others.
    ///
    /// # Errors
    /// Other members or classes than the targets', and an `out` that is not as long as the block.
    pub fn score_rows(&self, rows: &Block<'_>, out: &mut [f64]) -> Result<(), AcquisitionError> {
        let length = |what, found, expected| Err(AcquisitionError::Length { what, found, expected });
        if rows.kind() != (Kind::Probabilities { classes: self.classes }) {
            return length("a row of predictions", rows.kind().width(), self.classes);
        }
        if rows.members() != self.members {
            return length("the list of members", rows.members(), self.members);
        }
        if rows.rows() != out.len() {
            return length("the room for scores", out.len(), rows.rows());
        }
        let mut room =
            Room { own: vec![0.0; self.classes], target: vec![0.0; self.classes], joint: vec![0.0; self.classes * self.classes] };
        for (row, out) in out.iter_mut().enumerate() {
            *out = self.score(rows, row, &mut room);
        }
        Ok(())
    }

    fn score(&self, rows: &Block<'_>, row: usize, room: &mut Room) -> f64 {
        let members = consensus(rows.present(row), &mut room.own);
        if members == 0 {
            return f64::NAN;
        }
        let targets = self.targets.chunks_exact(self.members * self.classes);
        let sum: f64 = targets.map(|target| self.information(rows, row, target, room, members as f64)).sum();
        (sum / (self.targets.len() / (self.members * self.classes)) as f64).max(0.0)
    }

    /// Computes the mutual information of a row's label and a target's over the members that have the row.
    fn information(&self, rows: &Block<'_>, row: usize, target: &[f64], room: &mut Room, members: f64) -> f64 {
        room.joint.fill(0.0);
        room.target.fill(0.0);
        for (member, theirs) in target.chunks_exact(self.classes).enumerate() {
            let Some(own) = rows.row(member, row) else { continue };
            for (p, joint) in own.iter().zip(room.joint.chunks_exact_mut(self.classes)) {
                for (sum, q) in joint.iter_mut().zip(theirs) {
                    *sum += p * q;
                }
            }
            for (sum, q) in room.target.iter_mut().zip(theirs) {
                *sum += q;
            }
        }
        let mut information = 0.0;
        for (own, joint) in room.own.iter().zip(room.joint.chunks_exact(self.classes)) {
            for (target, sum) in room.target.iter().zip(joint) {
                if *sum > 0.0 {
                    // The means are sums over members divided by their number; one of these divisions cancels out.
                    information += sum / members * (sum / (own * target)).ln();
                }
            }
        }
        information
    }
}

/// Room for the means of one row and one target, and their joint probabilities.
struct Room {
    own: Vec<f64>,
    target: Vec<f64>,
    joint: Vec<f64>,
}
