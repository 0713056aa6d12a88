//! Files of predictions for a pool, and what is taken from them to choose samples that people should label.

mod batch;
mod choose;
mod committee;
mod csv;
mod double;
mod error;
mod excluded;
mod file;
mod gather;
mod join;
mod jsonl;
mod layout;
mod lines;
mod npy;
mod parquet;
mod pool;
mod rows;
mod scan;
mod sketch;
mod spread;
mod top;
mod unique;
mod wire;

pub use self::{
    batch::{Batch, Row, SUM_TOLERANCE},
    choose::{BatchPlan, Chosen, ChosenBatch, Prediction, choose, prediction_of},
    committee::{Committee, MAX_MEMBERS, Member, Union},
    error::{At, PredictionError, Problem},
    excluded::{Excluded, IdHash},
    file::{CHUNK_BYTES, Format, PredictionFile},
    gather::{Gathered, Wish, gather, member_sketches, sketches},
    join::committee_sketch,
    layout::{Classes, Kind, Layout, MAX_CLASSES, MAX_EMBEDDING, MAX_ID},
    npy::Beside,
    pool::{FOLDER, Pool, pools},
    rows::{Rows, all_rows, rows},
    sketch::{Candidate, MAX_KEPT, SHARES, Sketch, SketchPlan, rated_by, sketch},
    wire::{MAX_ROWS, MAX_WIRE, WireError},
};
