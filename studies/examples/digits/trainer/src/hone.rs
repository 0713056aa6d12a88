//! What a trial has to know about Hone: a few environment variables and JSON lines over a Unix socket.
//!
//! ```text
//! → {"op":"report","step":3,"metrics":{"val_accuracy":0.93}}     ← {"ok":true,"prune":false}
//! → {"op":"checkpoint"}                                          ← {"ok":true}
//!                                                                ← {"ok":false,"error":"…"}
//! ```
//!
//! Without Hone the same calls print.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

/// The worker, as the trial sees it.
pub struct Hone {
    /// `None` when started by hand.
    connection: Option<BufReader<UnixStream>>,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    prune: bool,
    #[serde(default)]
    error: String,
}

impl Hone {
    /// Connects to `HONE_SOCKET`, if there is one.
    ///
    /// # Errors
    /// The socket exists and does not answer.
    pub fn connect() -> Result<Hone> {
        let Some(path) = variable("HONE_SOCKET") else {
            return Ok(Hone { connection: None });
        };
        let stream = UnixStream::connect(&path).with_context(|| format!("cannot connect to HONE_SOCKET `{path}`"))?;
        Ok(Hone { connection: Some(BufReader::new(stream)) })
    }

    /// Reports values of one step and returns whether to stop here.
    ///
    /// # Errors
    /// The worker refuses them or is gone.
    pub fn report(&mut self, step: u64, metrics: &[(&str, f64)]) -> Result<bool> {
        if self.connection.is_none() {
            let values: Vec<String> = metrics.iter().map(|(name, value)| format!("{name}={value:.5}")).collect();
            println!("epoch {step} {}", values.join(" "));
            return Ok(false);
        }
        let metrics: serde_json::Map<String, Value> =
            metrics.iter().map(|(name, value)| ((*name).to_owned(), number(*value))).collect();
        Ok(self.ask(&json!({ "op": "report", "step": step, "metrics": metrics }))?.prune)
    }

    /// Says that `HONE_CHECKPOINT` holds a complete checkpoint.
    ///
    /// # Errors
    /// The worker refuses it or is gone.
    pub fn checkpoint(&mut self) -> Result<()> {
        if self.connection.is_some() {
            self.ask(&json!({ "op": "checkpoint" }))?;
        }
        Ok(())
    }

    fn ask(&mut self, message: &Value) -> Result<Answer> {
        let connection = self.connection.as_mut().context("there is no worker to ask")?;
        connection.get_mut().write_all(format!("{message}\n").as_bytes()).context("cannot reach the worker")?;
        let mut line = String::new();
        if connection.read_line(&mut line).context("cannot reach the worker")? == 0 {
            bail!("the worker closed the connection");
        }
        let answer: Answer =
            serde_json::from_str(&line).with_context(|| format!("the worker answered `{}`", line.trim()))?;
        if !answer.ok {
            bail!("the worker refused `{message}`: {}", answer.error);
        }
        Ok(answer)
    }
}

/// JSON has no word for numbers that are not finite: they travel as "nan", "inf" and "-inf".
fn number(value: f64) -> Value {
    match value {
        value if value.is_nan() => json!("nan"),
        f64::INFINITY => json!("inf"),
        f64::NEG_INFINITY => json!("-inf"),
        value => json!(value),
    }
}

/// The parameters, a JSON object.
pub fn params() -> Option<String> {
    variable("HONE_PARAMS")
}

/// Number of the trial.
///
/// # Errors
/// `HONE_TRIAL` is no number.
pub fn trial() -> Result<u64> {
    let text = variable("HONE_TRIAL").unwrap_or_else(|| "0".to_owned());
    text.parse().with_context(|| format!("HONE_TRIAL `{text}` is no number"))
}

/// Folder whose files are kept.
pub fn output() -> Option<PathBuf> {
    variable("HONE_OUTPUT").map(PathBuf::from)
}

/// Folder for checkpoints; may already hold one.
pub fn checkpoints() -> Option<PathBuf> {
    variable("HONE_CHECKPOINT").map(PathBuf::from)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that gives these answers in turn; returns what it was told.
    fn with_worker(answers: &'static str, act: impl FnOnce(&mut Hone)) -> String {
        let (here, there) = UnixStream::pair().unwrap();
        let worker = std::thread::spawn(move || {
            let mut lines = BufReader::new(there.try_clone().unwrap());
            let mut told = String::new();
            for answer in answers.lines() {
                lines.read_line(&mut told).unwrap();
                (&there).write_all(format!("{answer}\n").as_bytes()).unwrap();
            }
            told
        });
        act(&mut Hone { connection: Some(BufReader::new(here)) });
        worker.join().unwrap()
    }

    #[test]
    fn a_report_carries_its_values_and_brings_back_the_verdict() {
        let told = with_worker("{\"ok\":true,\"prune\":false}\n{\"ok\":true,\"prune\":true}", |hone| {
            assert!(!hone.report(3, &[("val_accuracy", 0.93)]).unwrap());
            assert!(hone.report(4, &[("val_loss", f64::NAN), ("x", f64::NEG_INFINITY)]).unwrap());
        });
        let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0], json!({ "op": "report", "step": 3, "metrics": { "val_accuracy": 0.93 } }));
        assert_eq!(lines[1], json!({ "op": "report", "step": 4, "metrics": { "val_loss": "nan", "x": "-inf" } }));
    }

    #[test]
    fn a_checkpoint_is_announced() {
        let told = with_worker(r#"{"ok":true}"#, |hone| hone.checkpoint().unwrap());
        assert_eq!(told, "{\"op\":\"checkpoint\"}\n");
    }

    #[test]
    fn a_refusal_and_a_silent_worker_are_errors() {
        with_worker("{\"ok\":false,\"error\":\"no such metric\"}", |hone| {
            assert!(hone.report(1, &[("x", 1.0)]).unwrap_err().to_string().ends_with("no such metric"));
            assert!(hone.checkpoint().is_err());
        });
    }
}
