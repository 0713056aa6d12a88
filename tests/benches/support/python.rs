//! The Python environment of what the benchmarks compare with.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;

/// Installs the peers of `bench/requirements.txt` where they are missing, and tells which Python has them.
///
/// # Errors
/// When Python or one of the packages is not to be had.
pub fn environment(repository: &Path) -> anyhow::Result<PathBuf> {
    let (folder, wanted) = (repository.join(".cache/bench-venv"), repository.join("bench/requirements.txt"));
    let (python, installed) = (folder.join("bin/python"), folder.join("installed.txt"));
    let requirements = std::fs::read(&wanted).with_context(|| format!("cannot read `{}`", wanted.display()))?;
    if std::fs::read(&installed).is_ok_and(|before| before == requirements) {
        return Ok(python);
    }
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&wanted))?;
    std::fs::write(&installed, requirements)?;
    Ok(python)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {command:?}"))?;
    anyhow::ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}
