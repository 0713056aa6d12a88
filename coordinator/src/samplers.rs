//! What samplers remember between questions: one memory per study that asks, so that an answer costs what is new.
//!
//! A memory never changes an answer, so it may be dropped at any time, and nothing of it is written down.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use hone_search::{ParamSuggestion, SamplerCache};
use hone_studies::{Command, StudyId};

use crate::engine::Question;

/// Memories kept before those of studies that no longer ask are dropped.
const CROWD: usize = 16;

/// The memories of all studies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samplers {
    memories: Arc<Mutex<BTreeMap<StudyId, Arc<Mutex<SamplerCache>>>>>,
}

impl Samplers {
    /// Answers a question; one study's questions wait for each other, those of different studies do not.
    pub(crate) fn answer(&self, question: &Question) -> Command {
        let memory = self.lock().entry(question.study).or_default().clone();
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        question.answer_from(&mut memory)
    }

    /// Chooses one parameter for the first trial of the question.
    pub(crate) fn answer_one(&self, question: &Question, name: &str) -> Option<ParamSuggestion> {
        let memory = self.lock().entry(question.study).or_default().clone();
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        question.choose_from(name, &mut memory)
    }

    /// Drops the memories of studies that will not ask again, when there are many.
    pub(crate) fn drop_idle(&self, asks: impl Fn(StudyId) -> bool) {
        let mut memories = self.lock();
        if memories.len() > CROWD {
            memories.retain(|study, _| asks(*study));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<StudyId, Arc<Mutex<SamplerCache>>>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
