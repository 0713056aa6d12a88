//! Tables of a comparison: normalised regret, ranks, and each of Hone's samplers against each of the others.
//!
//! The *normalised regret* of a cell is its regret divided by what random search is left with after 25 trials on that
//! problem, the median over twenty seeds. Below [`FLOOR`] a problem counts as solved, and all that solved it as equal.

use std::collections::{BTreeMap, BTreeSet};

use crate::cells::{Cells, Key, Regrets};
use crate::stats::{Paired, geometric_mean, quantile, ranks, wilcoxon};
use crate::suites::{CHECKPOINTS, Suite};

/// Smaller normalised regrets count as this.
pub const FLOOR: f64 = 1e-4;

/// Random search's regret after 25 trials, by problem.
pub type Scales = BTreeMap<(Suite, String), f64>;

/// A problem and the seed of its instance.
type Instance = (String, u64);

/// Normalised regrets of all samplers in one suite with so many workers.
pub struct Comparison {
    suite: Suite,
    workers: usize,
    /// Samplers in order; which of them are Hone's.
    samplers: Vec<(String, bool)>,
    /// For each sampler: by problem and seed, at [`CHECKPOINTS`].
    regrets: Vec<BTreeMap<Instance, Regrets>>,
}

impl Comparison {
    /// Takes what belongs to `suite` and `workers` out of all cells; only `keys` that Hone was run on count.
    pub fn new(suite: Suite, workers: usize, hone: &[Cells], peers: &[Cells], scales: &Scales) -> Self {
        let wanted: BTreeSet<&Key> = hone.iter().flat_map(|cells| cells.cells.keys()).collect();
        let (mut samplers, mut regrets) = (Vec::new(), Vec::new());
        for (cells, is_hone) in hone.iter().map(|cells| (cells, true)).chain(peers.iter().map(|cells| (cells, false))) {
            let chosen =
                cells.cells.iter().filter(|(key, _)| key.suite == suite && key.workers == workers && wanted.contains(key));
            let normalised: BTreeMap<_, _> = chosen.filter_map(|(key, regrets)| normalise(key, regrets, scales)).collect();
            if !normalised.is_empty() {
                samplers.push((cells.sampler.clone(), is_hone));
                regrets.push(normalised);
            }
        }
        Self { suite, workers, samplers, regrets }
    }

    /// Prints everything.
    pub fn print(&self) {
        if self.samplers.is_empty() {
            return;
        }
        println!("\n## {}, {} at once\n", self.suite.name(), self.workers);
        self.print_regrets();
        self.print_ranks();
        self.print_pairs();
    }

    /// Prints for each problem the median normalised regret at `trials`.
    pub fn print_problems(&self, trials: u32) {
        let Some(at) = CHECKPOINTS.iter().position(|checkpoint| *checkpoint == trials) else { return };
        let problems: BTreeSet<&String> =
            self.regrets.iter().flat_map(|cells| cells.keys().map(|(problem, _)| problem)).collect();
        println!("\nMedian normalised regret at {trials} trials, by problem:\n");
        print!("{:22}", "");
        self.samplers.iter().for_each(|(name, _)| print!(" {:>17}", name.chars().take(17).collect::<String>()));
        println!();
        for problem in problems {
            print!("{problem:22}");
            for cells in &self.regrets {
                let of_problem = cells.iter().filter(|((name, _), _)| name == problem);
                let values: Vec<f64> = of_problem.filter_map(|(_, regrets)| regrets[at]).collect();
                print!(" {:>17}", if values.is_empty() { "-".to_owned() } else { number(quantile(&values, 0.5)) });
            }
            println!();
        }
    }

    fn print_regrets(&self) {
        println!("Normalised regret: median [quartiles], geometric mean; over problems × seeds.\n");
        print!("{:24} {:>6}", "sampler", "cells");
        CHECKPOINTS.iter().for_each(|checkpoint| print!("  {:>32}", format!("{checkpoint} trials")));
        println!();
        for (index, (name, _)) in self.samplers.iter().enumerate() {
            print!("{name:24} {:>6}", self.regrets[index].len());
            for at in 0..CHECKPOINTS.len() {
                let values: Vec<f64> = self.regrets[index].values().filter_map(|regrets| regrets[at]).collect();
                print!("  {:>32}", summary(&values));
            }
            println!();
        }
    }

