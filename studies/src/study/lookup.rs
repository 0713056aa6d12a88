//! Trials of a study by id and by number. Ids rise with numbers, so no index but that of finished numbers is needed.

use std::{ops::Bound, sync::Arc};

use super::Study;
use crate::{
    finished::FinishedTrial,
    ids::TaskId,
    trial::{StateKind, Trial},
};

impl Study {
    /// The state of a trial of this study.
    pub fn trial_state(&self, id: TaskId) -> Option<StateKind> {
        match self.open.get(&id) {
            Some(trial) => Some(trial.state.kind()),
            None => self.finished_trial(id).map(|trial| StateKind::of_outcome(trial.outcome())),
        }
    }

    /// A finished trial by id, by binary search over the numbers (ids rise with them).
    pub fn finished_trial(&self, id: TaskId) -> Option<FinishedTrial<'_>> {
        let number = self.number_of(id)?;
        self.finished.by_number(number)
    }

    /// The number of a trial of this study, by binary search over the ids.
    pub fn number_of(&self, id: TaskId) -> Option<u32> {
        if let Some(trial) = self.open.get(&id) {
            return Some(trial.number);
        }
        let number = self.count_up_to(id).checked_sub(1)?;
        self.finished.by_number(number).filter(|trial| trial.id() == id).map(|_| number)
    }

    /// How many trials have this id or a lower one: the number of the first that has a greater one.
    pub fn count_up_to(&self, id: TaskId) -> u32 {
        // Between two open trials that follow one another all have finished.
        let mut low = self.open.range(..=id).next_back().map_or(0, |(_, trial)| trial.number + 1);
        let mut high = self.open_after(id).next().map_or(self.next_number, |trial| trial.number);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.finished.by_number(middle) {
                Some(trial) if trial.id() <= id => low = middle + 1,
                Some(_) | None => high = middle,
            }
        }
        low
    }

    /// Open trials with greater ids than this one, in order.
    pub fn open_after(&self, id: TaskId) -> impl Iterator<Item = &Arc<Trial>> {
        self.open.range((Bound::Excluded(id), Bound::Unbounded)).map(|(_, trial)| trial)
    }

    /// The id of the trial with this number.
    pub fn id_of(&self, number: u32) -> Option<TaskId> {
        if let Some(finished) = self.finished.by_number(number) {
            return Some(finished.id());
        }
        let mut open = self.open.values();
        open.find(|trial| trial.number == number).map(|trial| trial.id)
    }
}
