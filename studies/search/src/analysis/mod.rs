//! What a history says once it is there: fronts and volumes of several objectives.
//!
//! Everything here is a pure function of finished trials; nothing suggests, prunes or decides.

pub mod hypervolume;
pub mod pareto;
