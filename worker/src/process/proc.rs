//! What `/proc` says about processes. A process that ends while it is looked at is simply not there.

use std::{
    fs,
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

/// A count of this age is still taken for one of now.
const RECENT: Duration = Duration::from_secs(1);

/// One process, as its `stat` file shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Who waits for it.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Clock ticks from the start of the system to its own: with `pid` it names one process for one boot.
    pub start_ticks: u64,
    /// It has ended and waits to be reaped.
    pub zombie: bool,
    /// Memory in use, in pages.
    pub resident_pages: u64,
}

impl Process {
    /// Looks at one process.
    #[must_use]
    pub fn read(pid: i32) -> Option<Self> {
        parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Whether its first environment holds this variable with a value that begins so.
    #[must_use]
    pub fn has_variable(&self, name: &str, value_start: &str) -> bool {
        let Ok(environment) = fs::read(format!("/proc/{}/environ", self.pid)) else { return false };
        let wanted = format!("{name}={value_start}");
        environment.split(|byte| *byte == 0).any(|entry| entry.starts_with(wanted.as_bytes()))
    }
}

/// Every process that this user can see.
#[must_use]
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let pids = names.filter_map(|name| name.parse().ok());
    pids.filter_map(Process::read).collect()
}

/// The numbers of the children that this process may have inherited: orphans go to the first living thread of
/// their subreaper, which is the main one. What other threads started is not among them. Where the kernel does not
/// list children (`CONFIG_PROC_CHILDREN`) it is everybody's numbers.
#[must_use]
pub fn adopted_children() -> Vec<i32> {
    let pid = own_pid();
    match fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")) {
        Ok(text) => text.split_whitespace().filter_map(|word| word.parse().ok()).collect(),
        Err(_) => all().into_iter().map(|process| process.pid).collect(),
    }
}

/// The number of this process.
#[must_use]
pub fn own_pid() -> i32 {
    std::process::id().cast_signed()
}

/// Names this boot of the system; `None` where it is not told.
#[must_use]
pub fn boot_id() -> Option<String> {
    static ID: OnceLock<Option<String>> = OnceLock::new();
    let read = || Some(fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned());
    ID.get_or_init(read).clone()
}

/// [`oom_kills`] as they were a second ago at most: something to compare with later, for many starts at once.
#[must_use]
pub fn recent_oom_kills() -> u64 {
    static READ: Mutex<Option<(Instant, u64)>> = Mutex::new(None);
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    match *read {
        Some((at, count)) if at.elapsed() < RECENT => count,
        _ => {
            let count = oom_kills();
            *read = Some((Instant::now(), count));
            count
        }
    }
}

/// How many processes the kernel has ended for want of memory since it started.
#[must_use]
pub fn oom_kills() -> u64 {
    let text = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// `pid (name) state ppid pgrp …`; the name may hold spaces and brackets.
fn parse_stat(text: &str) -> Option<Process> {
    let pid = text.split_once(' ')?.0.parse().ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    // proc_pid_stat(5) counts from 1 and the state is its field 3.
    let field = |number: usize| fields.get(number - 3).copied();
    Some(Process {
        pid,
        parent: field(4)?.parse().ok()?,
        group: field(5)?.parse().ok()?,
        start_ticks: field(22)?.parse().ok()?,
        zombie: matches!(field(3)?, "Z" | "X"),
        resident_pages: field(24)?.trim().parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_is_skipped() {
        let mut text = String::from("42 (a ) b (c) Z 7 9 ");
        for number in 6..=30 {
            text.push_str(&format!("{number} "));
        }
        let process = parse_stat(&text).expect("a process");
        assert_eq!((process.pid, process.parent, process.group), (42, 7, 9));
        assert_eq!((process.start_ticks, process.resident_pages, process.zombie), (22, 24, true));
    }

    #[test]
    fn this_process_sees_itself() {
        let own = Process::read(own_pid()).expect("this process");
        assert!(!own.zombie && own.start_ticks > 0 && own.resident_pages > 0);
        assert!(all().iter().any(|process| process.pid == own.pid));
        assert!(boot_id().is_some());
    }
}
