//! The engine: core and journal together, synchronous and without threads, so that the actor and the simulator run
//! the very same code.
//!
//! ```text
//!   commands ─► core.handle … ─► core.settle ─► one append, durable ─► replies and effects leave
//!                    ▲                │
//!                    └── Proposed ◄───┘  samplers that need no history answer at once, in the same commit
//! ```
//!
//! Nothing that [`Engine::commit`] returns existed before the journal was durable up to it. When the append fails the
//! state in memory is ahead of the disk: the engine must be recovered before it is used again.

use std::sync::Arc;

use hone_search::{
    Columns, Direction, Foreign, Hints, History, ParamSuggestion, Pending, SamplerCache, SamplerConfig, Space, SuggestRequest,
    Suggestion,
};
use hone_studies::{BlobId, Command, Core, Effect, Event, Now, Outcome, Proposal, Reject, Reply, State, StudyId, Timings};

use crate::{
    convert::journal::{DecodeError, decode_event, encode_event, encode_spilled},
    journal::{Journal, JournalError, Payload},
    snapshot::{SnapshotError, Snapshots},
};

/// Events over this size are kept as blobs; the journal holds their name.
pub const SPILL_BYTES: usize = 8 * 1024;

/// Where events go that are too large for a chunk: the blob store, or memory in simulations.
pub trait SpillStore: Send {
    /// Keeps bytes durably and answers their hash.
    ///
    /// # Errors
    /// [`JournalError::Full`] or [`JournalError::Io`].
    fn put(&mut self, bytes: &[u8]) -> Result<BlobId, JournalError>;
    /// Bytes by hash, verified.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] when they are gone or changed.
    fn get(&self, id: BlobId) -> Result<Vec<u8>, JournalError>;
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("event {sequence}: {source}")]
    Event {
        sequence: u64,
        #[source]
        source: DecodeError,
    },
}

/// What a commit answers.
#[derive(Debug, Default)]
pub struct Committed {
    /// One answer per command, in their order.
    pub replies: Vec<Result<Reply, Reject>>,
    /// Everything but [`Effect::Propose`], in order.
    pub effects: Vec<Effect>,
    /// Questions to samplers that need the history.
    pub questions: Vec<Question>,
    /// Sequence number of the last durable event.
    pub head: u64,
}

/// A question to a sampler, with everything that its answer depends on.
#[derive(Clone, Debug)]
pub struct Question {
    pub study: StudyId,
    pub sampler: SamplerConfig,
    pub space: Space,
    pub directions: Vec<Direction>,
    pub history: Vec<Arc<Columns>>,
    /// Trials of other studies, fixed when the study was created.
    pub foreign: Vec<Arc<Foreign>>,
    pub pending: Vec<Pending>,
    pub seed: u64,
    pub first_number: u32,
    pub count: u32,
    pub hints: Hints,
    pub as_of: u64,
}

impl Question {
    /// What the sampler of a study is asked now.
    pub(crate) fn new(state: &State, study: StudyId, first_number: u32, count: u32, as_of: u64) -> Option<Question> {
        let study = state.study(study)?;
        let sampler = study.spec.search.sampler.clone();
        let reads_history = !sampler.is_cheap();
        let pending = study.open().map(|trial| Pending { number: trial.number, params: trial.params.clone() });
        Some(Question {
            study: study.id,
            space: study.spec.space.clone(),
            directions: study.spec.objectives.iter().map(|objective| objective.direction).collect(),
            history: if reads_history { study.finished.columns() } else { Vec::new() },
            foreign: study.warm_start.iter().map(|warm| warm.foreign.clone()).collect(),
            pending: if reads_history { pending.collect() } else { Vec::new() },
            seed: study.spec.search.seed,
            sampler,
            first_number,
            count,
            hints: study.spec.search.hints(),
            as_of,
        })
    }

    /// What the sampler chooses for one parameter of the first trial; `None`: the space has no such parameter.
    pub fn choose_from(&self, name: &str, memory: &mut SamplerCache) -> Option<ParamSuggestion> {
        hone_search::suggest_one_param_warm(&self.sampler, &self.request(), &self.foreign, name, memory)
    }

