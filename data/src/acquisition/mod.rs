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
mod mixture;
mod name;
mod order;
mod plan;
mod points;
mod score;
mod space;
pub mod uncertainty;

pub use block::{Block, Kind, SUM_TOLERANCE};
pub use epig::Epig;
pub use error::{AcquisitionError, UnknownAcquisition};
pub use mixture::{Mixture, ParseMixtureError};
pub use name::Acquisition;
pub use order::{Noise, OrderKey, compare};
pub use plan::{Diversity, Place, Plan, SelectError};
pub use points::Points;
pub use space::{Metric, Space};
