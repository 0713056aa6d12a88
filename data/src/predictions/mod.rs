//! Files of predictions for a pool, and what is taken from them to choose samples that people should label.

mod batch;
mod csv;
mod error;
mod file;
mod jsonl;
mod layout;
mod lines;
mod npy;
mod parquet;
mod rows;
mod scan;
mod spread;
mod top;
mod unique;

pub use self::{
    batch::{Batch, Row, SUM_TOLERANCE},
    error::{At, PredictionError, Problem},
    file::{CHUNK_BYTES, Format, PredictionFile},
    layout::{Classes, Kind, Layout, MAX_CLASSES, MAX_EMBEDDING, MAX_ID},
    npy::Beside,
    rows::{Rows, all_rows, rows},
};
