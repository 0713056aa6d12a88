//! Pruners on learning curves of really trained models (see `data/README.md`).

use super::*;
use crate::draw::{Draw, Use};

/// Losses by epoch, one trial each, shuffled by `seed`.
fn trained(name: &str, seed: u64) -> Vec<Vec<(i64, f64)>> {
    let text = match name {
        "digits" => include_str!("data/digits.csv"),
        _ => include_str!("data/diabetes.csv"),
    };
    let curve = |line: &str| (1..).zip(line.split(',').map(|loss| loss.parse().unwrap())).collect();
    let mut curves: Vec<(u64, Vec<(i64, f64)>)> =
        (0..).zip(text.lines()).map(|(number, line)| (Draw::new(seed, number, name, Use::Order).bits(), curve(line))).collect();
    curves.sort_by_key(|&(order, _)| order);
    curves.into_iter().map(|(_, curve)| curve).collect()
}

fn last(curve: &[(i64, f64)]) -> f64 {
    curve.last().unwrap().1
}

/// What became of a study.
#[derive(Debug, Default)]
struct Tally {
    epochs: usize,
    pruned: usize,
    /// Trials that would have beaten the best at their start, and were free to be pruned.
    better: usize,
    /// Of those, the pruned ones.
    missed: usize,
    /// The best final loss.
    best: f64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.epochs += other.epochs;
        self.pruned += other.pruned;
        self.better += other.better;
        self.missed += other.missed;
        self.best += other.best;
    }
}

/// One trial after the other.
fn one_by_one(config: &PrunerConfig, curves: &[Vec<(i64, f64)>]) -> Tally {
    let mut state = PrunerState::new(config, Direction::Minimize);
    let mut tally = Tally { best: f64::INFINITY, ..Tally::default() };
    for (number, curve) in (0..).zip(curves) {
        let would_beat = number >= 10 && last(curve) < tally.best;
        tally.better += usize::from(would_beat);
        let end = (1..=curve.len()).find(|&at| is_pruned(&state, number, &curve[..at]));
        tally.epochs += end.unwrap_or(curve.len());
        match end {
            Some(at) => {
                tally.pruned += 1;
                tally.missed += usize::from(would_beat);
                state.finish(number, Outcome::Pruned, &curve[..at]);
            }
            None => {
                tally.best = tally.best.min(last(curve));
                state.finish(number, Outcome::Complete, curve);
            }
        }
    }
    tally
}

fn learning_curve(error_rate: f64) -> PrunerConfig {
    let Some(PrunerConfig::LearningCurve { startup_trials, control, min_steps, .. }) = PrunerConfig::from_kind("learning_curve")
    else {
        panic!()
    };
    PrunerConfig::LearningCurve { error_rate, startup_trials, control, min_steps }
}

#[test]
fn learning_curve_keeps_to_its_stated_rate_of_errors() {
    for name in ["digits", "diabetes"] {
        for error_rate in [0.1, 0.2] {
            let mut sum = Tally::default();
            for seed in 0..40 {
                sum.add(&one_by_one(&learning_curve(error_rate), &trained(name, seed)));
            }
            let missed = sum.missed as f64 / sum.better as f64;
            println!("{name} {error_rate}: missed {} of {}, {sum:?}", sum.missed, sum.better);
            assert!(sum.better > 40 && sum.pruned > 40 * 80, "{name}: {sum:?}");
            assert!(missed <= error_rate, "{name}: {missed} {sum:?}");
        }
    }
}

#[test]
fn learning_curve_stops_nobody_before_it_can_vouch_for_its_rate() {
    let mut state = minimise(&learning_curve(0.1));
    for number in 0..8 {
        state.finish(number, Outcome::Complete, &[(1, 5.0), (2, f64::from(number))]);
    }
    assert!(!is_pruned(&state, 100, &[(1, 1e9)]), "eight trials cannot show one in ten");
    state.finish(8, Outcome::Complete, &[(1, 5.0), (2, 8.0)]);
    assert!(is_pruned(&state, 100, &[(1, 1e9)]));
    assert!(!is_pruned(&state, 9, &[(1, 1e9)]), "of the start");
    assert!(!is_pruned(&state, 100, &[(1, 5.0)]), "others came from there");
    assert!(!is_pruned(&state, 100, &[(1, -1.0)]), "ahead of the best already");
}

