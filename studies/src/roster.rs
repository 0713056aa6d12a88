//! Who is connected and what is free: the volatile part of the core. Rebuilt at every start, never journaled.
//!
//! A worker keeps all its leases alive by any contact; when nothing was heard of it for the lease time, every lease
//! of it is over. A claim on a worker's resources lasts until the worker says that the process is gone, which may be
//! later than the end of the lease.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ahead::Pace,
    command::{HeldAttempt, Hold, Now, Timings},
    event::{Capacity, Event, GpuShare},
    ids::{CLIENT, Micros, StudyId, TaskId, WorkerId},
    label::Desk,
    spec::Resources,
    state::State,
};

/// Connections, deadlines, free resources and questions to samplers that are not answered yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roster {
    sessions: BTreeMap<WorkerId, Session>,
    /// Trials asked of the sampler, by study.
    proposing: BTreeMap<StudyId, u32>,
    /// How fast each study's sampler is.
    paces: BTreeMap<StudyId, Pace>,
    /// Studies whose sampler had nothing more when it was last asked.
    exhausted: BTreeSet<StudyId>,
    /// Running trials of clients, and until when they may go on without a word, on the monotonic clock; `None`: as
    /// long as nobody says otherwise.
    clients: BTreeMap<TaskId, Option<Micros>>,
    /// What is before annotators.
    pub(crate) desk: Desk,
}

/// What is known of a worker right now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Session {
    /// The newest open stream.
    stream: Option<u64>,
    /// On the monotonic clock; after it every lease of the worker is over.
    pub alive_until: Micros,
    /// Last contact, on the wall clock.
    pub seen: Micros,
    /// Its leases were given up, and it was not heard of since.
    given_up: bool,
    claims: BTreeMap<(TaskId, u32), Claim>,
    free: Free,
}

/// Resources of an attempt.
#[derive(Clone, Debug, PartialEq)]
struct Claim {
    cpus_milli: u32,
    memory_bytes: u64,
    gpus: Vec<GpuShare>,
    /// The last heartbeat did not name it.
    missing: bool,
}

/// What a worker has left. Signed, because a worker may come back smaller than what it runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Free {
    pub cpus_milli: i64,
    pub memory_bytes: i64,
    /// By position in [`Capacity::gpus`].
    pub gpus_milli: Vec<i64>,
    pub slots: i64,
}

impl Free {
    /// Everything that a capacity offers.
    pub fn of(capacity: &Capacity) -> Free {
        Free {
            cpus_milli: i64::from(capacity.cpus_milli),
            memory_bytes: i64::try_from(capacity.memory_bytes).unwrap_or(i64::MAX),
            gpus_milli: vec![1000; capacity.gpus.len()],
            slots: if capacity.slots == 0 { i64::MAX } else { i64::from(capacity.slots) },
        }
    }

    /// Whether an attempt fits, and on which GPUs: a part goes to the fullest one that has room, whole ones to empty ones.
    pub fn place(&self, capacity: &Capacity, wanted: &Resources) -> Option<Vec<GpuShare>> {
        let memory = i64::try_from(wanted.memory_bytes).ok()?;
        if self.slots < 1 || self.cpus_milli < i64::from(wanted.cpus_milli) || self.memory_bytes < memory {
            return None;
        }
        let usable = |at: &usize| capacity.gpus[*at].memory_bytes >= wanted.gpu_memory_bytes;
        let share = |at: usize, milli: u32| GpuShare { index: capacity.gpus[at].index, milli };
        if wanted.gpus_milli >= 1000 {
            let count = (wanted.gpus_milli / 1000) as usize;
            let empty = (0..capacity.gpus.len()).filter(usable).filter(|at| self.gpus_milli[*at] == 1000);
            let chosen: Vec<GpuShare> = empty.take(count).map(|at| share(at, 1000)).collect();
            return (chosen.len() == count).then_some(chosen);
        }
        if wanted.gpus_milli == 0 {
            return Some(Vec::new());
        }
        let part = i64::from(wanted.gpus_milli);
        let fitting = (0..capacity.gpus.len()).filter(usable).filter(|at| self.gpus_milli[*at] >= part);
        let fullest = fitting.min_by_key(|at| (self.gpus_milli[*at], *at))?;
        Some(vec![share(fullest, wanted.gpus_milli)])
    }

