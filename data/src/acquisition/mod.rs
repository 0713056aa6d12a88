//! Which unlabelled samples to ask first: acquisition functions and the choice of a batch.
//!
//! Pure functions over arrays. They know no file, no thread's own chance and no clock; what looks random is drawn from a
//! seed and the sample's id or row. Higher scores are asked first, logarithms are natural.
//!
//! ```text
//!  Block (members × rows × classes) ─ Acquisition::score_rows ─▶ a score for each row, block by block, on any thread
//! ```

mod block;
pub mod committee;
mod epig;
mod error;
mod name;
mod order;
mod points;
mod score;
pub mod uncertainty;

pub use block::{Block, Kind, SUM_TOLERANCE};
pub use epig::Epig;
pub use error::{AcquisitionError, UnknownAcquisition};
pub use name::Acquisition;
pub use order::{Noise, OrderKey, compare};
pub use points::Points;
