//! `hone` as a person or script starts it, with a data folder of its own.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use super::{Place, binary, process::Running};

/// The longest time that a command which should answer may take.
const ANSWER: Duration = Duration::from_secs(120);

/// What a command has answered.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Standard output, of a command that has to succeed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Standard output as JSON, of a command that has to succeed.
    #[track_caller]
    pub fn json(self) -> Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
    }

    /// Standard error, of a command that has to end with this code.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self.stderr
    }
}

/// How `hone` is started.
#[derive(Clone, Debug)]
pub struct Hone {
    root: PathBuf,
    data: PathBuf,
    variables: Vec<(String, String)>,
}

impl Hone {
    /// With the data folder `data` in this place.
    pub fn new(place: &Place) -> Hone {
        Hone { root: place.root().to_owned(), data: place.path("data"), variables: Vec::new() }
    }

    /// With another data folder.
    pub fn with_data(&self, data: impl AsRef<Path>) -> Hone {
        Hone { data: self.root.join(data), ..self.clone() }
    }

    /// With a further variable.
    pub fn with(&self, name: &str, value: impl ToString) -> Hone {
        let mut other = self.clone();
        other.variables.push((name.to_owned(), value.to_string()));
        other
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The socket of whoever holds the data folder.
    pub fn socket(&self) -> PathBuf {
        self.data.join("coordinator.sock")
    }

    /// The command, to be started by the caller.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(binary::hone());
        self.prepare(&mut command);
        command.args(arguments);
        command
    }

    /// Gives any command the environment of this test.
    pub fn prepare(&self, command: &mut Command) {
        command.env_clear().current_dir(&self.root);
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        command.env("PATH", path).env("HOME", &self.root).env("TMPDIR", self.root.join("tmp")).env("LANG", "C.UTF-8");
        command.env("HONE_DATA", &self.data);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    /// Starts a command that goes on.
    pub fn start<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Running {
        Running::start(self.command(arguments), &self.root)
    }

    /// Runs a command to its end.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Output {
        self.start(arguments).wait(ANSWER)
    }

    /// Starts a coordinator and waits until it answers.
    pub fn serve(&self) -> Running {
        self.serve_with(&["--listen", "127.0.0.1:0"])
    }

    /// The same, with other options.
    pub fn serve_with(&self, options: &[&str]) -> Running {
        let mut coordinator = self.start(&[&["serve"], options].concat());
        self.wait_until_held_by(&mut coordinator);
        coordinator
    }

    /// Waits until this process holds the data folder and says where it listens.
    pub fn wait_until_held_by(&self, coordinator: &mut Running) {
        let path = self.data.join("coordinator.json");
        super::until("the coordinator holds the store", super::wait::LONG, || {
            assert!(coordinator.is_running(), "the coordinator ended\n{}", coordinator.all_output());
            let contact: Value = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
            (contact["pid"] == coordinator.pid()).then_some(())
        });
    }

    /// Starts a worker on this host, in the folder `name` of the place.
    pub fn worker(&self, name: &str, slots: u32) -> Running {
        self.start(&self.worker_arguments(name, slots))
    }

    /// How [`Hone::worker`] is started.
    pub fn worker_arguments(&self, name: &str, slots: u32) -> Vec<String> {
        let folder = self.root.join(name);
        let join = format!("unix:{}", self.socket().display());
        let words = ["worker", "--join", &join, "--name", name, "--cpus", "64", "--slots"];
        let mut arguments: Vec<String> = words.iter().map(ToString::to_string).collect();
        arguments.extend([slots.to_string(), "--folder".to_owned(), folder.display().to_string()]);
        arguments
    }
}