    /// Whether these very GPUs, and the rest of what is wanted, are free.
    fn has(&self, capacity: &Capacity, wanted: &Resources, gpus: &[GpuShare]) -> bool {
        let position = |share: &GpuShare| capacity.gpus.iter().position(|gpu| gpu.index == share.index);
        let free = |share: &GpuShare| position(share).is_some_and(|at| self.gpus_milli[at] >= i64::from(share.milli));
        let memory = i64::try_from(wanted.memory_bytes).unwrap_or(i64::MAX);
        let rest = self.slots >= 1 && self.cpus_milli >= i64::from(wanted.cpus_milli) && self.memory_bytes >= memory;
        rest && gpus.iter().all(free)
    }

    pub(crate) fn take(&mut self, capacity: &Capacity, cpus_milli: u32, memory_bytes: u64, gpus: &[GpuShare], sign: i64) {
        self.cpus_milli -= sign * i64::from(cpus_milli);
        self.memory_bytes -= sign * i64::try_from(memory_bytes).unwrap_or(i64::MAX);
        self.slots -= if self.slots == i64::MAX { 0 } else { sign };
        for share in gpus {
            if let Some(at) = capacity.gpus.iter().position(|gpu| gpu.index == share.index) {
                self.gpus_milli[at] -= sign * i64::from(share.milli);
            }
        }
    }
}

impl Roster {
    /// The roster after a start: nobody is connected, and every lease has what is left of its reconnect windows.
    pub fn recover(state: &State, now: Now, timings: &Timings) -> Roster {
        let mut roster = Roster { desk: Desk::recover(&state.labels, now), ..Roster::default() };
        for study in state.studies() {
            for (trial, attempt) in study.open().filter_map(|trial| Some((trial, trial.running()?))) {
                if attempt.worker == CLIENT {
                    roster.clients.insert(trial.id, Some(now.mono + timings.client_window));
                    continue;
                }
                let session = roster.sessions.entry(attempt.worker).or_default();
                let window = if attempt.windows > timings.max_windows { 0 } else { timings.reconnect_window };
                session.alive_until = session.alive_until.max(now.mono + window);
                let claim = Claim::of(&study.spec.trial.resources, &attempt.gpus);
                session.claims.insert((trial.id, attempt.number), claim);
            }
        }
        roster.sessions.retain(|id, _| state.worker(*id).is_some());
        for (id, session) in &mut roster.sessions {
            session.recount(state.worker(*id).map(|worker| &worker.profile.capacity));
        }
        roster
    }

    pub fn session(&self, worker: WorkerId) -> Option<&Session> {
        self.sessions.get(&worker)
    }

    pub fn sessions(&self) -> impl Iterator<Item = (WorkerId, &Session)> {
        self.sessions.iter().map(|(id, session)| (*id, session))
    }

    /// Whether an attempt has its place on a worker still, or could take it again.
    pub(crate) fn has_place(
        &self,
        state: &State,
        worker: WorkerId,
        attempt: (TaskId, u32),
        wanted: &Resources,
        gpus: &[GpuShare],
    ) -> bool {
        let Some(session) = self.sessions.get(&worker) else { return true };
        let Some(worker) = state.worker(worker) else { return false };
        session.claims.contains_key(&attempt) || session.free.has(&worker.profile.capacity, wanted, gpus)
    }

    /// What is before annotators.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Trials that the sampler has been asked for.
    pub fn proposing(&self, study: StudyId) -> u32 {
        self.proposing.get(&study).copied().unwrap_or(0)
    }

    pub(crate) fn ask_sampler(&mut self, now: Now, study: StudyId, count: u32) {
        self.proposing.insert(study, count);
        self.paces.entry(study).or_default().ask(now.mono);
    }

    pub(crate) fn sampler_answered(&mut self, now: Now, study: StudyId) {
        self.proposing.remove(&study);
        if let Some(pace) = self.paces.get_mut(&study) {
            pace.answer(now.mono);
        }
    }

    pub(crate) fn pace(&self, study: StudyId) -> Option<&Pace> {
        self.paces.get(&study)
    }

    pub(crate) fn is_exhausted(&self, study: StudyId) -> bool {
        self.exhausted.contains(&study)
    }

    pub(crate) fn set_exhausted(&mut self, study: StudyId) {
        self.exhausted.insert(study);
    }

    /// Workers that have been silent for too long.
    pub fn silent(&self, now: Now) -> Vec<WorkerId> {
        let silent = self.sessions.iter().filter(|(_, session)| session.alive_until <= now.mono && session.may_have_leases());
        silent.map(|(id, _)| *id).collect()
    }

    /// The next instant, on the monotonic clock, at which a lease may be over.
    pub fn next_deadline(&self) -> Option<Micros> {
        let sessions = self.sessions.values().filter(|session| session.may_have_leases());
        sessions
            .map(|session| session.alive_until)
            .chain(self.clients.values().copied().flatten())
            .chain(self.desk.next_deadline())
            .min()
    }