    fn request(&self) -> SuggestRequest<'_> {
        SuggestRequest {
            space: &self.space,
            directions: &self.directions,
            history: History { chunks: &self.history, tail: None },
            pending: &self.pending,
            seed: self.seed,
            first_number: self.first_number,
            count: self.count as usize,
            hints: self.hints,
        }
    }

    /// The sampler's answer, as a command. A pure function of the question.
    pub fn answer(&self) -> Command {
        self.answer_from(&mut SamplerCache::default())
    }

    /// The same answer, for less when `memory` was used for the study's former questions.
    pub fn answer_from(&self, memory: &mut SamplerCache) -> Command {
        let suggestions = hone_search::suggest_warm(&self.sampler, &self.request(), &self.foreign, memory);
        if suggestions.is_empty() {
            return Command::Exhausted { study: self.study };
        }
        let proposal = |suggestion: Suggestion| Proposal { params: suggestion.params, why: suggestion.why };
        let trials = suggestions.into_iter().map(proposal).collect();
        Command::Proposed { study: self.study, first_number: self.first_number, as_of: self.as_of, trials }
    }
}

/// Core and journal.
pub struct Engine {
    core: Core,
    journal: Box<dyn Journal>,
    spill: Box<dyn SpillStore>,
    /// Spilled events by sequence number: wanted until the journal drops the event.
    spilled: Vec<(u64, BlobId)>,
    snapshot_sequence: u64,
}

impl Engine {
    /// Folds the newest snapshot and every later event, and opens the store for this process.
    ///
    /// # Errors
    /// Damage, a newer format, or an event that this build does not know; nothing is changed then.
    pub fn recover(
        mut journal: Box<dyn Journal>,
        spill: Box<dyn SpillStore>,
        snapshots: Option<&Snapshots>,
        now: Now,
        timings: Timings,
    ) -> Result<Engine, RecoverError> {
        let (mut state, from) = match snapshots {
            Some(snapshots) => snapshots.load()?.map_or((State::default(), 0), |(state, sequence)| (state, sequence)),
            None => (State::default(), 0),
        };
        let mut spilled = Vec::new();
        replay(&mut *journal, &*spill, from + 1, &mut |sequence, event, blob| {
            state.apply(event);
            spilled.extend(blob.map(|blob| (sequence, blob)));
        })?;
        let mut engine = Engine { core: Core::recover(state, now, timings), journal, spill, spilled, snapshot_sequence: from };
        engine.commit(now, vec![Command::OpenStore])?;
        Ok(engine)
    }

    pub fn core(&self) -> &Core {
        &self.core
    }

    /// For switching on bugs that the simulator must catch, and for nothing else.
    #[cfg(feature = "planted-bugs")]
    pub fn core_mut(&mut self) -> &mut Core {
        &mut self.core
    }

    pub fn journal(&mut self) -> &mut dyn Journal {
        &mut *self.journal
    }

    /// Journal and spilled events, to read both.
    pub(crate) fn parts_mut(&mut self) -> (&mut dyn Journal, &dyn SpillStore) {
        (&mut *self.journal, &*self.spill)
    }

    /// Gives back the journal, to recover from it.
    pub fn into_parts(self) -> (Box<dyn Journal>, Box<dyn SpillStore>) {
        (self.journal, self.spill)
    }

    /// The event up to which the snapshot was folded that this engine started from; 0: none.
    pub fn snapshot_sequence(&self) -> u64 {
        self.snapshot_sequence
    }

    /// Spilled events that the journal still names, with their sequence numbers.
    pub fn spilled(&self) -> &[(u64, BlobId)] {
        &self.spilled
    }

    /// Forgets events that a snapshot covers.
    ///
    /// # Errors
    /// As [`Journal::drop_before`].
    pub fn drop_before(&mut self, sequence: u64) -> Result<(), JournalError> {
        self.journal.drop_before(sequence)?;
        self.spilled.retain(|(at, _)| *at >= sequence);
        Ok(())
    }

