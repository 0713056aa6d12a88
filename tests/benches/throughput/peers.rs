//! What else does this work: measured by `bench/peers.py`, in the same run.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use hone_tests::benching::python;
use serde::Deserialize;

/// One figure of another program.
#[derive(Debug, Deserialize)]
pub struct Peer {
    pub name: String,
    pub per_second: f64,
    pub in_flight: u32,
    pub detail: String,
}

/// Installs the peers where they are missing and measures them.
///
/// # Errors
/// When Python or one of the packages is not to be had, or a peer fails.
pub fn measure(repository: &Path, seconds: f64, program: &[&str]) -> anyhow::Result<Vec<Peer>> {
    let python = python::environment(repository)?;
    let mut command = Command::new(python);
    command.arg(repository.join("bench/peers.py")).arg("--seconds").arg(seconds.to_string()).arg("--").args(program);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    anyhow::ensure!(output.status.success(), "bench/peers.py failed: {}", output.status);
    // HyperQueue prints tables of its own in between.
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter(|line| line.starts_with('{')).map(|line| Ok(serde_json::from_str(line)?)).collect()
}