#[test]
fn learning_curve_checks_at_growing_distances() {
    let state = minimise(&learning_curve(0.1));
    let needed: Vec<i64> = (0..40).filter(|&step| state.needs_step(step)).collect();
    assert_eq!(needed, [1, 2, 3, 5, 8, 12, 18, 27]);
    assert!(state.needs_point(Some(5), 9) && !state.needs_point(Some(8), 11));
}

/// Workers that train an epoch per tick, with trials resumed before new ones are started.
struct Floor<'a> {
    state: PrunerState,
    curves: &'a [Vec<(i64, f64)>],
    /// Epochs that each trial has been trained for.
    trained: Vec<usize>,
    running: Vec<u32>,
    epochs: usize,
    /// Epochs that would be trained again if promotions began from nothing.
    again: usize,
    best: f64,
}

impl<'a> Floor<'a> {
    fn run(config: &PrunerConfig, curves: &'a [Vec<(i64, f64)>], workers: usize) -> Self {
        let state = PrunerState::new(config, Direction::Minimize);
        let mut floor =
            Self { state, curves, trained: Vec::new(), running: Vec::new(), epochs: 0, again: 0, best: f64::INFINITY };
        loop {
            while floor.running.len() < workers
                && let Some(number) = floor.next()
            {
                floor.running.push(number);
            }
            if floor.running.is_empty() {
                return floor;
            }
            let running = std::mem::take(&mut floor.running);
            floor.running = running.into_iter().filter(|&number| floor.train(number)).collect();
        }
    }

    fn next(&mut self) -> Option<u32> {
        let closing = self.trained.len() == self.curves.len();
        if let Some(found) = self.state.promotable(closing).first() {
            self.state.resume(found.number);
            self.again += self.trained[found.number as usize];
            return Some(found.number);
        }
        if closing {
            return None;
        }
        self.trained.push(0);
        Some(self.trained.len() as u32 - 1)
    }

    /// Trains one epoch. Returns whether the trial goes on.
    fn train(&mut self, number: u32) -> bool {
        let curve = &self.curves[number as usize];
        self.trained[number as usize] += 1;
        self.epochs += 1;
        let so_far = &curve[..self.trained[number as usize]];
        let verdict = self.state.judge(number, so_far);
        self.state.record(number, so_far);
        match verdict {
            Verdict::Continue if so_far.len() == curve.len() => {
                self.best = self.best.min(last(curve));
                self.state.finish(number, Outcome::Complete, curve);
                false
            }
            Verdict::Continue => true,
            Verdict::Pause { step, .. } => {
                self.state.pause(number, step);
                false
            }
            Verdict::Prune { .. } => {
                self.state.finish(number, Outcome::Pruned, so_far);
                false
            }
        }
    }
}

fn ladder(promotion: Promotion) -> PrunerConfig {
    PrunerConfig::Asha { min_steps: Some(1), reduction: 3, max_steps: Some(27), early_stopping_rate: 0, promotion }
}

/// Epochs, epochs that promotions from nothing would add, and mean best loss, over 20 orders of 100 trials on 8 workers.
fn floors(name: &str, config: &PrunerConfig) -> (usize, usize, f64) {
    let mut sum = (0, 0, 0.0);
    for seed in 0..20 {
        let curves = trained(name, seed);
        let floor = Floor::run(config, &curves[..100], 8);
        assert!(floor.state.paused().iter().all(|&number| floor.trained[number as usize] < 27));
        sum = (sum.0 + floor.epochs, sum.1 + floor.again, sum.2 + floor.best / 20.0);
    }
    sum
}

#[test]
fn resuming_from_checkpoints_saves_epochs_and_finds_no_worse() {
    for name in ["digits", "diabetes"] {
        let (_, _, stop) = floors(name, &ladder(Promotion::Stop));
        let (epochs, again, resume) = floors(name, &ladder(Promotion::Resume));
        let (all, _, _) = floors(name, &PrunerConfig::None);
        println!("{name}: {epochs} of {all} epochs, {again} more from nothing; best {resume}, stopping {stop}");
        assert!(again * 20 > epochs, "{name}: a twentieth would be trained again");
        assert!(resume <= stop, "{name}: {resume} {stop}");
        assert!(epochs * 5 < all, "{name}");
    }
}