    /// How long a running trial may go on that a client has just begun.
    pub(crate) fn begin(&mut self, now: Now, trial: TaskId, hold: Hold) {
        if let Some(until) = self.clients.get_mut(&trial) {
            *until = end_of(now, hold);
        }
    }

    /// How long a running trial of a client may go on without another word. What somebody holds whose connection is
    /// open, nobody else's lease ends.
    pub(crate) fn hold(&mut self, now: Now, trial: TaskId, hold: Hold) {
        if let Some(until) = self.clients.get_mut(&trial) {
            match hold {
                Hold::For(_) if until.is_none() => {}
                Hold::Open | Hold::For(_) | Hold::Left(_) => *until = end_of(now, hold),
            }
        }
    }

    /// Running trials of clients that were silent for too long.
    pub fn forsaken(&self, now: Now) -> Vec<TaskId> {
        let over = self.clients.iter().filter(|(_, until)| until.is_some_and(|until| until <= now.mono));
        over.map(|(trial, _)| *trial).collect()
    }

    /// Running trials of clients.
    pub fn held_by_clients(&self) -> impl Iterator<Item = TaskId> + '_ {
        self.clients.keys().copied()
    }

    /// Any sign of life of a worker.
    pub(crate) fn contact(&mut self, worker: WorkerId, now: Now, timings: &Timings) {
        if let Some(session) = self.sessions.get_mut(&worker) {
            session.alive_until = session.alive_until.max(now.mono + timings.lease);
            session.seen = now.wall;
            session.given_up = false;
        }
    }

    pub(crate) fn connect(
        &mut self,
        state: &State,
        (worker, stream): (WorkerId, u64),
        now: Now,
        timings: &Timings,
        held: &[HeldAttempt],
    ) {
        let session = self.sessions.entry(worker).or_default();
        session.stream = Some(stream);
        session.drop_unheld(state, worker, held);
        session.recount(state.worker(worker).map(|worker| &worker.profile.capacity));
        self.contact(worker, now, timings);
    }

    /// The end of an old stream may be told after a new one was opened, and says nothing about that.
    pub(crate) fn disconnect(&mut self, worker: WorkerId, stream: u64) {
        if let Some(session) = self.sessions.get_mut(&worker) {
            session.stream = session.stream.filter(|open| *open != stream);
        }
    }

    /// Compares claims with what a heartbeat says, and returns the leases that were missing twice in a row.
    pub(crate) fn renewed(&mut self, state: &State, worker: WorkerId, held: &[HeldAttempt]) -> Vec<(TaskId, u32)> {
        let Some(session) = self.sessions.get_mut(&worker) else { return Vec::new() };
        session.drop_unheld(state, worker, held);
        session.recount(state.worker(worker).map(|worker| &worker.profile.capacity));
        session.missing_twice(held)
    }

    /// The worker's leases are over. Its claims stay: what it ran may still run, until it says otherwise.
    pub(crate) fn give_up(&mut self, worker: WorkerId) {
        if let Some(session) = self.sessions.get_mut(&worker) {
            session.given_up = true;
        }
    }

    /// The worker's process for this attempt is gone, whatever became of the lease.
    pub(crate) fn release(&mut self, state: &State, worker: WorkerId, task: TaskId, attempt: u32) {
        let Some(session) = self.sessions.get_mut(&worker) else { return };
        let Some(claim) = session.claims.remove(&(task, attempt)) else { return };
        if let Some(worker) = state.worker(worker) {
            session.free.take(&worker.profile.capacity, claim.cpus_milli, claim.memory_bytes, &claim.gpus, -1);
        }
    }

    /// Follows what events say about claims. `state` already contains the event.
    pub(crate) fn observe(&mut self, state: &State, event: &Event) {
        match event {
            Event::TrialLeased { trial, worker: CLIENT, .. } => drop(self.clients.insert(*trial, None)),
            Event::TrialTold { trial, .. } | Event::AttemptEnded { trial, .. } => drop(self.clients.remove(trial)),
            Event::TrialLeased { trial, attempt, worker, gpus, .. } => self.claim(state, *trial, *attempt, *worker, gpus),
            Event::AttemptReclaimed { trial, attempt, worker, .. } => {
                let gpus = state.open_trial(*trial).and_then(|(_, trial)| trial.running()).map(|attempt| attempt.gpus.clone());
                self.claim(state, *trial, *attempt, *worker, &gpus.unwrap_or_default());
            }
            Event::WorkerMoved { worker, to: crate::event::WorkerState::Gone, .. } => {
                self.sessions.remove(worker);
            }
            // It may offer less than before, and what it runs is counted against that at once.
            Event::WorkerRegistered { worker, profile, .. } => {
                if let Some(session) = self.sessions.get_mut(worker) {
                    session.recount(Some(&profile.capacity));
                }
            }
            Event::Label(event) => self.desk.observe(&state.labels, event),
            Event::StudyRemoved { study, .. } => {
                self.proposing.remove(study);
                self.paces.remove(study);
                self.clients.retain(|trial, _| state.open_trial(*trial).is_some());
            }
            _ => {}
        }
    }

    fn claim(&mut self, state: &State, task: TaskId, attempt: u32, worker: WorkerId, gpus: &[GpuShare]) {
        let Some((study, _)) = state.open_trial(task) else { return };
        // A client's trial takes nothing of any worker.
        if state.worker(worker).is_none() {
            return;
        }
        let claim = Claim::of(&study.spec.trial.resources, gpus);
        let session = self.sessions.entry(worker).or_insert_with(|| Session::idle(state, worker));
        if let Some(worker) = state.worker(worker) {
            session.free.take(&worker.profile.capacity, claim.cpus_milli, claim.memory_bytes, gpus, 1);
        }
        if session.claims.insert((task, attempt), claim).is_some() {
            session.recount(state.worker(worker).map(|worker| &worker.profile.capacity));
        }
    }
}

