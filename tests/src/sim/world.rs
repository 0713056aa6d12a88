//! One run: virtual time, everything in it, and the loop that makes things happen.

use std::collections::BTreeMap;

use hone_studies::{Micros, SECOND, StudyId, StudyState};
use hone_worker::machine::Input;

use super::{
    asker::Asker,
    coverage::Coverage,
    dice::Dice,
    labelling::Labelling,
    links::{Link, Side},
    node::Node,
    oracle::{Oracle, digest},
    queue::{Happening, Queue},
    reference::Reference,
    scenario::{LIMIT_US, Scenario, TROUBLE_US},
    shell::Shell,
    timeline::Timeline,
};

/// More than a run ever needs: something goes round in circles.
const LIMIT_HAPPENINGS: u64 = 100_000;

/// A bug that is built in on purpose, to see whether it is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plant {
    #[default]
    Nothing,
    /// Records of replaced attempts are taken for the current one's.
    NoFencing,
    /// Answers leave before the journal is on the disk.
    AckBeforeSync,
}

/// What a run came to.
#[derive(Debug)]
pub struct Verdict {
    pub seed: u64,
    /// What went wrong; empty: nothing.
    pub violations: Vec<String>,
    /// Equal for equal runs.
    pub trace: u64,
    pub coverage: Coverage,
    pub lines: Vec<String>,
    pub happenings: u64,
    pub virtual_us: Micros,
    /// Studies that were compared with an undisturbed run.
    pub compared: u64,
}

/// Everything in a run.
pub struct World {
    pub now: Micros,
    queue: Queue,
    pub dice: Dice,
    pub scenario: Scenario,
    pub shell: Shell,
    pub nodes: Vec<Node>,
    pub links: BTreeMap<u64, Link>,
    /// Programs that run trials themselves.
    pub askers: Vec<Asker>,
    pub asked_study: Option<StudyId>,
    pub labelling: Labelling,
    pub last_link: u64,
    pub oracle: Oracle,
    pub coverage: Coverage,
    pub timeline: Timeline,
    happenings: u64,
    /// Since when nothing is left to do.
    quiet_since: Option<Micros>,
}

/// Runs one seed to its end.
pub fn run(seed: u64, plant: Plant, timeline: bool) -> Verdict {
    let mut world = World::new(seed, plant, timeline);
    world.plan();
    while world.step() {}
    world.finish();
    let (trace, happenings, virtual_us) = (world.timeline.hash(), world.happenings, world.now);
    Verdict {
        seed,
        compared: world.oracle.compared,
        violations: world.oracle.into_violations(),
        trace,
        coverage: world.coverage,
        lines: world.timeline.into_lines(),
        happenings,
        virtual_us,
    }
}

impl World {
    fn new(seed: u64, plant: Plant, timeline: bool) -> World {
        let scenario = Scenario::draw(seed);
        World {
            now: 0,
            queue: Queue::default(),
            dice: Dice::new(seed).fork(100),
            shell: Shell::new(plant),
            nodes: scenario.workers.iter().cloned().map(Node::new).collect(),
            links: BTreeMap::new(),
            askers: (0..scenario.askers).map(|_| Asker::new()).collect(),
            asked_study: None,
            labelling: Labelling::new(Dice::new(seed).fork(101)),
            last_link: 0,
            oracle: Oracle::new(timeline),
            coverage: Coverage::default(),
            timeline: Timeline::new(timeline),
            happenings: 0,
            quiet_since: None,
            scenario,
        }
    }

    fn plan(&mut self) {
        self.push(0, Happening::CoordinatorStarts { life: 0 });
        for node in 0..self.nodes.len() {
            let at = self.dice.between(0, 30 * SECOND);
            self.push(at, Happening::NodeStarts { node, life: 0 });
        }
        for study in 0..self.scenario.studies.len() {
            let at = self.scenario.studies[study].at;
            self.push(at, Happening::Creates { study });
        }
        for at in 0..self.askers.len() {
            let begins = self.dice.between(0, 20 * SECOND);
            self.push(begins, Happening::AskerWakes { at, life: 0 });
        }
        let begins = self.labelling.begins();
        self.push(begins, Happening::ChiefWakes);
        for at in 0..self.labelling.people() {
            let begins = self.labelling.begins();
            self.push(begins, Happening::AnnotatorWakes { at, life: 0 });
        }
        for at in 0..self.scenario.faults.len() {
            self.push(self.scenario.faults[at].0, Happening::Strikes { at });
        }
        for at in 0..self.scenario.wishes.len() {
            self.push(self.scenario.wishes[at].0, Happening::Wishes { at });
        }
        self.push(TROUBLE_US, Happening::Heals);
    }

    pub fn push(&mut self, at: Micros, happening: Happening) {
        self.queue.push(at, happening);
    }

    /// Makes the next thing happen. False: the run is over.
    fn step(&mut self) -> bool {
        let Some((at, happening)) = self.queue.pop() else { return false };
        self.now = at;
        self.happenings += 1;
        if at > LIMIT_US {
            self.oracle.violation("liveness", self.what_is_left());
            return false;
        }
        if self.happenings > LIMIT_HAPPENINGS {
            self.oracle.violation("livelock", format!("{LIMIT_HAPPENINGS} things have happened; {}", self.what_is_left()));
            return false;
        }
        if self.oracle.has_violations() {
            return false;
        }
        self.dispatch(happening);
        !self.is_over()
    }

