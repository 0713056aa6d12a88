//! What goes wrong, when it is time for it.

use hone_coordinator::journal::memory::Fault as DiskFault;
use hone_studies::{Micros, SECOND};

use super::{
    queue::Happening,
    scenario::{Fault, TROUBLE_US},
    world::World,
};

const HOUR_US: Micros = 3_600 * SECOND;

impl World {
    pub fn strikes(&mut self, at: usize) {
        let fault = self.scenario.faults[at].1;
        self.timeline.note(self.now, || format!("FAULT {fault:?}"));
        let node = self.dice.below(self.nodes.len());
        // Long enough, now and then, for leases to end.
        let while_us = if self.dice.percent(50) {
            self.dice.between(SECOND, 20 * SECOND)
        } else {
            self.dice.between(40 * SECOND, 150 * SECOND)
        };
        match fault {
            Fault::CoordinatorCrash => self.crash_coordinator(0, true, while_us),
            Fault::CrashLoop => self.crash_loop(at),
            Fault::CommitLost => self.fail_next_commit(0),
            Fault::CommitKept => self.fail_next_commit(1),
            Fault::DiskFull => self.shell.disk.fail_after(0, DiskFault::Full),
            Fault::WorkerCrash => self.kill_node(node, None, while_us),
            Fault::PowerCut => {
                let torn = (self.dice.below(6), self.dice.percent(50));
                self.kill_node(node, Some(torn), while_us);
            }
            Fault::WorkerGone => self.lose_node(node),
            Fault::WorkerStops => self.stop_node(node),
            Fault::WorkerFrozen => self.nodes[node].frozen_until = self.now + while_us,
            Fault::Partition => self.cut(node, while_us, while_us),
            Fault::CutUp => self.cut(node, while_us, 0),
            Fault::CutDown => self.cut(node, 0, while_us),
            Fault::ClockAhead => self.shell.wall_offset += HOUR_US,
            Fault::ClockBack => self.shell.wall_offset -= HOUR_US,
            Fault::StreamsBreak | Fault::Duplicates | Fault::Delays => return,
        }
        // Those that need a commit to strike are counted there.
        if !matches!(fault, Fault::CommitLost | Fault::CommitKept | Fault::DiskFull) {
            self.coverage.strikes(fault);
        }
    }

    fn crash_loop(&mut self, at: usize) {
        let again = self.scenario.faults[at].0 + 12 * SECOND;
        self.crash_coordinator(0, true, SECOND);
        if self.now < again && self.now < TROUBLE_US {
            let pause = self.dice.between(2 * SECOND, 5 * SECOND);
            self.push(self.now + pause, Happening::Strikes { at });
        }
    }

    fn fail_next_commit(&mut self, keep: usize) {
        if self.shell.crash_keeps.is_none() {
            self.shell.crash_keeps = Some(keep);
            self.shell.disk.fail_after(0, DiskFault::SyncFailed);
        }
    }

    fn lose_node(&mut self, node: usize) {
        // The first worker can run everything and always comes back.
        if node > 0 {
            self.nodes[node].gone = true;
            self.kill_node(node, None, 0);
        }
    }

    /// Now and then while it is cut off, so that others have taken over when it hands its trials back.
    fn stop_node(&mut self, node: usize) {
        let hand_back = self.dice.percent(50);
        if hand_back && self.dice.percent(50) {
            let while_us = self.dice.between(60 * SECOND, 140 * SECOND);
            self.cut(node, while_us, while_us);
        }
        let reason = "stopped by its operator".to_owned();
        self.feed(node, hone_worker::machine::Input::DrainRequested { hand_back, reason });
    }

    pub fn cut(&mut self, node: usize, up_us: Micros, down_us: Micros) {
        let cut = &mut self.nodes[node];
        cut.cut_up_until = cut.cut_up_until.max(self.now + up_us);
        cut.cut_down_until = cut.cut_down_until.max(self.now + down_us);
    }
}
