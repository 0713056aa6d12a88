//! Points of a scrambled Sobol sequence (Sobol 1967; scrambling: Owen 1995, Burley 2020).
//!
//! Trial number gives the point, parameter position the dimension; children have dimensions of their own,
//! which go unused while they are absent.

use sobol_burley::{NUM_DIMENSIONS, sample};

use super::{SuggestRequest, Suggestion, random_value};
use crate::draw::{BELOW_ONE, Draw, Use};
use crate::space::Plan;

/// Points of one scramble; later trial numbers start a fresh one.
const SEQUENCE: u32 = 1 << 16;
/// Distance between neighbouring values of a sequence of 24 bits.
const RESOLUTION: f64 = 1.0 / (1 << 24) as f64;

pub(super) fn point(request: &SuggestRequest<'_>, plan: &Plan, number: u32) -> Suggestion {
    let params = plan.fill(|index, _| value(request, number, index));
    Suggestion { number, params, why: why(number) }
}

pub(super) fn why(number: u32) -> String {
    format!("sobol point {number}")
}

/// Returns the internal number of one parameter; beyond the sequence's dimensions a random one.
pub(super) fn value(request: &SuggestRequest<'_>, number: u32, index: usize) -> f64 {
    let dimension = u32::try_from(index).unwrap_or(u32::MAX);
    if dimension >= NUM_DIMENSIONS {
        return random_value(request, number, index);
    }
    let parameter = &request.space.parameters[index];
    let scramble = Draw::new(request.seed, number / SEQUENCE, "", Use::Scramble).bits() as u32;
    let coarse = f64::from(sample(number % SEQUENCE, dimension, scramble));
    // The sequence has the resolution of a single; random low bits fill it up.
    let fraction = Draw::new(request.seed, number, &parameter.name, Use::Fraction).unit();
    parameter.distribution.from_unit((coarse + fraction * RESOLUTION).min(BELOW_ONE))
}
