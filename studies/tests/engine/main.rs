//! The core as a whole: commands in, exact events and effects out.

mod broken;
mod budget;
mod explanations;
mod leases;
mod lifecycle;
mod pausing;
mod records;
mod sealing;
mod sharing;
mod stopping;
mod support;
mod workers;
