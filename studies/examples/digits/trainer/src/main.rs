//! `digits-trainer`: one trial of the `digits` study.
//!
//! It reads its parameters, trains epoch by epoch, reports each epoch and stops when told to. Everything that
//! concerns Hone is in [`hone`]; the rest is an ordinary training program.

mod checkpoint;
mod data;
mod hone;
mod network;
mod optimizer;
mod output;
mod params;
mod train;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::data::{Digits, Split};
use crate::hone::Hone;
use crate::params::Params;
use crate::train::{Plan, Training, score};

/// Trains a small neural network on handwritten digits.
#[derive(Parser)]
struct Arguments {
    /// How often to go through the training digits
    #[arg(long, default_value_t = 20)]
    epochs: u64,
    /// The digits, as gzipped CSV
    #[arg(long, default_value = "data/digits.csv.gz")]
    data: PathBuf,
    /// Seed of the study; trials of one study differ by their number
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write a checkpoint after every so many epochs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_every: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let params = hone::params().map_or_else(|| Ok(Params::default()), |text| Params::parse(&text))?;
    let plan = Plan { params, seed: arguments.seed, trial: hone::trial()? };
    let split = Digits::load(&arguments.data)?.split();
    let mut hone = Hone::connect()?;
    let mut training = begin(plan)?;
    if !run(&mut training, &split, &arguments, &mut hone)? {
        println!("told to stop after epoch {}", training.epoch);
        return Ok(());
    }
    finish(&training, &split)
}

/// Goes on from the checkpoint, if there is one.
fn begin(plan: Plan) -> Result<Training> {
    let Some(folder) = hone::checkpoints() else {
        return Ok(Training::new(plan));
    };
    let training = checkpoint::resume(&folder, plan)?;
    if training.epoch > 0 {
        println!("going on after epoch {}", training.epoch);
    }
    Ok(training)
}

/// Trains and reports; returns whether it came to the end.
fn run(training: &mut Training, split: &Split, arguments: &Arguments, hone: &mut Hone) -> Result<bool> {
    while training.epoch < arguments.epochs {
        training.run_epoch(&split.train);
        let reached = score(&training.network, &split.validation);
        if hone.report(training.epoch, &[("val_accuracy", reached.accuracy), ("val_loss", reached.loss)])? {
            return Ok(false);
        }
        // After the report: what a checkpoint contains has been reported. Never of the last epoch, so that a
        // resumed attempt has something to report.
        if training.epoch.is_multiple_of(arguments.checkpoint_every) && training.epoch < arguments.epochs {
            keep(training, hone)?;
        }
    }
    Ok(true)
}

fn keep(training: &Training, hone: &mut Hone) -> Result<()> {
    let Some(folder) = hone::checkpoints() else {
        return Ok(());
    };
    checkpoint::save(&folder, training)?;
    hone.checkpoint()
}

fn finish(training: &Training, split: &Split) -> Result<()> {
    let test = score(&training.network, &split.test);
    println!("test accuracy {:.4}, test loss {:.4}", test.accuracy, test.loss);
    hone::output().map_or(Ok(()), |folder| output::write(&folder, training, split))
}
