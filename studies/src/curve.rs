//! What a trial has reported: values by metric and step, bounded.

use std::{collections::BTreeMap, sync::Arc};

use hone_search::Direction;
use serde::{Deserialize, Serialize};

use crate::{event::Point, spec::Summary};

/// Points kept per metric; above it, every other one goes.
pub const MAX_POINTS: usize = 1_000;

/// Reported values. Metric 0 is the first objective's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    metrics: BTreeMap<u16, MetricCurve>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct MetricCurve {
    points: BTreeMap<i64, f64>,
    /// Only steps that are multiples of it are kept, 0 standing for 1, beside the newest and the needed ones.
    stride: i64,
    /// The value without a step, of the attempt that runs.
    fixed: Option<f64>,
    /// At the greatest step of the attempt that runs.
    last: Option<(i64, f64)>,
    /// `last` is of a former attempt, and stands until this one reports a step.
    #[serde(default)]
    carried: bool,
    /// Least and greatest value of the trial.
    range: Option<(f64, f64)>,
}

impl Curve {
    /// A new attempt: final values start afresh, points stay. It goes on from the step `reached`: what was shown up to
    /// there is its result too, in case nothing is left for it to report.
    pub fn begin_attempt(&mut self, reached: Option<i64>) {
        for metric in self.metrics.values_mut() {
            metric.fixed = None;
            metric.last = reached.and_then(|reached| metric.shown_at(reached));
            metric.carried = metric.last.is_some();
        }
    }

    /// Adds reported points; a step that was reported before takes the new value. A step of a metric that the pruner
    /// has `needed`, given the step before it, is never thinned away.
    pub fn record(
        &mut self,
        points: &[Point],
        mut index: impl FnMut(&Arc<str>) -> u16,
        needed: impl Fn(u16, Option<i64>, i64) -> bool,
    ) {
        for point in points {
            let metric = index(&point.metric);
            self.metrics.entry(metric).or_default().record(point.step, point.value, |before, step| needed(metric, before, step));
        }
    }

    /// Points of a metric by step.
    pub fn steps(&self, metric: u16) -> Vec<(i64, f64)> {
        let points = self.metrics.get(&metric).map(|curve| &curve.points);
        points.into_iter().flatten().map(|(step, value)| (*step, *value)).collect()
    }

    /// Points by step of the first metrics.
    pub fn first(&self, metrics: u16) -> Vec<Vec<(i64, f64)>> {
        (0..metrics).map(|metric| self.steps(metric)).collect()
    }

    /// Every point: (metric, step, value).
    pub fn points(&self) -> impl Iterator<Item = (u16, i64, f64)> + '_ {
        let metrics = self.metrics.iter();
        metrics.flat_map(|(metric, curve)| curve.points.iter().map(|(step, value)| (*metric, *step, *value)))
    }

    /// Metrics that have any value.
    pub fn metrics(&self) -> impl Iterator<Item = u16> + '_ {
        self.metrics.keys().copied()
    }

    /// The value at the greatest step of the newest attempt.
    pub fn last(&self, metric: u16) -> Option<(i64, f64)> {
        self.metrics.get(&metric)?.last
    }

    /// The trial's result for a metric, if it has one.
    pub fn summary(&self, metric: u16, summary: Summary, direction: Direction) -> Option<f64> {
        let curve = self.metrics.get(&metric)?;
        let last = curve.last.map(|(_, value)| value);
        let stepped = match (summary, curve.range) {
            (Summary::Best, Some((low, high))) if last.is_some() => Some(match direction {
                Direction::Minimize => low,
                Direction::Maximize => high,
            }),
            (Summary::Best | Summary::Last, _) => last,
        };
        curve.fixed.or(stepped)
    }

    /// Values without a step of metrics other than the first.
    pub(crate) fn other_finals(&self) -> BTreeMap<u16, f64> {
        self.metrics.range(1..).filter_map(|(metric, curve)| Some((*metric, curve.fixed?))).collect()
    }
}

impl MetricCurve {
    fn record(&mut self, step: Option<i64>, value: f64, needed: impl Fn(Option<i64>, i64) -> bool) {
        let Some(step) = step else {
            self.fixed = Some(value);
            return;
        };
        if self.carried || self.last.is_none_or(|(last, _)| step >= last) {
            self.last = Some((step, value));
            self.carried = false;
        }
        if !value.is_nan() {
            let (low, high) = self.range.unwrap_or((value, value));
            self.range = Some((low.min(value), high.max(value)));
        }
        let before = self.points.range(..step).next_back().map(|(before, _)| *before);
        if self.keeps(step) || needed(before, step) {
            self.points.insert(step, value);
        }
        while self.points.len() > MAX_POINTS && self.stride <= i64::MAX / 4 {
            self.thin(&needed);
        }
    }

    /// What was shown at the greatest step up to `reached`, as far as it is kept.
    fn shown_at(&self, reached: i64) -> Option<(i64, f64)> {
        let kept = self.points.range(..=reached).next_back().map(|(step, value)| (*step, *value));
        let newest = self.last.filter(|(step, _)| *step <= reached);
        kept.into_iter().chain(newest).max_by_key(|(step, _)| *step)
    }

    fn thin(&mut self, needed: impl Fn(Option<i64>, i64) -> bool) {
        self.stride = self.stride.max(1) * 2;
        let (stride, newest) = (self.stride, self.last.map(|(step, _)| step));
        let mut before = None;
        self.points.retain(|step, _| {
            let needed = needed(before.replace(*step), *step);
            step % stride == 0 || Some(*step) == newest || needed
        });
    }

    fn keeps(&self, step: i64) -> bool {
        step % self.stride.max(1) == 0
    }
}
