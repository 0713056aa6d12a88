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

/// What is compared with, unless nothing else is there.
const BASELINES: [&str; 3] = ["hone-random", "hone-sobol", "hone-grid"];

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
        self.print_groups();
        self.print_pairs();
    }

    /// Prints for each problem the median normalised regret at `trials`, and for each family the geometric mean.
    pub fn print_problems(&self, trials: u32, family: impl Fn(&str) -> &'static str) {
        let Some(at) = CHECKPOINTS.iter().position(|checkpoint| *checkpoint == trials) else { return };
        let problems: BTreeSet<&str> =
            self.regrets.iter().flat_map(BTreeMap::keys).map(|(problem, _)| problem.as_str()).collect();
        if problems.is_empty() {
            return;
        }
        println!(
            "\nMedian normalised regret at {trials} trials by problem; geometric mean by family. A sampler may have fewer seeds.\n"
        );
        print!("{:24}", "");
        self.samplers.iter().for_each(|(name, _)| print!(" {:>17}", name.chars().take(17).collect::<String>()));
        println!();
        for problem in &problems {
            self.print_row(problem, |instance| instance == *problem, at, |values| quantile(values, 0.5));
        }
        let families: BTreeSet<&str> = problems.iter().map(|problem| family(problem)).collect();
        for kind in families.iter().filter(|_| families.len() > 1) {
            self.print_row(&format!("= {kind}"), |problem| family(problem) == *kind, at, geometric_mean);
        }
    }

    fn print_row(&self, label: &str, is_in: impl Fn(&str) -> bool, at: usize, of: impl Fn(&[f64]) -> f64) {
        print!("{label:24}");
        for cells in &self.regrets {
            let chosen = cells.iter().filter(|((problem, _), _)| is_in(problem));
            let values: Vec<f64> = chosen.filter_map(|(_, regrets)| regrets[at]).collect();
            print!(" {:>17}", if values.is_empty() { "-".to_owned() } else { number(of(&values)) });
        }
        println!();
    }

    /// A table over the cells that the samplers with most cells share; then, if some have few, one over what all share.
    fn print_groups(&self) {
        let most = self.regrets.iter().map(BTreeMap::len).max().unwrap_or(0);
        let complete: Vec<usize> = (0..self.samplers.len()).filter(|&index| 10 * self.regrets[index].len() >= 9 * most).collect();
        self.print_group(&complete);
        if complete.len() < self.samplers.len() {
            self.print_group(&(0..self.samplers.len()).collect::<Vec<_>>());
        }
    }

    fn print_group(&self, among: &[usize]) {
        let shared: Vec<Vec<Vec<f64>>> = (0..CHECKPOINTS.len()).map(|at| self.shared(among, at)).collect();
        let checkpoints: Vec<usize> = (0..CHECKPOINTS.len()).filter(|&at| !shared[at].is_empty()).collect();
        if checkpoints.is_empty() {
            return;
        }
        println!("\nOver the searches that all of these {} made: median [quartiles] and geometric mean of the", among.len());
        println!("normalised regret, and the average rank.\n");
        print!("{:24}", "sampler");
        checkpoints.iter().for_each(|&at| print!("  {:>38}", format!("{} trials ({})", CHECKPOINTS[at], shared[at].len())));
        println!();
        for (place, &index) in among.iter().enumerate() {
            print!("{:24}", self.samplers[index].0);
            checkpoints.iter().for_each(|&at| print!("  {:>38}", summary(&shared[at], place)));
            println!();
        }
    }

    /// The normalised regrets at a checkpoint of each search that all of `among` made.
    fn shared(&self, among: &[usize], at: usize) -> Vec<Vec<f64>> {
        let of_all = |instance| among.iter().map(|&index| self.regrets[index].get(instance)?[at]).collect();
        self.regrets[among[0]].keys().filter_map(of_all).collect()
    }

    fn print_pairs(&self) {
        let ours: Vec<usize> = (0..self.samplers.len()).filter(|&index| self.samplers[index].1).collect();
        let is_baseline = |index: usize| BASELINES.contains(&self.samplers[index].0.as_str());
        let only_baselines = ours.iter().all(|&index| is_baseline(index));
        for one in ours.into_iter().filter(|&index| only_baselines || !is_baseline(index)) {
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

/// What the sampler at `place` reached in searches that several made.
fn summary(shared: &[Vec<f64>], place: usize) -> String {
    let values: Vec<f64> = shared.iter().map(|regrets| regrets[place]).collect();
    let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| number(quantile(&values, share)));
    let rank = shared.iter().map(|regrets| ranks(regrets)[place]).sum::<f64>() / shared.len() as f64;
    format!("{middle} [{low} {high}] {} {rank:.2}", number(geometric_mean(&values)))
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
