//! Watches how much memory the groups of running trials use, where no cgroup does it.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use super::proc;

/// How often all groups are looked at.
const PERIOD: Duration = Duration::from_millis(500);

/// One watch over all trials of a worker.
#[derive(Clone, Debug, Default)]
pub struct MemoryWatch {
    groups: Arc<Mutex<BTreeMap<i32, Watched>>>,
}

#[derive(Debug)]
struct Watched {
    limit_bytes: u64,
    over: Option<oneshot::Sender<()>>,
}

impl MemoryWatch {
    /// Watches a group; the answer comes when it is over its limit, or never.
    #[must_use]
    pub fn add(&self, group: i32, limit_bytes: u64) -> oneshot::Receiver<()> {
        let (over, is_over) = oneshot::channel();
        self.lock().insert(group, Watched { limit_bytes, over: Some(over) });
        is_over
    }

    /// Forgets a group.
    pub fn remove(&self, group: i32) {
        self.lock().remove(&group);
    }

    /// Looks for ever, while there is something to look at.
    pub async fn run(self) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if !self.lock().is_empty() {
                self.look();
            }
        }
    }

    fn look(&self) {
        let page = rustix::param::page_size() as u64;
        let mut usage: BTreeMap<i32, (u64, Vec<i32>)> = BTreeMap::new();
        for process in proc::all() {
            let (bytes, pids) = usage.entry(process.group).or_default();
            *bytes += process.resident_pages * page;
            pids.push(process.pid);
        }
        for (group, watched) in self.lock().iter_mut() {
            let Some((bytes, pids)) = usage.get(group) else { continue };
            // Pages that processes share count once, which only the slower look tells.
            let is_over = *bytes > watched.limit_bytes && proportional(pids, *bytes) > watched.limit_bytes;
            if is_over && let Some(over) = watched.over.take() {
                // The trial may have ended meanwhile.
                let _ = over.send(());
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<i32, Watched>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory of processes in which shared pages are shared out; `otherwise` where the kernel does not say.
fn proportional(pids: &[i32], otherwise: u64) -> u64 {
    let mut total = 0;
    for pid in pids {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        total += kibibytes.unwrap_or(0) * 1_024;
    }
    if total == 0 { otherwise } else { total }
}
