//! The guard: a companion process that ends every trial when its worker is gone.
//!
//! It runs in a session of its own and reads the groups of the trials from a pipe. The pipe closes when the
//! worker ends, however it ends; then the guard kills the groups and everything that carries the worker's mark.
//!
//! ```text
//! mark INCARNATION      first line
//! + PID START_TICKS     a leader was started
//! - PID                 nothing of its group is left
//! ```

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, BufRead as _, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, Stdio},
};

use rustix::process::{Pid, WaitOptions};

use super::{kill, proc::Process};

/// The worker's end of the pipe. Dropping it makes the guard sweep and end.
#[derive(Debug)]
pub struct Guard {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Starts a guard: `command` has to call [`guard_main`].
    ///
    /// # Errors
    ///
    /// What the system said when the command could not be started.
    pub fn start(command: &[OsString], incarnation: &str) -> io::Result<Self> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no command for the guard"));
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let leave_session = || rustix::process::setsid().map(drop).map_err(io::Error::from);
        // SAFETY: setsid is async-signal-safe, and the closure does not allocate.
        unsafe { command.pre_exec(leave_session) };
        let mut child = kill::start_leader(|| {
            let child = command.spawn()?;
            Ok((child.id().cast_signed(), child))
        })?;
        let pipe = child.stdin.take();
        let mut guard = Self { child, pipe };
        guard.tell(&format!("mark {incarnation}"))?;
        Ok(guard)
    }

    /// A leader was started.
    ///
    /// # Errors
    ///
    /// The guard is gone.
    pub fn add(&mut self, pid: i32, start_ticks: u64) -> io::Result<()> {
        self.tell(&format!("+ {pid} {start_ticks}"))
    }

    /// Nothing of this leader's group is left.
    ///
    /// # Errors
    ///
    /// The guard is gone.
    pub fn remove(&mut self, pid: i32) -> io::Result<()> {
        self.tell(&format!("- {pid}"))
    }

    fn tell(&mut self, line: &str) -> io::Result<()> {
        let pipe = self.pipe.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        pipe.write_all(format!("{line}\n").as_bytes())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.pipe = None;
        let pid = Pid::from_child(&self.child);
        // It sweeps and ends within moments; an error means that it is gone.
        let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
        kill::remove_leader(self.child.id().cast_signed());
    }
}

/// What the guard knows.
#[derive(Debug, Default)]
struct Watched {
    incarnation: Option<String>,
    /// Start of the leader by group.
    groups: BTreeMap<i32, u64>,
}

impl Watched {
    fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["mark", incarnation] => self.incarnation = Some(incarnation.to_owned()),
            ["+", pid, start_ticks] => {
                if let (Ok(pid), Ok(start_ticks)) = (pid.parse(), start_ticks.parse()) {
                    self.groups.insert(pid, start_ticks);
                }
            }
            ["-", pid] => {
                self.groups.remove(&pid.parse().unwrap_or(0));
            }
            // A torn last line of a worker that was killed while it wrote.
            _ => {}
        }
    }

    fn end_all(&self) {
        for (group, start_ticks) in &self.groups {
            let reused = Process::read(*group).is_some_and(|leader| leader.start_ticks != *start_ticks);
            if !reused {
                kill::kill_group(*group);
            }
        }
        if let Some(incarnation) = &self.incarnation {
            // How many there were interests nobody here.
            let _ = kill::kill_marked(incarnation);
        }
    }
}

/// Runs the guard: returns when the worker is gone and everything that it left has been told to end.
pub fn guard_main() {
    ignore_signals();
    let mut watched = Watched::default();
    for line in io::stdin().lock().lines() {
        match line {
            Ok(line) => watched.note(&line),
            Err(_) => break,
        }
    }
    watched.end_all();
}

/// Whoever stops the worker often signals everything of the same name; the guard stays until the pipe closes.
fn ignore_signals() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: ignoring a signal installs no handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_follows_what_starts_and_ends() {
        let mut watched = Watched::default();
        for line in ["mark abc", "+ 10 100", "+ 11 110", "- 10", "+ 12", "nonsense", ""] {
            watched.note(line);
        }
        assert_eq!(watched.incarnation.as_deref(), Some("abc"));
        assert_eq!(watched.groups, BTreeMap::from([(11, 110)]));
    }
}
