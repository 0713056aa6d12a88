//! Which study each trial belongs to, by the trial's id. Ids are dense over the whole store, so it is a table.
//!
//! It is not written down: whoever reads a state back tells it the trials of each study again.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::ids::{StudyId, TaskId};

/// Trials of one part of the table. Parts are shared until they change.
const PART: usize = 1_024;

/// The study of every trial.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Owners(BTreeMap<u64, Arc<[u32; PART]>>);

impl Owners {
    pub(crate) fn get(&self, trial: TaskId) -> Option<StudyId> {
        let owner = self.0.get(&(trial.0 / PART as u64))?[trial.0 as usize % PART];
        (owner != 0).then_some(StudyId(u64::from(owner)))
    }

    pub(crate) fn set(&mut self, trial: TaskId, study: StudyId) {
        let part = self.0.entry(trial.0 / PART as u64).or_insert_with(|| Arc::new([0; PART]));
        // Four billion studies do not fit into a store.
        Arc::make_mut(part)[trial.0 as usize % PART] = study.0 as u32;
    }

    /// Forgets a study with all its trials.
    pub(crate) fn remove(&mut self, study: StudyId) {
        for part in self.0.values_mut().filter(|part| part.contains(&(study.0 as u32))) {
            Arc::make_mut(part).iter_mut().filter(|owner| **owner == study.0 as u32).for_each(|owner| *owner = 0);
        }
        self.0.retain(|_, part| part.iter().any(|owner| *owner != 0));
    }
}

impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.values().flat_map(|part| part.iter()).filter(|owner| **owner != 0);
        write!(f, "Owners of {} trials", known.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_have_owners_until_their_study_is_removed() {
        let mut owners = Owners::default();
        for trial in 1..3_000 {
            owners.set(TaskId(trial), StudyId(1 + trial % 2));
        }
        assert_eq!((owners.get(TaskId(2_048)), owners.get(TaskId(2_049))), (Some(StudyId(1)), Some(StudyId(2))));
        assert_eq!((owners.get(TaskId(0)), owners.get(TaskId(3_000)), owners.get(TaskId(u64::MAX))), (None, None, None));
        owners.remove(StudyId(1));
        assert_eq!((owners.get(TaskId(2_048)), owners.get(TaskId(2_049))), (None, Some(StudyId(2))));
        owners.remove(StudyId(2));
        assert_eq!(owners, Owners::default());
    }
}
