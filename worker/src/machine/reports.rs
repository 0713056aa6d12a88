//! Reports of trials, and their answers: "go on", or "prune".
//!
//! The coordinator sends a directive to prune always before the acknowledgement that covers the report behind
//! it. So a report whose acknowledgement arrives without one may go on, and the verdict depends on what was
//! reported, never on how long anything took.

use std::collections::BTreeMap;

use hone_proto::worker::{Metric, Report, record};

use super::{AttemptKey, Machine, Output, alarms::Alarm, attempts::Stop};

/// Beyond the spool's limit one report in 2^n is kept, n growing by one for every such part of the limit.
const THINNING_PARTS: u64 = 16;
/// One report in 65,536 is the thinnest.
const THINNEST: u64 = 16;

/// Who waits for an answer, by the record that has to be acknowledged.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// All wait equally long, so the first one is also the first to give up.
    waiting: BTreeMap<u64, Waiting>,
}

/// The latest value of every metric whose report was thinned out, so that no final value is lost.
#[derive(Debug, Default)]
pub(super) struct Skipped(BTreeMap<String, (Option<i64>, f64)>);

impl Skipped {
    fn keep(&mut self, report: Report) {
        let step = report.step;
        self.0.extend(report.metrics.into_iter().map(|metric| (metric.name, (step, metric.value))));
    }

    fn forget(&mut self, report: &Report) {
        for metric in &report.metrics {
            self.0.remove(&metric.name);
        }
    }

    /// What has to be recorded before the end, by step, values without a step last.
    pub(super) fn take(&mut self) -> Vec<Report> {
        let mut by_step: BTreeMap<(bool, Option<i64>), Vec<Metric>> = BTreeMap::new();
        for (name, (step, value)) in std::mem::take(&mut self.0) {
            by_step.entry((step.is_none(), step)).or_default().push(Metric { name, value });
        }
        by_step.into_iter().map(|((_, step), metrics)| Report { step, metrics }).collect()
    }
}

#[derive(Debug)]
struct Waiting {
    key: AttemptKey,
    ticket: u64,
    until_us: i64,
}

impl Machine {
    pub(super) fn spool_is_full(&self) -> bool {
        self.outbox.bytes() > self.config.spool_limit_bytes
    }

    pub(super) fn on_report(
        &mut self,
        now_us: i64,
        key: AttemptKey,
        step: Option<i64>,
        metrics: Vec<Metric>,
        ticket: Option<u64>,
        out: &mut Vec<Output>,
    ) {
        let counts = self.attempts.get(&key).filter(|attempt| attempt.may_report());
        if counts.is_none_or(super::Attempt::is_pruned) {
            // Discarded, so that the record equals one in which the verdict had come in time.
            return answer(ticket, true, out);
        }
        let prunes = counts.is_some_and(|attempt| attempt.program.prunes);
        let paused = counts.is_some_and(super::Attempt::is_paused);
        let recorded = self.record_report(key, Report { step, metrics }, out);
        match (recorded, ticket) {
            (Some(sequence), Some(ticket)) if prunes && !paused && step.is_some() && self.is_ready() => {
                let until_us = now_us + self.config.verdict_wait_us;
                self.verdicts.waiting.insert(sequence, Waiting { key, ticket, until_us });
                self.rearm_verdicts();
            }
            // It has had TERM, and goes on: the coordinator discards what it says.
            _ => answer(ticket, paused, out),
        }
    }

    /// Records a report, or keeps only its values when the spool is over its limit.
    fn record_report(&mut self, key: AttemptKey, report: Report, out: &mut Vec<Output>) -> Option<u64> {
        let stride = self.thinning();
        let attempt = self.attempts.get_mut(&key)?;
        attempt.thinned = if stride == 1 { 0 } else { attempt.thinned + 1 };
        if !attempt.thinned.is_multiple_of(stride) {
            attempt.skipped.keep(report);
            return None;
        }
        attempt.skipped.forget(&report);
        Some(self.record(key, record::Kind::Report(report), out))
    }

    /// One report in this many is kept: 1 below the spool's limit, a growing power of two above it.
    fn thinning(&self) -> u64 {
        let limit = self.config.spool_limit_bytes;
        let excess = self.outbox.bytes().saturating_sub(limit);
        if excess == 0 {
            return 1;
        }
        let part = (limit / THINNING_PARTS).max(1);
        1 << (1 + excess / part).min(THINNEST)
    }

    pub(super) fn on_prune(&mut self, now_us: i64, key: AttemptKey, out: &mut Vec<Output>) {
        self.stop(now_us, key, Stop::Pruned, out);
        self.answer_attempt(key, out);
    }

    /// Everything up to `sequence` is durable, and no directive came before: those reports may go on. A trial that is
    /// held back would begin what does not count; it learns so by TERM, and waits until then.
    pub(super) fn answer_up_to(&mut self, sequence: u64, out: &mut Vec<Output>) {
        let later = self.verdicts.waiting.split_off(&sequence.saturating_add(1));
        let covered = std::mem::replace(&mut self.verdicts.waiting, later);
        for (number, waiting) in covered {
            if self.attempts.get(&waiting.key).is_some_and(super::Attempt::is_paused) {
                self.verdicts.waiting.insert(number, waiting);
            } else {
                out.push(waiting.answer(false));
            }
        }
        self.rearm_verdicts();
    }

    /// An attempt was pruned: whoever waits for it learns so.
    pub(super) fn answer_attempt(&mut self, key: AttemptKey, out: &mut Vec<Output>) {
        let prune = self.attempts.get(&key).is_none_or(super::Attempt::is_pruned);
        self.verdicts.waiting.retain(|_, waiting| {
            let concerned = waiting.key == key;
            if concerned {
                out.push(waiting.answer(prune));
            }
            !concerned
        });
        self.rearm_verdicts();
    }

    /// The coordinator is away: nobody waits.
    pub(super) fn answer_all(&mut self, out: &mut Vec<Output>) {
        let all = std::mem::take(&mut self.verdicts.waiting);
        out.extend(all.values().map(|waiting| waiting.answer(false)));
        self.rearm_verdicts();
    }

    /// The first reports have waited as long as they may.
    pub(super) fn on_verdicts_late(&mut self, now_us: i64, out: &mut Vec<Output>) {
        while let Some(first) = self.verdicts.waiting.first_entry() {
            if first.get().until_us > now_us {
                break;
            }
            out.push(first.remove().answer(false));
        }
        self.rearm_verdicts();
    }

    fn rearm_verdicts(&mut self) {
        let first = self.verdicts.waiting.first_key_value();
        self.alarms.set(Alarm::Verdict, first.map(|(_, waiting)| waiting.until_us));
    }
}

impl Waiting {
    fn answer(&self, prune: bool) -> Output {
        Output::AnswerReport { ticket: self.ticket, prune }
    }
}

fn answer(ticket: Option<u64>, prune: bool, out: &mut Vec<Output>) {
    out.extend(ticket.map(|ticket| Output::AnswerReport { ticket, prune }));
}
