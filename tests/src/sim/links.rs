//! Streams between workers and the coordinator. A stream is ordered and loses nothing; it can only break, and then each
//! end learns of it in its own time, while messages under way may still arrive.

use std::collections::{BTreeSet, VecDeque};

use hone_proto::worker::{FromWorker, ToWorker};
use hone_studies::{Micros, SECOND, WorkerId};

use super::{queue::Happening, world::World};

/// One stream.
#[derive(Debug)]
pub struct Link {
    pub node: usize,
    pub node_life: u64,
    pub session: u64,
    pub coordinator_life: u64,
    /// Nothing that is sent from now on arrives.
    broken: bool,
    /// The coordinator has not yet learnt that it is gone.
    pub served: bool,
    /// Earliest arrival of the next message, up and down: order is kept.
    up_free: Micros,
    down_free: Micros,
    /// Messages under way, in order.
    up: VecDeque<FromWorker>,
    down: VecDeque<ToWorker>,
    pub worker: Option<WorkerId>,
    pub programs: BTreeSet<u64>,
    /// Messages that wait for the answer to the one before.
    pub inbox: VecDeque<FromWorker>,
    pub busy: bool,
}

/// Which end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Worker,
    Coordinator,
}

impl World {
    /// A worker dials; the stream opens, is refused, or nobody answers.
    pub fn dial(&mut self, node: usize, session: u64) {
        let life = self.nodes[node].life;
        let cut = self.nodes[node].cut_up_until.max(self.nodes[node].cut_down_until) > self.now;
        let (at, open) = match (self.shell.is_up(), cut) {
            (true, false) => (self.now + self.latency(), true),
            (false, false) => (self.now + self.dice.between(1_000, 50_000), false),
            (_, true) => (self.now + self.dice.between(SECOND, 10 * SECOND), false),
        };
        self.push(at, Happening::Dialled { node, life, session, open });
    }

    pub fn open_link(&mut self, node: usize, session: u64) -> u64 {
        self.last_link += 1;
        let link = Link {
            node,
            node_life: self.nodes[node].life,
            session,
            coordinator_life: self.shell.life,
            broken: false,
            served: true,
            up_free: self.now,
            down_free: self.now,
            up: VecDeque::new(),
            down: VecDeque::new(),
            worker: None,
            programs: BTreeSet::new(),
            inbox: VecDeque::new(),
            busy: false,
        };
        self.links.insert(self.last_link, link);
        self.last_link
    }

    pub fn send_up(&mut self, id: u64, message: FromWorker) {
        let Some(arrival) = self.arrival(id, Side::Coordinator) else { return };
        if let Some(link) = self.links.get_mut(&id) {
            link.up.push_back(message);
        }
        self.push(arrival, Happening::ToCoordinator { link: id });
    }

    pub fn send_down(&mut self, id: u64, message: ToWorker) {
        let Some(arrival) = self.arrival(id, Side::Worker) else { return };
        if let Some(link) = self.links.get_mut(&id) {
            link.down.push_back(message);
        }
        self.push(arrival, Happening::ToWorker { link: id });
    }

    /// The next message of a stream gets to the coordinator, unless a partition holds it back.
    pub fn next_up(&mut self, id: u64) {
        if let Some(until) = self.held_back(id, Side::Coordinator) {
            return self.push(until, Happening::ToCoordinator { link: id });
        }
        if let Some(message) = self.links.get_mut(&id).and_then(|link| link.up.pop_front()) {
            self.arrives(id, message);
        }
    }

    /// The next message of a stream gets to the worker, unless a partition holds it back.
    pub fn next_down(&mut self, id: u64) {
        if let Some(until) = self.held_back(id, Side::Worker) {
            return self.push(until, Happening::ToWorker { link: id });
        }
        if let Some(message) = self.links.get_mut(&id).and_then(|link| link.down.pop_front()) {
            self.hear(id, message);
        }
    }

    /// When a message that is sent now arrives at an end; `None`: never.
    fn arrival(&mut self, id: u64, to: Side) -> Option<Micros> {
        let latency = self.latency();
        let breaks = self.now < super::scenario::TROUBLE_US && self.dice.permille(self.scenario.break_permille);
        let link = self.links.get_mut(&id).filter(|link| !link.broken)?;
        if breaks {
            self.coverage.strikes(super::scenario::Fault::StreamsBreak);
            self.break_link(id, SECOND);
            return None;
        }
        let free = match to {
            Side::Coordinator => &mut link.up_free,
            Side::Worker => &mut link.down_free,
        };
        *free = (*free).max(self.now + latency);
        Some(*free)
    }

    /// Nothing that is sent from now on arrives; both ends learn so within `within` and later.
    pub fn break_link(&mut self, id: u64, within: Micros) {
        let Some(link) = self.links.get_mut(&id).filter(|link| !link.broken) else { return };
        link.broken = true;
        let (up, down) = (link.up_free, link.down_free);
        self.timeline.note(self.now, || format!("stream {id} breaks"));
        let at_worker = down.max(self.now) + self.dice.between(1_000, within);
        let at_coordinator = up.max(self.now) + self.dice.between(1_000, 3 * within);
        self.push(at_worker, Happening::LinkGone { link: id, side: Side::Worker });
        self.push(at_coordinator, Happening::LinkGone { link: id, side: Side::Coordinator });
    }

    /// The end of a partition at which a message would have to wait; `None`: it arrives now.
    pub fn held_back(&mut self, id: u64, to: Side) -> Option<Micros> {
        let link = self.links.get_mut(&id)?;
        let node = &self.nodes[link.node];
        let (until, free) = match to {
            Side::Coordinator => (node.cut_up_until, &mut link.up_free),
            Side::Worker => (node.cut_down_until.max(node.frozen_until), &mut link.down_free),
        };
        if until <= self.now {
            return None;
        }
        *free = (*free).max(until);
        Some(until)
    }

    pub fn latency(&mut self) -> Micros {
        let longest = if self.now < super::scenario::TROUBLE_US { self.scenario.latency_us } else { 5_000 };
        // Most messages are fast even where some are slow.
        if longest > SECOND && self.dice.percent(10) {
            self.coverage.strikes(super::scenario::Fault::Delays);
            return self.dice.between(SECOND, longest);
        }
        self.dice.between(100, longest.min(5_000))
    }
}
