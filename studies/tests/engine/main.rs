//! The core as a whole: commands in, exact events and effects out.

mod ahead;
mod broken;
mod budget;
mod clients;
mod constraints;
mod datasets;
mod explanations;
mod importing;
mod labels;
mod leases;
mod lifecycle;
mod pausing;
mod records;
mod sealing;
mod sharing;
mod stopping;
mod support;
mod warm_start;
mod workers;
