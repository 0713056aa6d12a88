//! How many trials are suggested before there is room for them, so that a worker that gets free finds one waiting.
//!
//! A suggestion made early knows less. So there are only as many as get free while the sampler thinks twice, and
//! none where its answers take no time beside a trial, where trials run one at a time, and where the pruner holds
//! trials back, which go on first.

use crate::{ids::Micros, roster::Roster, study::Study};

/// An answer that takes less than this share of a trial is waited for.
const WORTH_WAITING: f64 = 0.01;
/// The last trials, whose mean duration is expected of the next ones.
const RECENT: usize = 16;
/// The share of the newest answer in the mean time of answers.
const NEWEST: f64 = 0.25;

/// How long a sampler takes, from the question to its answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pace {
    /// When it was asked, on the monotonic clock.
    asked: Option<Micros>,
    /// The mean of its times, the newest counting most.
    mean: Option<f64>,
}

impl Pace {
    pub(crate) fn ask(&mut self, at: Micros) {
        self.asked = Some(at);
    }

    pub(crate) fn answer(&mut self, at: Micros) {
        let Some(asked) = self.asked.take() else { return };
        let time = at.saturating_sub(asked).max(0) as f64;
        self.mean = Some(self.mean.map_or(time, |mean| mean + NEWEST * (time - mean)));
    }
}

/// Returns how many more trials a study should have waiting, on top of those that it has room for.
pub(crate) fn missing(study: &Study, roster: &Roster) -> u64 {
    let waiting = study.counts.waiting;
    let wanted = wanted(study, roster);
    // Asked in portions, not one by one.
    if waiting * 2 > wanted { 0 } else { wanted - waiting }
}

fn wanted(study: &Study, roster: &Roster) -> u64 {
    let running = study.counts.running;
    if running < 2 || study.spec.search.sampler.is_cheap() || !study.held().is_empty() {
        return 0;
    }
    let answer = roster.pace(study.id).and_then(|pace| pace.mean);
    let (Some(answer), Some(trial)) = (answer, mean_duration(study)) else { return 0 };
    let share = answer / trial;
    if share < WORTH_WAITING { 0 } else { ((2.0 * share * running as f64).ceil() as u64).min(running) }
}

/// The mean time of the last trials, at least a microsecond; `None` before the first.
fn mean_duration(study: &Study) -> Option<f64> {
    let ended = study.finished.len();
    let recent = ended.saturating_sub(RECENT)..ended;
    let total: Micros = recent.clone().map(|row| study.finished.by_row(row)).map(|trial| trial.duration()).sum();
    (!recent.is_empty()).then(|| (total as f64 / recent.len() as f64).max(1.0))
}
