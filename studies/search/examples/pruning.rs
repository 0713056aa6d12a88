//! Measures pruners on tables of learning curves: epochs trained, and regret of the best finished trial.
//!
//! `cargo run --release -p hone-search --example pruning -- TABLE.csv… [--seeds 40] [--trials 100] [--workers 8]
//! [--pruner '{"kind": "asha", "min_steps": 3, "max_steps": 27}']…`
//!
//! A table has a header line and one line per configuration; the columns `e1`, `e2`, … hold its losses by epoch. Each
//! seed shuffles the lines, and every pruner meets them in that order, so that it is the pruner alone that differs.
//! Workers train an epoch per tick; trials that wait are resumed before new ones begin.
//!
//! Two searches a pruner and seed: over the first 100 trials, until all have ended; and over as many trials as it
//! likes, with a third of the epochs that 100 whole trainings take.

use std::process::ExitCode;

use hone_search::{Direction, Outcome, Promotion, PrunerConfig, PrunerState, Verdict};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

type Curve = Vec<(i64, f64)>;

/// What was asked for.
struct Settings {
    tables: Vec<String>,
    seeds: u64,
    trials: usize,
    workers: usize,
    /// Pruners beside the usual ones, by their settings.
    pruners: Vec<(String, PrunerConfig)>,
}

/// Workers, and trials in all states.
struct Floor<'a> {
    state: PrunerState,
    curves: &'a [Curve],
    /// Epochs trained of each trial begun.
    trained: Vec<usize>,
    running: Vec<u32>,
    epochs: usize,
    /// No epochs beyond.
    most_epochs: usize,
    /// The best final loss.
    best: f64,
}

impl Floor<'_> {
    /// Runs the trials to their ends, or until the epochs are used up. Returns epochs and best final loss.
    fn run(config: &PrunerConfig, curves: &[Curve], workers: usize, most_epochs: usize) -> (f64, f64) {
        let state = PrunerState::new(config, Direction::Minimize);
        let (trained, running) = (Vec::new(), Vec::new());
        let mut floor = Floor { state, curves, trained, running, epochs: 0, most_epochs, best: f64::INFINITY };
        floor.train_all(workers);
        (floor.epochs as f64, floor.best)
    }

    fn train_all(&mut self, workers: usize) {
        loop {
            while self.running.len() < workers
                && let Some(number) = self.next()
            {
                self.running.push(number);
            }
            if self.running.is_empty() || self.epochs >= self.most_epochs {
                return;
            }
            let running = std::mem::take(&mut self.running);
            self.running = running.into_iter().filter(|&number| self.train(number)).collect();
        }
    }

    fn next(&mut self) -> Option<u32> {
        for lost in self.state.hopeless() {
            let trained = &self.curves[lost.number as usize][..self.trained[lost.number as usize]];
            self.state.finish(lost.number, Outcome::Pruned, trained);
        }
        let closing = self.trained.len() == self.curves.len();
        if let Some(found) = self.state.promotable(closing).first() {
            self.state.resume(found.number);
            return Some(found.number);
        }
        if closing {
            return None;
        }
        self.trained.push(0);
        u32::try_from(self.trained.len() - 1).ok()
    }

    /// Trains one epoch. Returns whether the trial goes on.
    fn train(&mut self, number: u32) -> bool {
        let curve = &self.curves[number as usize];
        self.trained[number as usize] += 1;
        self.epochs += 1;
        let so_far = &curve[..self.trained[number as usize]];
        let is_last = so_far.len() == curve.len();
        let verdict = self.state.judge(number, so_far);
        self.state.record(number, so_far);
        match verdict {
            Verdict::Continue if !is_last => return true,
            Verdict::Pause { step, .. } if !is_last => self.state.pause(number, step),
            Verdict::Prune { .. } if !is_last => self.state.finish(number, Outcome::Pruned, so_far),
            Verdict::Continue | Verdict::Pause { .. } | Verdict::Prune { .. } => {
                self.state.finish(number, Outcome::Complete, so_far);
                self.best = self.best.min(last(curve));
            }
        }
        false
    }
}

/// The pruners compared, by name.
fn pruners(epochs: i64) -> Vec<(String, PrunerConfig)> {
    let (reduction, max_steps, early_stopping_rate) = (3, Some(epochs), 0);
    let mut pruners: Vec<(String, PrunerConfig)> = ["none", "median", "percentile", "patience", "learning_curve"]
        .iter()
        .filter_map(|&kind| Some((kind.to_owned(), PrunerConfig::from_kind(kind)?)))
        .collect();
    for (promotion, suffix) in [(Promotion::Stop, ""), (Promotion::Resume, ", resume")] {
        let asha = PrunerConfig::Asha { min_steps: None, reduction, max_steps, early_stopping_rate, promotion };
        let cohort = 27;
        let halving = PrunerConfig::Halving { min_steps: None, reduction, max_steps, early_stopping_rate, cohort, promotion };
        let hyperband = PrunerConfig::Hyperband { min_steps: 1, reduction, max_steps, brackets: None, promotion };
        for config in [asha, halving, hyperband] {
            pruners.push((format!("{}{suffix}", config.name()), config));
        }
    }
    pruners
}

