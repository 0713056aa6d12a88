//! A long-running process of a test: output to files, signals to this one process, killed when dropped.

use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::{
    hone::Output,
    survivors,
    wait::{self, until},
};

/// A started process.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: PathBuf,
    /// Of the test, to find what the process starts.
    place: PathBuf,
}

impl Running {
    /// Starts a command; its output goes to files in `place`.
    pub fn start(mut command: Command, place: &Path) -> Running {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let output = place.join(format!("process-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let file = |end: &str| File::create(output.with_extension(end)).expect("a file for output");
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Running { child, output, place: place.to_owned() }
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub fn stdout(&self) -> String {
        read(&self.output.with_extension("out"))
    }

    pub fn stderr(&self) -> String {
        read(&self.output.with_extension("err"))
    }

    /// Sends a signal to this process alone.
    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: kill touches no memory; the process is a child that has not been waited for.
        unsafe { libc::kill(self.pid(), signal) };
    }

    /// Kills it as a power cut of this process: no handler runs. What it started is not touched.
    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        self.child.wait().expect("the killed process");
    }

    /// Kills a worker with this folder, and waits until every trial that it ran is gone.
    pub fn kill_with_trials(&mut self, folder: &str) {
        let trials = survivors::trials(&self.place.join(folder).join(""));
        self.kill();
        let mut left = trials.clone();
        let gone = wait::within(Duration::from_secs(20), || {
            left.retain(survivors::is_alive);
            left.is_empty()
        });
        assert!(gone, "trials survive their worker: {left:?}");
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the process").is_none()
    }

    /// Waits for the end.
    pub fn wait(&mut self, limit: Duration) -> Output {
        let ended = wait::within(limit, || !self.is_running());
        assert!(ended, "the process does not end within {} s\n{}", limit.as_secs(), self.all_output());
        let status = self.child.wait().expect("the process");
        Output { code: code(status), stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Waits until the process has written a line with this text, and returns that line.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        let what = format!("a line with `{text}`");
        until(&what, wait::LONG, || {
            let all = self.all_output();
            let line = all.lines().find(|line| line.contains(text)).map(str::to_owned);
            assert!(line.is_some() || self.is_running(), "it ended without {what}\n{all}");
            line
        })
    }

    pub fn all_output(&self) -> String {
        format!("{}\n{}", self.stdout(), self.stderr())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal(libc::SIGKILL);
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- process {}\n{}", self.pid(), self.all_output());
        }
    }
}

/// As shells count: 128 and the signal for a killed process.
pub fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn read(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
