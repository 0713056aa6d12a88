//! Pruning on the learning curves of the tables: how good the best finished training is after so many epochs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use hone_search::PrunerConfig;
use rayon::prelude::*;

use crate::compare::sampler;
use crate::drive::{Moment, Next, Searcher, Told, duration};
use crate::hone::HoneSearch;
use crate::stats::{quantile, wilcoxon};
use crate::suites::{Library, Suite};
use crate::task::Task;

/// A search may use as many epochs as this many whole trainings.
const TRAININGS: u64 = 100;

/// Where the regret is looked at, in whole trainings.
const LOOKS: [u64; 5] = [5, 10, 20, 50, 100];

/// What one search did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Trials begun.
    pub trials: u32,
    /// Epochs used in all until the best finished training got this regret; ascending.
    pub best: Vec<(u64, f64)>,
}

impl Trace {
    /// The regret when so many epochs have been used; `None` while nothing is finished.
    fn regret(&self, epochs: u64) -> Option<f64> {
        self.best.iter().take_while(|(used, _)| *used <= epochs).last().map(|(_, regret)| *regret)
    }

    /// The epochs used until the regret was at most `target`; infinite if it never was.
    fn epochs_until(&self, target: f64) -> f64 {
        self.best.iter().find(|(_, regret)| *regret <= target).map_or(f64::INFINITY, |(used, _)| *used as f64)
    }

    fn finish(&mut self, used: u64, regret: f64) {
        if self.best.last().is_none_or(|(_, best)| regret < *best) {
            self.best.push((used, regret));
        }
    }
}

/// A trial under way.
struct Running {
    curve: Vec<f64>,
    done: usize,
}

/// Trains on `workers` simulated workers, epoch by epoch, until the epochs are used up.
pub fn train(task: &Task, searcher: &mut dyn Searcher, workers: usize) -> Result<Trace> {
    let budget = TRAININGS * task.epochs as u64;
    let mut events: BinaryHeap<Reverse<(Moment, u32)>> = BinaryHeap::new();
    let mut running: BTreeMap<u32, Running> = BTreeMap::new();
    let (mut trace, mut used, mut now) = (Trace::default(), 0, 0.0);
    while used < budget {
        while events.len() < workers {
            let number = match searcher.resume()? {
                Some(number) => number,
                None => begin(task, searcher, &mut trace, &mut running)?,
            };
            events.push(Reverse((Moment(now + duration(task, number)), number)));
        }
        let Some(Reverse((moment, number))) = events.pop() else { break };
        let trial = running.get_mut(&number).context("a trial that runs")?;
        (now, used, trial.done) = (moment.0, used + 1, trial.done + 1);
        let (value, epoch, is_last) = (trial.curve[trial.done - 1], trial.done as i64, trial.done == trial.curve.len());
        match searcher.report(number, epoch, value)? {
            _ if is_last => {}
            Next::GoOn => {
                events.push(Reverse((Moment(now + duration(task, number)), number)));
                continue;
            }
            Next::Wait => continue,
            Next::End => {}
        }
        running.remove(&number);
        let values = if is_last { vec![value] } else { Vec::new() };
        searcher.tell(&Told { number, values, constraints: Vec::new(), is_pruned: !is_last })?;
        if is_last {
            trace.finish(used, (value - task.optimum).max(0.0));
        }
    }
    Ok(trace)
}

/// Begins the next trial and returns its number.
fn begin(task: &Task, searcher: &mut dyn Searcher, trace: &mut Trace, running: &mut BTreeMap<u32, Running>) -> Result<u32> {
    let number = trace.trials;
    let shown = task.run(number, &searcher.ask(number)?);
    running.insert(number, Running { curve: shown.curve, done: 0 });
    trace.trials += 1;
    Ok(number)
}

/// Traces by problem and seed.
pub type Traces = BTreeMap<(String, u64), Trace>;

/// A pruner by its name, on curves of so many epochs; `asha:resume` lets trials wait instead of ending them.
pub fn pruner(name: &str, epochs: usize) -> Result<PrunerConfig> {
    let (kind, promotion) = name.split_once(':').unwrap_or((name, "stop"));
    let settings = serde_json::json!({ "kind": kind, "max_steps": epochs, "promotion": promotion });
    serde_json::from_value(settings)
        .with_context(|| format!("there is no pruner `{kind}`; there are {}", PrunerConfig::KINDS.join(", ")))
}

/// Runs Hone's `SAMPLER+PRUNER` over all curves.
pub fn run_hone(name: &str, library: &Library, seeds: u64) -> Result<Traces> {
    let (kind, pruning) = name.split_once('+').unwrap_or((name, "none"));
    let config = sampler(kind)?;
    let train_one = |(problem, seed): (String, u64)| -> Result<_> {
        let task = library.task(Suite::Tables, &problem, seed)?;
        let mut searcher = HoneSearch::new(&task, &config, &pruner(pruning, task.epochs)?);
        let trace = train(&task, &mut searcher, 1)?;
        Ok(((problem, seed), trace))
    };
    problems(library, seeds).into_par_iter().map(train_one).collect()
}

/// All curves with all seeds, seeds one after another.
pub fn problems(library: &Library, seeds: u64) -> Vec<(String, u64)> {
    (0..seeds).flat_map(|seed| library.curves().map(move |table| (table.name.clone(), seed))).collect()
}