fn last(curve: &Curve) -> f64 {
    curve.last().map_or(f64::INFINITY, |point| point.1)
}

fn shuffled(curves: &[Curve], seed: u64) -> Vec<Curve> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut curves = curves.to_vec();
    for place in (1..curves.len()).rev() {
        curves.swap(place, (random.next_u64() % (place as u64 + 1)) as usize);
    }
    curves
}

fn read(path: &str) -> Result<Vec<Curve>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("`{path}`: {error}"))?;
    let mut lines = text.lines();
    let header = lines.next().ok_or_else(|| format!("`{path}` is empty"))?.split(',');
    let is_epoch = |name: &str| name.strip_prefix('e').is_some_and(|rest| rest.parse::<u32>().is_ok());
    let columns: Vec<usize> = header.enumerate().filter(|(_, name)| is_epoch(name)).map(|(column, _)| column).collect();
    if columns.is_empty() {
        return Err(format!("`{path}` has no columns `e1`, `e2`, …"));
    }
    let curve = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let losses = columns.iter().map(|&column| cells.get(column).and_then(|cell| cell.parse().ok()));
        (1..).zip(losses).map(|(epoch, loss)| Some((epoch, loss?))).collect::<Option<Curve>>()
    };
    lines.map(|line| curve(line).ok_or_else(|| format!("`{path}`: a loss is missing in `{line}`"))).collect()
}

fn settings() -> Result<Settings, String> {
    let mut settings = Settings { tables: Vec::new(), seeds: 40, trials: 100, workers: 8, pruners: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` takes a value"));
        let number = |value: String| match value.parse() {
            Ok(0) | Err(_) => Err(format!("`{argument}` takes a number from 1, not `{value}`")),
            Ok(number) => Ok::<usize, String>(number),
        };
        match argument.as_str() {
            "--seeds" => settings.seeds = number(value()?)? as u64,
            "--trials" => settings.trials = number(value()?)?,
            "--workers" => settings.workers = number(value()?)?,
            "--pruner" => {
                let text = value()?;
                let config = serde_json::from_str(&text).map_err(|error| format!("`{text}`: {error}"))?;
                settings.pruners.push((text, config));
            }
            _ => settings.tables.push(argument),
        }
    }
    if settings.tables.is_empty() { Err("name at least one table".to_owned()) } else { Ok(settings) }
}

fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let numbers: Vec<f64> = numbers.collect();
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn measure(path: &str, settings: &Settings) -> Result<(), String> {
    let curves = read(path)?;
    let optimum = curves.iter().map(last).fold(f64::INFINITY, f64::min);
    let epochs = curves.first().map_or(0, Vec::len);
    let (trials, workers, third) = (settings.trials.min(curves.len()), settings.workers, settings.trials * epochs / 3);
    println!("{path}: {} curves of {epochs} epochs; {} seeds, {workers} workers", curves.len(), settings.seeds);
    println!("{:>33} {:>26}", format!("{trials} trials"), format!("a third: {third} epochs"));
    println!("{:>10} {:>10} {:>10} {:>12} {:>12}  pruner", "epochs", "fewer", "regret", "regret", "no worse in");
    let orders: Vec<Vec<Curve>> = (0..settings.seeds).map(|seed| shuffled(&curves, seed)).collect();
    let run = |config: &PrunerConfig, trials: usize, most: usize| -> Vec<(f64, f64)> {
        orders.iter().map(|curves| Floor::run(config, &curves[..trials], workers, most)).collect()
    };
    let whole = run(&PrunerConfig::None, trials, usize::MAX);
    for (name, config) in pruners(epochs as i64).iter().chain(&settings.pruners) {
        let (first, limited) = (run(config, trials, usize::MAX), run(config, curves.len(), third));
        let used = mean(first.iter().map(|run| run.0));
        let fewer = mean(whole.iter().map(|run| run.0)) / used;
        let (regret, at_third) = (mean(first.iter().map(|run| run.1 - optimum)), mean(limited.iter().map(|run| run.1 - optimum)));
        let no_worse = limited.iter().zip(&whole).filter(|(limited, whole)| limited.1 <= whole.1).count();
        let share = format!("{no_worse}/{}", settings.seeds);
        println!("{used:>10.0} {fewer:>9.1}x {regret:>10.5} {at_third:>12.5} {share:>12}  {name}");
    }
    Ok(())
}

fn main() -> ExitCode {
    let outcome = settings().and_then(|settings| settings.tables.iter().try_for_each(|table| measure(table, &settings)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}
