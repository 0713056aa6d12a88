//! Ending process groups and what escaped from them.

use std::{
    collections::BTreeSet,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitOptions};

use super::proc::{self, Process};
use crate::ledger::MARK;

/// How long a killed process may take to disappear; longer means that it hangs in the kernel.
const DISAPPEAR: Duration = Duration::from_secs(5);
/// Rounds of looking for marked processes; each ends what the former one uncovered.
const ROUNDS: usize = 50;

/// The leaders that this process started and waits for; everything else among its children was inherited.
static LEADERS: Mutex<Leaders> = Mutex::new(Leaders { pids: BTreeSet::new(), starting: 0 });

struct Leaders {
    pids: BTreeSet<i32>,
    /// So many are being started: a child that nobody knows may be one of them.
    starting: usize,
}

fn leaders() -> MutexGuard<'static, Leaders> {
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a leader and remembers its number, so that no sweep takes it for an orphan.
pub(super) fn start_leader<T>(start: impl FnOnce() -> io::Result<(i32, T)>) -> io::Result<T> {
    leaders().starting += 1;
    let started = start();
    let mut leaders = leaders();
    leaders.starting -= 1;
    let (pid, started) = started?;
    leaders.pids.insert(pid);
    Ok(started)
}

/// Forgets a leader that was reaped.
pub(super) fn remove_leader(pid: i32) {
    leaders().pids.remove(&pid);
}

/// Asks a group to end. Returns whether it had members.
pub fn terminate_group(group: i32) -> bool {
    signal_group(group, Signal::TERM)
}

/// Ends a group. Returns whether it had members.
pub fn kill_group(group: i32) -> bool {
    signal_group(group, Signal::KILL)
}

fn signal_group(group: i32, signal: Signal) -> bool {
    // 0 and 1 would mean ourselves and everybody.
    let target = (group > 1).then(|| Pid::from_raw(group)).flatten();
    target.is_some_and(|group| rustix::process::kill_process_group(group, signal).is_ok())
}

fn kill_process(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid).filter(|_| pid > 1) {
        // Gone meanwhile is as good.
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// Ends every process on this machine that carries a mark of this incarnation, this one excepted.
/// Returns how many there were.
#[must_use]
pub fn kill_marked(incarnation: &str) -> usize {
    let mut ended = BTreeSet::new();
    for round in 0..ROUNDS {
        let found = marked(incarnation);
        if found.is_empty() {
            break;
        }
        for process in found {
            kill_process(process.pid);
            ended.insert((process.pid, process.start_ticks));
        }
        std::thread::sleep(Duration::from_millis(1 << round.min(6)));
    }
    ended.len()
}

fn marked(incarnation: &str) -> Vec<Process> {
    let own = proc::own_pid();
    let living = proc::all().into_iter().filter(|process| !process.zombie && process.pid != own);
    living.filter(|process| process.has_variable(MARK, incarnation)).collect()
}

/// What a sweep found in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// Nothing of the trial is left.
    Clean,
    /// Nothing that can be told to be of the trial, but this process has inherited something without any mark.
    Strangers,
    /// Something cannot be ended.
    Hanging,
}

/// Ends what is left of a trial whose leader was reaped: its group, and the strays with its mark that this
/// process inherited.
pub async fn sweep(group: i32, mark: &str) -> Swept {
    let deadline = Instant::now() + DISAPPEAR;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(swept) = sweep_once(group, mark) {
            return swept;
        }
        if Instant::now() > deadline {
            return Swept::Hanging;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Returns nothing when something was found that needs another look.
fn sweep_once(group: i32, mark: &str) -> Option<Swept> {
    let grouped = kill_group(group);
    reap_group(group);
    let (strays, strangers): (Vec<_>, Vec<_>) = inherited().into_iter().partition(|found| found.has_variable(MARK, mark));
    for stray in &strays {
        kill_process(stray.pid);
    }
    let again = grouped || !strays.is_empty();
    (!again).then_some(if strangers.is_empty() { Swept::Clean } else { Swept::Strangers })
}

/// Reaps the inherited members of a group.
fn reap_group(group: i32) {
    let Some(group) = Pid::from_raw(group) else { return };
    while let Ok(Some(_)) = rustix::process::waitpgid(group, WaitOptions::NOHANG) {}
}

/// Living children that this process did not start. Children in its own group are somebody else's: another part
/// of the program started them. Inherited zombies have no mark any more; they are reaped on the way.
fn inherited() -> Vec<Process> {
    let children = proc::adopted_children();
    let (unknown, starting) = {
        let leaders = leaders();
        let unknown: Vec<i32> = children.into_iter().filter(|pid| !leaders.pids.contains(pid)).collect();
        (unknown, leaders.starting > 0)
    };
    if unknown.is_empty() {
        return Vec::new();
    }
    let own_group = rustix::process::getpgrp().as_raw_nonzero().get();
    let mut living = Vec::new();
    for process in unknown.into_iter().filter_map(Process::read) {
        if process.parent != proc::own_pid() || process.group == own_group {
            continue;
        }
        if !process.zombie {
            living.push(process);
        } else if let Some(pid) = Pid::from_raw(process.pid).filter(|_| !starting) {
            // Another sweep may have been faster. A leader that ended as soon as it began is left to who waits for it.
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
    living
}
