//! Which unlabelled samples to ask first: acquisition functions and the choice of a batch.
//!
//! Pure functions over arrays. They know no file, no thread's own chance and no clock; what looks random is drawn from a
//! seed and the sample's id or row. Higher scores are asked first, logarithms are natural.
//!
//! ```text
//!  Block (members × rows × classes) ─ Acquisition::score_rows ─▶ a score for each row, block by block, on any thread
//!  Candidates (ids, block, embeddings, costs …) ─ Plan::choose ─▶ Batch: rows, each with its score, rank and part
//! ```

mod basket;
mod batch_bald;
mod block;
mod candidates;
mod clusters;
pub mod committee;
mod coverage;
mod density;
mod draw;
mod epig;
mod error;
mod greedy;
mod mixture;
mod name;
mod order;
mod plan;
mod points;
mod score;
mod select;
mod space;
mod typiclust;
pub mod uncertainty;

pub use basket::Refused;
pub use batch_bald::{BatchBald, CONFIGURATIONS};
pub use block::{Block, Kind, SUM_TOLERANCE};
pub use candidates::Candidates;
pub use coverage::pure_radius;
pub use density::information_density;
pub use epig::Epig;
pub use error::{AcquisitionError, SelectError, UnknownAcquisition};
pub use mixture::{Mixture, ParseMixtureError};
pub use name::Acquisition;
pub use order::{Noise, OrderKey, compare};
pub use plan::{Diversity, Place, Plan, PlanSettings};
pub use points::Points;
pub use select::{Batch, Choice};
pub use space::{Metric, Space};
pub use typiclust::typicality;