    fn dispatch(&mut self, happening: Happening) {
        match happening {
            Happening::Dialled { node, life, session, open } => self.dialled(node, life, session, open),
            Happening::ToCoordinator { link } => self.next_up(link),
            Happening::ToWorker { link } => self.next_down(link),
            Happening::LinkGone { link, side: Side::Coordinator } => self.link_gone_at_coordinator(link),
            Happening::LinkGone { link, side: Side::Worker } => match self.held_back(link, Side::Worker) {
                Some(until) => self.push(until, Happening::LinkGone { link, side: Side::Worker }),
                None => self.link_gone_at_worker(link),
            },
            Happening::NodeStarts { node, life } => self.start_node(node, life),
            Happening::NodeTimer { node, life, at_us } => {
                if self.awake(node, life, Happening::NodeTimer { node, life, at_us }) {
                    self.ring(node, at_us);
                }
            }
            Happening::NodeFlushes { node, life } => {
                if self.awake(node, life, Happening::NodeFlushes { node, life }) {
                    self.flush_node(node);
                }
            }
            Happening::Process { node, life, key, beat } => {
                if self.awake(node, life, Happening::Process { node, life, key, beat }) {
                    self.timeline.trace(&[self.now.unsigned_abs(), node as u64, key.task, u64::from(key.attempt)]);
                    self.beat(node, key, beat);
                }
            }
            Happening::CoordinatorStarts { life } => self.start_coordinator(life),
            Happening::Commit { life } => self.commit(life),
            Happening::Tick { life } => self.tick(life),
            Happening::Answer { life, command } => {
                if self.shell.life == life {
                    self.ask_core(*command, super::shell::Waiter::Nobody);
                }
            }
            Happening::Says { link, message } => self.says(link, *message),
            Happening::Creates { study } => self.creates(study),
            Happening::Wishes { at } => self.wishes(at),
            Happening::Strikes { at } => self.strikes(at),
            Happening::CutsUp { node, while_us } => self.cut(node, while_us, 0),
            Happening::AskerWakes { at, life } => self.asker_wakes(at, life),
            Happening::ChiefWakes => self.chief_wakes(),
            Happening::AnnotatorWakes { at, life } => self.annotator_wakes(at, life),
            Happening::Heals => self.heals(),
        }
    }

    /// Whether the worker's process is the same still and does not stand still; else the happening waits or is lost.
    fn awake(&mut self, node: usize, life: u64, happening: Happening) -> bool {
        if self.nodes[node].life != life || !self.nodes[node].is_up() {
            return false;
        }
        let until = self.nodes[node].frozen_until;
        if until > self.now {
            self.push(until, happening);
            return false;
        }
        true
    }

    fn dialled(&mut self, node: usize, life: u64, session: u64, open: bool) {
        if self.nodes[node].life != life {
            return;
        }
        if open && self.shell.is_up() {
            let link = self.open_link(node, session);
            self.nodes[node].link = Some(link);
            self.feed(node, Input::Connected { session });
        } else {
            let cut = hone_worker::machine::Cut::Lost("nobody answers".to_owned());
            self.feed(node, Input::Disconnected { session, cut });
        }
    }

    // ------------------------------------------------------------ the end

    /// Every study has ended, and no worker has anything to say any more.
    fn is_over(&mut self) -> bool {
        if self.now < TROUBLE_US {
            return false;
        }
        let done = self.studies_are_over() && self.labels_are_over() && self.nodes.iter().all(|node| node.is_idle());
        if !done {
            self.quiet_since = None;
        }
        done && self.now >= *self.quiet_since.get_or_insert(self.now) + 5 * SECOND
    }

    fn studies_are_over(&self) -> bool {
        let Some(state) = self.shell.state() else { return false };
        let over = |name: &str| state.study_named(name).is_some_and(|study| study.state == StudyState::Finished);
        let asked = self.askers.is_empty() || over(super::asker::STUDY);
        asked && self.scenario.studies.iter().all(|study| over(&study.spec.name))
    }

    fn what_is_left(&self) -> String {
        let Some(engine) = &self.shell.engine else { return "the coordinator is down".to_owned() };
        let state = &engine.core().state;
        let mut left: Vec<String> = state
            .unfinished()
            .map(|study| format!("study {} is {} with {:?}", study.spec.name, study.state.name(), study.counts))
            .collect();
        for (at, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.is_idle()) {
            left.push(format!("worker {at} has something left"));
            left.extend(node.machine.iter().map(|machine| format!("{:?}", machine.held())));
        }
        left.extend(self.labels_left());
        left.join("; ")
    }

    /// A last clean start, and everything that is only known at the end.
    fn finish(&mut self) {
        if self.oracle.has_violations() {
            return;
        }
        self.crash_coordinator(0, true, 0);
        self.start_coordinator(self.shell.life);
        let Some(engine) = &self.shell.engine else { return };
        let core = engine.core();
        self.oracle.ended(core, self.scenario.is_calm());
        self.timeline.trace(&[digest(&core.state)]);
        for planned in self.scenario.studies.iter().filter(|planned| planned.comparable) {
            let reference = Reference::run(planned);
            self.oracle.compare(&core.state, &planned.spec.name, &reference);
        }
    }
}
