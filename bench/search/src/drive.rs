//! Drives a sampler through a task: ask, run, tell, with simulated workers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::Result;
use hone_search::Params;

use crate::draw::Source;
use crate::several;
use crate::task::{Shown, Task};

/// How a trial ended, as a sampler is told.
#[derive(Clone, Debug)]
pub struct Told {
    /// Number of the trial.
    pub number: u32,
    /// Its final values; of a pruned trial none.
    pub values: Vec<f64>,
    /// Constraint values.
    pub constraints: Vec<f64>,
    /// Whether it was pruned.
    pub is_pruned: bool,
}

/// What becomes of a trial after a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It goes on.
    GoOn,
    /// It ends, pruned.
    End,
    /// It waits with its checkpoint.
    Wait,
}

/// Anything that can be asked for points.
pub trait Searcher {
    /// The point of trial `number`; NaN where a parameter is absent.
    fn ask(&mut self, number: u32) -> Result<Params>;
    /// Takes note of a value at an epoch and says what becomes of the trial.
    fn report(&mut self, number: u32, step: i64, value: f64) -> Result<Next>;
    /// A trial that waits and shall go on now, before another is begun.
    fn resume(&mut self) -> Result<Option<u32>> {
        Ok(None)
    }
    /// Takes note of an end.
    fn tell(&mut self, told: &Told) -> Result<()>;
}

/// How long trial `number` takes in simulated time: log-normal, most between half and double.
pub fn duration(task: &Task, number: u32) -> f64 {
    libm::exp(0.5 * Source::new(&task.name, task.seed).part("duration").normal(u64::from(number)))
}

/// Simulated time, ordered.
#[derive(Clone, Copy, PartialEq)]
pub struct Moment(pub f64);

impl Eq for Moment {}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Runs `budget` trials on `workers` simulated workers and returns what they showed, in the order in which they ended.
///
/// A worker asks for its next trial when it has ended one, so that always all workers but the asking one are busy.
pub fn search(task: &Task, searcher: &mut dyn Searcher, budget: u32, workers: usize) -> Result<Vec<Shown>> {
    let mut running: BinaryHeap<Reverse<(Moment, u32)>> = BinaryHeap::new();
    let mut shown_by: Vec<Option<Shown>> = vec![None; budget as usize];
    let (mut asked, mut now) = (0, 0.0);
    let mut ended = Vec::with_capacity(budget as usize);
    loop {
        while running.len() < workers && asked < budget {
            let params = searcher.ask(asked)?;
            shown_by[asked as usize] = Some(task.run(asked, &params));
            running.push(Reverse((Moment(now + duration(task, asked)), asked)));
            asked += 1;
        }
        let Some(Reverse((moment, number))) = running.pop() else { return Ok(ended) };
        now = moment.0;
        let Some(shown) = shown_by[number as usize].take() else { continue };
        let (values, constraints) = (shown.values.clone(), shown.constraints.clone());
        searcher.tell(&Told { number, values, constraints, is_pruned: false })?;
        ended.push(shown);
    }
}

/// The regret after each of the numbers of trials in `at`; `None` where fewer have ended.
///
/// With one objective, of the trial that looks best among those allowed, judged without noise. With several, the
/// share of the largest hypervolume that is missing.
pub fn regrets(task: &Task, ended: &[Shown], at: &[u32]) -> Vec<Option<f64>> {
    let after = |&count: &u32| ended.get(..count as usize).map(|ended| regret(task, ended));
    at.iter().map(after).collect()
}

fn regret(task: &Task, ended: &[Shown]) -> f64 {
    let allowed = ended.iter().filter(|shown| shown.is_allowed());
    if task.objectives > 1 {
        let points: Vec<Vec<f64>> = allowed.map(|shown| shown.clean.clone()).collect();
        return (1.0 - several::hypervolume(&points, &task.reference) / task.optimum).max(0.0);
    }
    let best = allowed.min_by(|a, b| a.values[0].total_cmp(&b.values[0]));
    best.map_or(task.worst, |best| (best.clean[0] - task.optimum).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Answer, Family, floats};

    /// Walks along the first axis and remembers what it was asked and told.
    #[derive(Default)]
    struct Walker {
        pending: Vec<u32>,
        most_pending: usize,
        told: Vec<u32>,
    }

    impl Searcher for Walker {
        fn ask(&mut self, number: u32) -> Result<Params> {
            self.pending.push(number);
            self.most_pending = self.most_pending.max(self.pending.len());
            Ok(vec![f64::from(number) - 2.0])
        }

        fn report(&mut self, _: u32, _: i64, _: f64) -> Result<Next> {
            Ok(Next::GoOn)
        }

        fn tell(&mut self, told: &Told) -> Result<()> {
            self.pending.retain(|number| *number != told.number);
            self.told.push(told.number);
            Ok(())
        }
    }

    fn line(constraint: f64, noise: f64) -> Task {
        let objective =
            move |params: &[f64]| Answer { values: vec![params[0].abs()], constraints: vec![constraint], curve: vec![] };
        let task = Task::new("line", Family::Noisy, 1, floats(1), Box::new(objective));
        Task { noise, worst: 9.0, ..task }
    }

    #[test]
    fn one_worker_ends_trials_in_the_order_of_asking_and_regret_never_grows() {
        let (task, mut walker) = (line(0.0, 0.0), Walker::default());
        let ended = search(&task, &mut walker, 6, 1).expect("searched");
        assert_eq!((walker.told, walker.most_pending), ((0..6).collect(), 1));
        assert_eq!(regrets(&task, &ended, &[1, 2, 3, 6, 7]), [Some(2.0), Some(1.0), Some(0.0), Some(0.0), None]);
    }

    #[test]
    fn many_workers_keep_as_many_trials_under_way_and_each_ends_once() {
        let mut walker = Walker::default();
        search(&line(0.0, 0.0), &mut walker, 100, 8).expect("searched");
        assert_eq!(walker.most_pending, 8);
        assert!(!walker.told.is_sorted());
        walker.told.sort_unstable();
        assert_eq!(walker.told, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn forbidden_points_leave_the_worst_regret_and_noise_does_not_count() {
        let forbidden = line(1.0, 0.0);
        let ended = search(&forbidden, &mut Walker::default(), 3, 1).expect("searched");
        assert_eq!(regrets(&forbidden, &ended, &[3]), [Some(9.0)]);
        let noisy = line(0.0, 0.5);
        let ended = search(&noisy, &mut Walker::default(), 5, 1).expect("searched");
        let looks_best = ended.iter().min_by(|a, b| a.values[0].total_cmp(&b.values[0])).expect("five");
        assert_ne!(looks_best.values, looks_best.clean);
        assert_eq!(regrets(&noisy, &ended, &[5]), [Some(looks_best.clean[0])]);
    }
}
