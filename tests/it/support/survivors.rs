//! Finds processes of a test by what they cannot hide: each has the test's own folder in its environment, its
//! arguments or as its working directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A process as `/proc` shows it. Two with equal fields are the same process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    pub pid: i32,
    pub start_ticks: u64,
    pub command: String,
    pub is_trial: bool,
}

/// Every process that has to do with this folder, zombies left out.
pub fn of(folder: &Path) -> Vec<Process> {
    let mark = folder.to_string_lossy().into_owned();
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| *pid != std::process::id().cast_signed()).filter_map(|pid| read(pid, &mark)).collect()
}

/// Processes of trials below this folder.
pub fn trials(folder: &Path) -> Vec<Process> {
    of(folder).into_iter().filter(|process| process.is_trial).collect()
}

/// Whether exactly this process still runs.
pub fn is_alive(process: &Process) -> bool {
    stat(process.pid).is_some_and(|(start_ticks, state)| start_ticks == process.start_ticks && state != 'Z')
}

fn read(pid: i32, mark: &str) -> Option<Process> {
    let place = PathBuf::from(format!("/proc/{pid}"));
    let (start_ticks, state) = stat(pid)?;
    if state == 'Z' {
        return None;
    }
    let text = |name: &str| fs::read(place.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    let (command, environment) = (text("cmdline").unwrap_or_default(), text("environ").unwrap_or_default());
    let works_there = fs::read_link(place.join("cwd")).is_ok_and(|cwd| cwd.to_string_lossy().starts_with(mark));
    let is_ours = works_there || environment.contains(mark) || command.contains(mark);
    let is_trial = environment.contains("HONE_ATTEMPT=");
    is_ours.then_some(Process { pid, start_ticks, command, is_trial })
}

/// Start time and state. The name of the program may hold anything, so fields count from its last parenthesis.
fn stat(pid: i32) -> Option<(u64, char)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(19)?.parse().ok()?, fields.first()?.chars().next()?))
}
