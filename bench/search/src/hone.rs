//! Hone's samplers, called as a library.

use std::time::Instant;

use anyhow::{Context, Result};
use hone_search::{
    Columns, Direction, Hints, History, Outcome, Params, Pending, PrunerConfig, PrunerState, Row, SamplerCache, SamplerConfig,
    SuggestRequest, Verdict, suggest_cached,
};

use crate::drive::{Next, Searcher, Told};
use crate::task::Task;

/// A study in memory.
pub struct HoneSearch<'a> {
    task: &'a Task,
    config: SamplerConfig,
    directions: Vec<Direction>,
    finished: Columns,
    pending: Vec<Pending>,
    cache: SamplerCache,
    pruner: PrunerState,
    curves: std::collections::BTreeMap<u32, Vec<(i64, f64)>>,
    hints: Hints,
    /// How long each suggestion took.
    pub seconds: Vec<f64>,
}

impl<'a> HoneSearch<'a> {
    /// An empty study of `task` under the task's seed.
    pub fn new(task: &'a Task, config: &SamplerConfig, pruner: &PrunerConfig) -> Self {
        Self {
            task,
            config: config.clone(),
            directions: vec![Direction::Minimize; task.objectives],
            finished: Columns::default(),
            pending: Vec::new(),
            cache: SamplerCache::default(),
            pruner: PrunerState::new(pruner, Direction::Minimize),
            curves: std::collections::BTreeMap::new(),
            hints: Hints::default(),
            seconds: Vec::new(),
        }
    }

    /// Tells the sampler what is planned, as others are told.
    pub fn planned(self, trials: u32, workers: usize) -> Self {
        Self { hints: Hints { max_trials: Some(trials), parallel: u32::try_from(workers).ok() }, ..self }
    }
}

impl Searcher for HoneSearch<'_> {
    fn ask(&mut self, number: u32) -> Result<Params> {
        let start = Instant::now();
        let request = SuggestRequest {
            space: &self.task.space,
            directions: &self.directions,
            history: History { chunks: &[], tail: Some(&self.finished) },
            pending: &self.pending,
            seed: self.task.seed,
            first_number: number,
            count: 1,
            hints: self.hints,
        };
        let suggestion = suggest_cached(&self.config, &request, &mut self.cache).pop();
        self.seconds.push(start.elapsed().as_secs_f64());
        let params = suggestion.context("the sampler has no more points")?.params;
        self.pending.push(Pending { number, params: params.clone() });
        Ok(params)
    }

    fn report(&mut self, number: u32, step: i64, value: f64) -> Result<Next> {
        let curve = self.curves.entry(number).or_default();
        curve.push((step, value));
        let verdict = self.pruner.judge(number, curve);
        self.pruner.record(number, curve);
        Ok(match verdict {
            Verdict::Continue => Next::GoOn,
            Verdict::Prune { .. } => Next::End,
            Verdict::Pause { step, .. } => {
                self.pruner.pause(number, step);
                Next::Wait
            }
        })
    }

    /// Until it ends, a trial that waits is one under way to the sampler.
    fn resume(&mut self) -> Result<Option<u32>> {
        for waiting in self.pruner.hopeless() {
            self.tell(&Told { number: waiting.number, values: Vec::new(), constraints: Vec::new(), is_pruned: true })?;
        }
        let next = self.pruner.promotable(false).first().map(|promotable| promotable.number);
        next.into_iter().for_each(|number| self.pruner.resume(number));
        Ok(next)
    }

    fn tell(&mut self, told: &Told) -> Result<()> {
        let at = self.pending.iter().position(|pending| pending.number == told.number);
        let params = self.pending.remove(at.context("told of a trial that nobody asked for")?).params;
        let outcome = if told.is_pruned { Outcome::Pruned } else { Outcome::Complete };
        let curve = self.curves.remove(&told.number).unwrap_or_default();
        self.pruner.finish(told.number, outcome, &curve);
        self.finished.push(Row {
            number: told.number,
            outcome,
            params,
            values: told.values.clone(),
            violation: told.constraints.iter().map(|value| value.max(0.0)).sum(),
            last_step: curve.last().map(|&(step, _)| step),
            last_value: curve.last().map_or(f64::NAN, |&(_, value)| value),
        });
        Ok(())
    }
}
