//! Samplers in a program of their own, driven by JSON lines over its standard input and output.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use hone_search::{Choice, Params, Space};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::drive::{Next, Searcher, Told};
use crate::task::Task;

/// A running program that speaks the protocol.
pub struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    params: BTreeMap<String, Choice>,
    #[serde(default)]
    prune: bool,
    #[serde(default)]
    seconds: f64,
    version: Option<String>,
    unsupported: Option<String>,
    error: Option<String>,
}

impl Program {
    /// Starts a command, split at spaces.
    pub fn open(command: &str) -> Result<Self> {
        let mut words = command.split_whitespace();
        let program = words.next().context("the command is empty")?;
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start `{command}`"))?;
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Self { child, input, output })
    }

    fn say(&mut self, message: &Value) -> Result<Answer> {
        writeln!(self.input, "{message}")?;
        self.input.flush()?;
        let mut line = String::new();
        ensure!(self.output.read_line(&mut line)? > 0, "the sampler's program ended");
        let answer: Answer = serde_json::from_str(&line).with_context(|| format!("the sampler answered `{}`", line.trim()))?;
        match answer.error {
            Some(error) => bail!("the sampler says: {error}"),
            None => Ok(answer),
        }
    }

    /// Asks for the version behind `sampler`, by starting a search.
    pub fn version(&mut self, sampler: &str, task: &Task) -> Result<String> {
        let answer = self.say(&start_message(sampler, task, 1, 1))?;
        answer.version.with_context(|| format!("`{sampler}` did not say its version"))
    }

    /// Starts a search; `None` if the sampler cannot search such a problem.
    pub fn start<'a>(&'a mut self, sampler: &str, task: &'a Task, trials: u32, workers: usize) -> Result<Option<PeerSearch<'a>>> {
        let answer = self.say(&start_message(sampler, task, trials, workers))?;
        let search = PeerSearch { program: self, space: &task.space, seconds: Vec::new() };
        Ok(if answer.unsupported.is_some() { None } else { Some(search) })
    }
}

impl Drop for Program {
    /// Ends the program, which may be in the middle of something.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_message(sampler: &str, task: &Task, trials: u32, workers: usize) -> Value {
    let plan = task.space.plan();
    // Parents before their children.
    let parameters: Vec<_> = plan.order().iter().map(|&index| &task.space.parameters[index]).collect();
    json!({
        "op": "start", "sampler": sampler, "seed": task.seed, "parameters": parameters, "objectives": task.objectives,
        "constraints": task.constraints, "trials": trials, "workers": workers, "epochs": task.epochs,
    })
}

/// A search by a program.
pub struct PeerSearch<'a> {
    program: &'a mut Program,
    space: &'a Space,
    /// How long each suggestion took, as the program measured it.
    pub seconds: Vec<f64>,
}

impl PeerSearch<'_> {
    fn internal(&self, params: &BTreeMap<String, Choice>) -> Result<Params> {
        let internal = |parameter: &hone_search::Parameter| match params.get(&parameter.name) {
            Some(value) => parameter.distribution.to_internal(value).with_context(|| format!("parameter `{}`", parameter.name)),
            None => Ok(f64::NAN),
        };
        self.space.parameters.iter().map(internal).collect()
    }

    /// Tells of trials that the sampler was not asked for.
    pub fn add(&mut self, rows: &[(Params, Vec<f64>)]) -> Result<()> {
        let named = |params: &Params| -> BTreeMap<&str, Choice> {
            let there = self.space.parameters.iter().zip(params).filter(|(_, value)| !value.is_nan());
            there.map(|(parameter, &value)| (parameter.name.as_str(), parameter.distribution.to_external(value))).collect()
        };
        for part in rows.chunks(1_000) {
            let trials: Vec<_> = part.iter().map(|(params, values)| (named(params), values)).collect();
            self.program.say(&json!({ "op": "add", "trials": trials }))?;
        }
        Ok(())
    }
}

impl Searcher for PeerSearch<'_> {
    fn ask(&mut self, number: u32) -> Result<Params> {
        let answer = self.program.say(&json!({ "op": "ask", "trial": number }))?;
        self.seconds.push(answer.seconds);
        self.internal(&answer.params)
    }

    fn report(&mut self, number: u32, step: i64, value: f64) -> Result<Next> {
        let answer = self.program.say(&json!({ "op": "report", "trial": number, "step": step, "value": value }))?;
        Ok(if answer.prune { Next::End } else { Next::GoOn })
    }

    fn tell(&mut self, told: &Told) -> Result<()> {
        let Told { number, values, constraints, is_pruned } = told;
        let message = json!({ "op": "tell", "trial": number, "values": values, "constraints": constraints, "pruned": is_pruned });
        self.program.say(&message).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::ALL;

    /// A program that always says the same, and the script that must outlive its start.
    fn program(answer: &str) -> (Program, tempfile::NamedTempFile) {
        let mut script = tempfile::NamedTempFile::new().expect("a file");
        writeln!(script, "while read -r line; do echo '{answer}'; done").expect("written");
        (Program::open(&format!("sh {}", script.path().display())).expect("started"), script)
    }

    fn branin() -> Task {
        ALL.iter().find(|named| named.name == "branin-2").expect("a function").task(0)
    }

    #[test]
    fn a_program_is_asked_for_points_by_name() {
        let (mut program, _script) = program(r#"{"version":"7","params":{"x1":-2.0,"x0":1}}"#);
        let task = branin();
        assert_eq!(program.version("any", &task).expect("a version"), "7");
        let mut search = program.start("any", &task, 10, 1).expect("started").expect("supported");
        assert_eq!(search.ask(0).expect("a point"), [1.0, -2.0]);
        search.tell(&Told { number: 0, values: vec![1.0], constraints: vec![], is_pruned: false }).expect("told");
    }

    #[test]
    fn what_a_program_cannot_do_is_told_apart_from_errors() {
        let task = branin();
        let (mut refuses, _script) = program(r#"{"unsupported":"too many parameters"}"#);
        assert!(refuses.start("any", &task, 10, 1).expect("an answer").is_none());
        let (mut fails, _script) = program(r#"{"error":"out of luck"}"#);
        let error = fails.start("any", &task, 10, 1).err().expect("an error");
        assert!(error.to_string().contains("out of luck"), "{error}");
        let (mut leaves, _script) = program(r#"{"params":{"x0":99.0,"x1":0.0}}"#);
        let mut search = leaves.start("any", &task, 10, 1).expect("started").expect("supported");
        assert!(search.ask(0).is_err(), "out of bounds");
    }
}
