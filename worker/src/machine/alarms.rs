//! What the machine waits for, ordered by time. Each alarm rings at most at one time.

use std::collections::{BTreeMap, BTreeSet};

use super::AttemptKey;

/// Something that becomes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// The back-off is over.
    Reconnect,
    /// The next heartbeat.
    Renew,
    /// A report has waited for its verdict as long as it may.
    Verdict,
    /// A draining worker has waited for its coordinator as long as it may.
    Leave,
    /// A timeout or a grace time of an attempt.
    Attempt(AttemptKey),
}

/// The alarms that are set.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    by_time: BTreeSet<(i64, Alarm)>,
    times: BTreeMap<Alarm, i64>,
}

impl Alarms {
    /// Sets, moves or (with `None`) cancels an alarm.
    pub(super) fn set(&mut self, alarm: Alarm, at_us: Option<i64>) {
        if let Some(former) = self.times.remove(&alarm) {
            self.by_time.remove(&(former, alarm));
        }
        if let Some(at_us) = at_us {
            self.times.insert(alarm, at_us);
            self.by_time.insert((at_us, alarm));
        }
    }

    pub(super) fn is_set(&self, alarm: Alarm) -> bool {
        self.times.contains_key(&alarm)
    }

    pub(super) fn earliest(&self) -> Option<i64> {
        self.by_time.first().map(|(at_us, _)| *at_us)
    }

    /// Takes the earliest alarm that is due.
    pub(super) fn pop_due(&mut self, now_us: i64) -> Option<Alarm> {
        let (at_us, alarm) = *self.by_time.first()?;
        if at_us > now_us {
            return None;
        }
        self.set(alarm, None);
        Some(alarm)
    }
}
