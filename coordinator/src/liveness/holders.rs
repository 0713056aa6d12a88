//! The bookkeeping, without connections or clocks.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use hone_studies::TaskId;

/// gRPC's clients close a connection without calls after 30 minutes and open another one for the next call. So the end of
/// one that was silent for so long does not tell that its client is gone.
const SILENCE: Duration = Duration::from_secs(29 * 60);

/// Who holds what.
#[derive(Debug, Default)]
pub(super) struct Holders {
    next: u64,
    open: BTreeMap<u64, Open>,
    /// Held by clients that have been silent for so long that their connections were closed.
    silent: BTreeSet<TaskId>,
    /// Nobody's, and nobody was told yet.
    left: BTreeSet<TaskId>,
}

#[derive(Debug)]
struct Open {
    trials: BTreeSet<TaskId>,
    calls: u32,
    /// When the last call was answered.
    answered: Instant,
}

impl Holders {
    pub(super) fn opened(&mut self, now: Instant) -> u64 {
        self.next += 1;
        self.open.insert(self.next, Open { trials: BTreeSet::new(), calls: 0, answered: now });
        self.next
    }

    pub(super) fn called(&mut self, connection: u64) {
        if let Some(open) = self.open.get_mut(&connection) {
            open.calls += 1;
        }
    }

    pub(super) fn answered(&mut self, connection: u64, now: Instant) {
        if let Some(open) = self.open.get_mut(&connection) {
            (open.calls, open.answered) = (open.calls - 1, now);
        }
    }

    /// False: the connection is closed, and the trial left.
    pub(super) fn hold(&mut self, connection: u64, trial: TaskId) -> bool {
        self.silent.remove(&trial);
        let Some(open) = self.open.get_mut(&connection) else {
            self.leave(trial);
            return false;
        };
        open.trials.insert(trial);
        self.left.remove(&trial);
        true
    }

    pub(super) fn forget(&mut self, trial: TaskId) {
        for open in self.open.values_mut() {
            open.trials.remove(&trial);
        }
        self.silent.remove(&trial);
        self.left.remove(&trial);
    }

    pub(super) fn closed(&mut self, connection: u64, now: Instant) {
        let Some(open) = self.open.remove(&connection) else { return };
        let is_silent = open.calls == 0 && now.duration_since(open.answered) >= SILENCE;
        for trial in open.trials {
            match is_silent {
                true => drop(self.silent.insert(trial)),
                false => self.leave(trial),
            }
        }
    }

    fn leave(&mut self, trial: TaskId) {
        if !self.is_held(trial) {
            self.left.insert(trial);
        }
    }

    pub(super) fn is_held(&self, trial: TaskId) -> bool {
        self.silent.contains(&trial) || self.open.values().any(|open| open.trials.contains(&trial))
    }

    pub(super) fn held(&self) -> Vec<TaskId> {
        let open = self.open.values().flat_map(|open| &open.trials);
        open.chain(&self.silent).copied().collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(super) fn take_left(&mut self) -> Vec<TaskId> {
        std::mem::take(&mut self.left).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: TaskId = TaskId(1);
    const SECOND: TaskId = TaskId(2);
    const A_CALL: Duration = Duration::from_secs(1);

    fn two_connections() -> (Holders, u64, u64, Instant) {
        let (mut holders, now) = (Holders::default(), Instant::now());
        let (one, other) = (holders.opened(now), holders.opened(now));
        (holders, one, other, now)
    }

    #[test]
    fn the_end_of_a_connection_leaves_what_it_held_once() {
        let (mut holders, one, other, now) = two_connections();
        assert!(holders.hold(one, FIRST) && holders.hold(other, SECOND));
        holders.closed(one, now + A_CALL);
        assert_eq!((holders.take_left(), holders.held()), (vec![FIRST], vec![SECOND]));
        holders.closed(one, now + A_CALL);
        assert_eq!(holders.take_left(), []);
    }

    #[test]
    fn a_trial_of_two_connections_is_left_with_the_second_one() {
        let (mut holders, one, other, now) = two_connections();
        assert!(holders.hold(one, FIRST) && holders.hold(other, FIRST));
        holders.closed(one, now);
        assert_eq!((holders.take_left(), holders.held()), (vec![], vec![FIRST]));
        holders.closed(other, now);
        assert_eq!(holders.take_left(), [FIRST]);
    }

    #[test]
    fn what_has_ended_is_not_left() {
        let (mut holders, one, other, now) = two_connections();
        assert!(holders.hold(one, FIRST) && holders.hold(other, FIRST));
        holders.forget(FIRST);
        assert!(!holders.is_held(FIRST));
        holders.closed(one, now);
        assert_eq!(holders.take_left(), []);
    }

    #[test]
    fn an_answer_that_comes_after_its_connection_has_closed_leaves_its_trial() {
        let (mut holders, one, _, now) = two_connections();
        holders.closed(one, now);
        assert!(!holders.hold(one, FIRST));
        assert_eq!(holders.take_left(), [FIRST]);
    }

    #[test]
    fn a_trial_that_somebody_holds_again_is_not_left() {
        let (mut holders, one, other, now) = two_connections();
        assert!(holders.hold(one, FIRST));
        holders.closed(one, now);
        assert!(holders.hold(other, FIRST));
        assert_eq!(holders.take_left(), []);
    }

    #[test]
    fn a_client_that_was_silent_for_long_keeps_its_trials_until_it_has_another_connection() {
        let (mut holders, one, other, now) = two_connections();
        assert!(holders.hold(one, FIRST));
        holders.called(one);
        holders.answered(one, now + A_CALL);
        holders.closed(one, now + A_CALL + SILENCE);
        assert_eq!((holders.take_left(), holders.held()), (vec![], vec![FIRST]));
        holders.called(other);
        assert!(holders.hold(other, FIRST));
        holders.answered(other, now + A_CALL + SILENCE);
        holders.closed(other, now + A_CALL + SILENCE);
        assert_eq!((holders.take_left(), holders.held()), (vec![FIRST], vec![]));
    }

    #[test]
    fn a_connection_with_a_call_under_way_is_not_silent() {
        let (mut holders, one, _, now) = two_connections();
        assert!(holders.hold(one, FIRST));
        holders.called(one);
        holders.closed(one, now + SILENCE * 2);
        assert_eq!(holders.take_left(), [FIRST]);
    }
}