    /// Ranks over the cells that all samplers of the table have; those with few cells get a table with all.
    fn print_ranks(&self) {
        let most = self.regrets.iter().map(BTreeMap::len).max().unwrap_or(0);
        let complete: Vec<usize> = (0..self.samplers.len()).filter(|&index| 10 * self.regrets[index].len() >= 9 * most).collect();
        self.print_rank_table(&complete);
        if complete.len() < self.samplers.len() {
            self.print_rank_table(&(0..self.samplers.len()).collect::<Vec<_>>());
        }
    }

    fn print_rank_table(&self, among: &[usize]) {
        let counts: Vec<(usize, Vec<f64>)> = (0..CHECKPOINTS.len()).map(|at| self.mean_ranks(among, at)).collect();
        if among.len() < 2 || counts.iter().all(|(count, _)| *count == 0) {
            return;
        }
        println!("\nAverage rank among {} samplers, over the cells that all of them have:\n", among.len());
        print!("{:24}", "sampler");
        CHECKPOINTS.iter().zip(&counts).for_each(|(at, (count, _))| print!(" {:>14}", format!("{at} ({count})")));
        println!();
        for (place, &index) in among.iter().enumerate() {
            print!("{:24}", self.samplers[index].0);
            counts.iter().for_each(|(count, means)| {
                print!(" {:>14}", if *count == 0 { "-".into() } else { format!("{:.2}", means[place]) })
            });
            println!();
        }
    }

    /// The number of cells that all of `among` have at a checkpoint, and the mean rank of each over them.
    fn mean_ranks(&self, among: &[usize], at: usize) -> (usize, Vec<f64>) {
        let mut sums = vec![0.0; among.len()];
        let mut count = 0_usize;
        for key in self.regrets[among[0]].keys() {
            let values: Option<Vec<f64>> = among.iter().map(|&index| self.regrets[index].get(key)?[at]).collect();
            if let Some(values) = values {
                count += 1;
                sums.iter_mut().zip(ranks(&values)).for_each(|(sum, rank)| *sum += rank);
            }
        }
        (count, sums.into_iter().map(|sum| sum / count as f64).collect())
    }

    fn print_pairs(&self) {
        let ours = (0..self.samplers.len()).filter(|&index| self.samplers[index].1);
        for one in ours {
            let others: Vec<usize> = (0..self.samplers.len()).filter(|&other| other != one).collect();
            if others.is_empty() {
                continue;
            }
            println!(
                "\n{} against each: ratio of geometric means; wins/ties/losses; p over cells; p over problems\n",
                self.samplers[one].0
            );
            for other in others {
                print!("{:24}", self.samplers[other].0);
                (0..CHECKPOINTS.len()).for_each(|at| print!("  {:>38}", self.pair(one, other, at)));
                println!();
            }
        }
    }

    fn pair(&self, one: usize, other: usize, at: usize) -> String {
        let mut by_problem: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (key, regrets) in &self.regrets[one] {
            if let (Some(a), Some(Some(b))) = (regrets[at], self.regrets[other].get(key).map(|regrets| regrets[at])) {
                by_problem.entry(&key.0).or_default().push(a.ln() - b.ln());
            }
        }
        let all: Vec<f64> = by_problem.values().flatten().copied().collect();
        if all.is_empty() {
            return "-".to_owned();
        }
        let ratio = (all.iter().sum::<f64>() / all.len() as f64).exp();
        let Paired { wins, ties, losses, p } = wilcoxon(&all);
        let means: Vec<f64> = by_problem.values().map(|values| values.iter().sum::<f64>() / values.len() as f64).collect();
        format!("{} {wins}/{ties}/{losses} {} {}", number(ratio), probability(p), probability(wilcoxon(&means).p))
    }
}

fn normalise(key: &Key, regrets: &[Option<f64>], scales: &Scales) -> Option<(Instance, Regrets)> {
    let scale = scales.get(&(key.suite, key.problem.clone()))?;
    let normalised = regrets.iter().map(|regret| regret.map(|regret| (regret / scale).max(FLOOR))).collect();
    Some(((key.problem.clone(), key.seed), normalised))
}

fn summary(values: &[f64]) -> String {
    if values.is_empty() {
        return "-".to_owned();
    }
    let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| number(quantile(values, share)));
    format!("{middle} [{low} {high}] {}", number(geometric_mean(values)))
}

fn number(value: f64) -> String {
    match value {
        value if value >= 0.095 => format!("{value:.2}"),
        value if value >= 0.0095 => format!("{value:.3}"),
        value => format!("{value:.1e}"),
    }
}

fn probability(p: f64) -> String {
    if p < 1e-3 { format!("{p:.0e}") } else { format!("{p:.3}") }
}
