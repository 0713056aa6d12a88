//! Scores of one row from the predictions of several members. The higher, the sooner it is asked.
//!
//! Each function takes the rows of those members that have a prediction, at least one, and room for a number per class.

use super::uncertainty::{entropy, entropy_term, top_class};

/// Writes the mean of members' rows and says how many there are.
pub fn consensus<'a>(rows: impl Iterator<Item = &'a [f64]>, mean: &mut [f64]) -> usize {
    mean.fill(0.0);
    let mut members = 0;
    for row in rows {
        for (sum, p) in mean.iter_mut().zip(row) {
            *sum += p;
        }
        members += 1;
    }
    for sum in mean.iter_mut() {
        *sum /= members as f64;
    }
    members
}

/// Counts how many members vote for each class, and says how many there are. A vote is the first of the likeliest classes.
fn votes<'a>(rows: impl Iterator<Item = &'a [f64]>, counts: &mut [f64]) -> f64 {
    counts.fill(0.0);
    let mut members = 0.0;
    for row in rows {
        counts[top_class(row)] += 1.0;
        members += 1.0;
    }
    members
}

/// Computes 1 − the share of the class with most votes (Freeman 1965, Beluch et al. 2018); from 0 to 1 − 1/members.
pub fn variation_ratio<'a>(rows: impl Iterator<Item = &'a [f64]>, room: &mut [f64]) -> f64 {
    let members = votes(rows, room);
    1.0 - room.iter().fold(0.0, |most: f64, count| most.max(*count)) / members
}

/// Computes the entropy of votes in nats (Engelson and Dagan 1996); from 0 to ln min(members, classes).
pub fn vote_entropy<'a>(rows: impl Iterator<Item = &'a [f64]>, room: &mut [f64]) -> f64 {
    let members = votes(rows, room);
    room.iter().map(|count| entropy_term(count / members)).sum()
}

/// Computes the entropy of the members' mean in nats; from 0 to ln classes.
pub fn consensus_entropy<'a>(rows: impl Iterator<Item = &'a [f64]>, room: &mut [f64]) -> f64 {
    consensus(rows, room);
    entropy(room)
}

/// Computes the mean over members of KL(p ‖ mean) in nats (McCallum and Nigam 1998); equal to [`bald`] but for rounding.
pub fn mean_kl<'a>(rows: impl Iterator<Item = &'a [f64]> + Clone, room: &mut [f64]) -> f64 {
    let members = consensus(rows.clone(), room);
    let mut sum = 0.0;
    for row in rows {
        for (&p, &mean) in row.iter().zip(room.iter()) {
            if p > 0.0 {
                sum += p * (p / mean).ln();
            }
        }
    }
    (sum / members as f64).max(0.0)
}

/// Computes H(mean) − mean H in nats (Houlsby et al. 2011); from 0 to ln min(members, classes).
pub fn bald<'a>(rows: impl Iterator<Item = &'a [f64]> + Clone, room: &mut [f64]) -> f64 {
    let members = consensus(rows.clone(), room);
    let within: f64 = rows.map(entropy).sum();
    (entropy(room) - within / members as f64).max(0.0)
}

/// Computes the variance of the members' mixture from rows of mean and standard deviation: the variance of the means plus
/// the mean of the variances, both over the members and not one less.
pub fn disagreement<'a>(rows: impl Iterator<Item = &'a [f64]> + Clone) -> f64 {
    let (mut members, mut sum) = (0.0, 0.0);
    for row in rows.clone() {
        sum += row[0];
        members += 1.0;
    }
    let mean = sum / members;
    let total: f64 = rows.map(|row| (row[0] - mean) * (row[0] - mean) + row[1] * row[1]).sum();
    total / members
}