impl Session {
    fn idle(state: &State, worker: WorkerId) -> Session {
        let free = state.worker(worker).map(|worker| Free::of(&worker.profile.capacity));
        Session { free: free.unwrap_or_default(), ..Session::default() }
    }

    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether this is the worker's newest stream, and open.
    pub(crate) fn has_stream(&self, stream: u64) -> bool {
        self.stream == Some(stream)
    }

    /// Whether the worker may get new leases: its stream is open and it has not missed two heartbeats in a row,
    /// because a lease that cannot arrive costs its trial an attempt.
    pub fn is_leasable(&self, now: Now, timings: &Timings) -> bool {
        self.is_connected() && self.alive_until - now.mono > timings.lease / 3
    }

    fn may_have_leases(&self) -> bool {
        !self.claims.is_empty() && !self.given_up
    }

    /// What is left of the worker.
    pub fn free(&self) -> &Free {
        &self.free
    }

    /// Attempts whose resources are taken.
    pub fn claims(&self) -> impl Iterator<Item = (TaskId, u32)> + '_ {
        self.claims.keys().copied()
    }

    /// Forgets claims of attempts that are over and that the worker does not have any more.
    fn drop_unheld(&mut self, state: &State, worker: WorkerId, held: &[HeldAttempt]) {
        let held: BTreeSet<(TaskId, u32)> =
            held.iter().filter(|held| !held.ended).map(|held| (held.task, held.attempt)).collect();
        self.claims.retain(|(task, attempt), _| held.contains(&(*task, *attempt)) || is_current(state, worker, *task, *attempt));
    }

    fn missing_twice(&mut self, held: &[HeldAttempt]) -> Vec<(TaskId, u32)> {
        let held: BTreeSet<(TaskId, u32)> = held.iter().map(|held| (held.task, held.attempt)).collect();
        let mut twice = Vec::new();
        for (key, claim) in &mut self.claims {
            let missing = !held.contains(key);
            if missing && claim.missing {
                twice.push(*key);
            }
            claim.missing = missing;
        }
        twice
    }

    fn recount(&mut self, capacity: Option<&Capacity>) {
        let Some(capacity) = capacity else { return };
        self.free = Free::of(capacity);
        for claim in self.claims.values() {
            self.free.take(capacity, claim.cpus_milli, claim.memory_bytes, &claim.gpus, 1);
        }
    }
}

impl Claim {
    fn of(resources: &Resources, gpus: &[GpuShare]) -> Claim {
        Claim { cpus_milli: resources.cpus_milli, memory_bytes: resources.memory_bytes, gpus: gpus.to_vec(), missing: false }
    }
}

/// Whether a worker has the lease of this attempt now.
pub(crate) fn is_current(state: &State, worker: WorkerId, task: TaskId, attempt: u32) -> bool {
    let running = state.open_trial(task).and_then(|(_, trial)| trial.running());
    running.is_some_and(|running| running.number == attempt && running.worker == worker)
}

fn end_of(now: Now, hold: Hold) -> Option<Micros> {
    match hold {
        Hold::Open => None,
        Hold::For(time) | Hold::Left(time) => Some(now.mono.saturating_add(time)),
    }
}