/// Writes `NAME.csv`.
pub fn write(folder: &Path, name: &str, traces: &Traces) -> Result<()> {
    let mut text = "problem,seed,trials,epochs:regret\n".to_owned();
    for ((problem, seed), trace) in traces {
        let best: Vec<String> = trace.best.iter().map(|(used, regret)| format!("{used}:{regret:.5}")).collect();
        let _ = writeln!(text, "{problem},{seed},{},{}", trace.trials, best.join(" "));
    }
    std::fs::create_dir_all(folder)?;
    Ok(std::fs::write(folder.join(format!("{name}.csv")), text)?)
}

/// Reads `NAME.csv`; no file is no traces.
pub fn read(path: &Path) -> Result<Traces> {
    let text = if path.exists() { std::fs::read_to_string(path)? } else { String::new() };
    let lines = text.lines().skip(1).map(|line| parse(line).with_context(|| format!("`{}`: line `{line}`", path.display())));
    lines.collect()
}

fn parse(line: &str) -> Result<((String, u64), Trace)> {
    let cells: Vec<&str> = line.split(',').collect();
    let [problem, seed, trials, best] = cells[..] else { anyhow::bail!("expected 4 columns") };
    let pair = |pair: &str| -> Result<(u64, f64)> {
        let (used, regret) = pair.split_once(':').context("expected epochs:regret")?;
        Ok((used.parse()?, regret.parse()?))
    };
    let best = best.split_whitespace().map(pair).collect::<Result<_>>()?;
    Ok(((problem.to_owned(), seed.parse()?), Trace { trials: trials.parse()?, best }))
}

/// Prints for each problem what all contenders reach; the first of `contenders` is who the others are measured against.
pub fn print(contenders: &[(String, Traces)], library: &Library) {
    println!("\n## learning curves\n");
    println!("Regret of the best finished training after epochs worth so many whole trainings: median [quartiles].");
    println!("*Times fewer epochs*: the median of the epochs that {} needs for its own median final regret,", contenders[0].0);
    println!("divided by the median of those that the contender needs for it; p: signed-rank test of final regrets against it.");
    for table in library.curves() {
        println!("\n{} ({} epochs)\n", table.name, table.epochs());
        print!("{:28} {:>7} {:>14}", "contender", "trials", "epochs a trial");
        LOOKS.iter().for_each(|look| print!(" {look:>24}"));
        println!(" {:>14} {:>8}", "times fewer", "p");
        for (name, traces) in contenders {
            print_contender(name, traces, &contenders[0].1, &table.name, table.epochs() as u64);
        }
    }
}

fn print_contender(name: &str, traces: &Traces, base: &Traces, problem: &str, epochs: u64) {
    let mine: Vec<(&u64, &Trace)> =
        traces.iter().filter(|((of, _), _)| of == problem).map(|((_, seed), trace)| (seed, trace)).collect();
    if mine.is_empty() {
        return;
    }
    let median = |value: &dyn Fn(&Trace) -> f64| quantile(&mine.iter().map(|(_, trace)| value(trace)).collect::<Vec<_>>(), 0.5);
    print!(
        "{name:28} {:>7.0} {:>14.1}",
        median(&|trace| f64::from(trace.trials)),
        median(&|trace| (TRAININGS * epochs) as f64 / f64::from(trace.trials))
    );
    for look in LOOKS {
        let regrets: Vec<f64> = mine.iter().filter_map(|(_, trace)| trace.regret(look * epochs)).collect();
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| quantile(&regrets, share));
        print!(" {:>24}", format!("{middle:.4} [{low:.4} {high:.4}]"));
    }
    let all = |trace: &Trace| trace.regret(TRAININGS * epochs).unwrap_or(f64::INFINITY);
    let base: BTreeMap<u64, &Trace> =
        base.iter().filter(|((of, _), _)| of == problem).map(|((_, seed), trace)| (*seed, trace)).collect();
    let target = quantile(&base.values().map(|trace| all(trace)).collect::<Vec<_>>(), 0.5);
    let until = |traces: &mut dyn Iterator<Item = &Trace>| {
        quantile(&traces.map(|trace| trace.epochs_until(target)).collect::<Vec<_>>(), 0.5)
    };
    let times = until(&mut base.values().copied()) / until(&mut mine.iter().map(|(_, trace)| *trace));
    let differences: Vec<f64> = mine.iter().filter_map(|(seed, trace)| Some(all(trace) - all(base.get(seed)?))).collect();
    println!(" {times:>14.1} {:>8.3}", wilcoxon(&differences).p);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_read_as_they_were_written() {
        let trace = Trace { trials: 300, best: vec![(27, 0.5), (90, 0.25)] };
        let traces = Traces::from([(("curve".to_owned(), 3), trace.clone())]);
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "some", &traces).expect("written");
        let read = read(&folder.path().join("some.csv")).expect("read");
        assert_eq!(read, traces);
        assert_eq!((trace.regret(26), trace.regret(89), trace.regret(1_000)), (None, Some(0.5), Some(0.25)));
        assert_eq!((trace.epochs_until(0.3), trace.epochs_until(0.1)), (90.0, f64::INFINITY));
    }
}