    /// Decides on commands, settles, and makes all of it durable in one commit.
    ///
    /// # Errors
    /// Nothing was acknowledged and the engine must be recovered.
    pub fn commit(&mut self, now: Now, commands: Vec<Command>) -> Result<Committed, JournalError> {
        let mut committed = Committed::default();
        let mut groups: Vec<Vec<Payload>> = Vec::with_capacity(commands.len() + 1);
        for command in commands {
            match self.core.handle(now, command) {
                Ok((reply, outcome)) => {
                    self.absorb(&mut committed, &mut groups, outcome)?;
                    committed.replies.push(Ok(reply));
                }
                Err(reject) => committed.replies.push(Err(reject)),
            }
        }
        self.settle(now, &mut committed, &mut groups)?;
        if !groups.is_empty() {
            self.journal.append(&groups)?;
        }
        committed.head = self.journal.head().sequence;
        Ok(committed)
    }

    fn settle(&mut self, now: Now, committed: &mut Committed, groups: &mut Vec<Vec<Payload>>) -> Result<(), JournalError> {
        loop {
            let asked_before = committed.questions.len();
            let outcome = self.core.settle(now);
            self.absorb(committed, groups, outcome)?;
            let new = committed.questions.split_off(asked_before);
            let (cheap, later): (Vec<_>, Vec<_>) = new.into_iter().partition(|question| question.sampler.is_cheap());
            committed.questions.extend(later);
            if cheap.is_empty() {
                return Ok(());
            }
            for question in cheap {
                if let Ok((_, outcome)) = self.core.handle(now, question.answer()) {
                    self.absorb(committed, groups, outcome)?;
                }
            }
        }
    }

    fn absorb(
        &mut self,
        committed: &mut Committed,
        groups: &mut Vec<Vec<Payload>>,
        outcome: Outcome,
    ) -> Result<(), JournalError> {
        for effect in outcome.effects {
            match effect {
                Effect::Propose { study, first_number, count, as_of } => {
                    committed.questions.extend(Question::new(&self.core.state, study, first_number, count, as_of));
                }
                other => committed.effects.push(other),
            }
        }
        if outcome.events.is_empty() {
            return Ok(());
        }
        let before: usize = groups.iter().map(Vec::len).sum();
        let first = self.journal.head().sequence + before as u64 + 1;
        let mut payloads = Vec::with_capacity(outcome.events.len());
        for (offset, event) in outcome.events.iter().enumerate() {
            payloads.push(self.payload(event, first + offset as u64)?);
        }
        groups.push(payloads);
        Ok(())
    }

    fn payload(&mut self, event: &Event, sequence: u64) -> Result<Payload, JournalError> {
        let mut bytes = Vec::with_capacity(128);
        encode_event(event, &mut bytes);
        if bytes.len() <= SPILL_BYTES {
            return Ok(bytes);
        }
        let blob = self.spill.put(&bytes)?;
        self.spilled.push((sequence, blob));
        bytes.clear();
        encode_spilled(blob, &mut bytes);
        Ok(bytes)
    }
}

/// Visits decoded events from a sequence number on, with the blob of those that were spilled.
///
/// # Errors
/// Damage, or an event that this build does not know.
pub fn replay(
    journal: &mut dyn Journal,
    spill: &dyn SpillStore,
    from: u64,
    visit: &mut dyn FnMut(u64, &Event, Option<BlobId>),
) -> Result<(), RecoverError> {
    let mut failed = None;
    let read = journal.read(from, &mut |sequence, payload| {
        let (event, blob) = decode(spill, payload).map_err(|error| {
            let detail = error.to_string();
            failed = Some(located(error, sequence));
            JournalError::Rejected { sequence, detail }
        })?;
        visit(sequence, &event, blob);
        Ok(())
    });
    match (read, failed) {
        (_, Some(error)) => Err(error),
        (read, None) => Ok(read?),
    }
}

fn decode(spill: &dyn SpillStore, payload: &[u8]) -> Result<(Event, Option<BlobId>), RecoverError> {
    let unplaced = |source| RecoverError::Event { sequence: 0, source };
    match decode_event(payload) {
        Ok(event) => Ok((event, None)),
        Err(DecodeError::Spilled(blob)) => Ok((decode_event(&spill.get(blob)?).map_err(unplaced)?, Some(blob))),
        Err(error) => Err(unplaced(error)),
    }
}

fn located(error: RecoverError, sequence: u64) -> RecoverError {
    match error {
        RecoverError::Event { source, .. } => RecoverError::Event { sequence, source },
        RecoverError::Journal(_) | RecoverError::Snapshot(_) => error,
    }
}
