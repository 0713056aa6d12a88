//! What asking for labels by a model's uncertainty has saved, and when to stop.
//!
//! Everything here judges by a validation split that no model was trained on and no label was asked by; a test set is
//! for the last report alone, and every look at it to decide something spoils it.

mod curve;
pub mod gain;
pub mod saving;
pub mod stability;

pub use curve::{Curve, Point};
