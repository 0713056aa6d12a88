//! Runs the `setup` of a study in its unpacked source.

use std::{io, path::Path, process::ExitStatus, sync::Arc, time::Duration};

use hone_proto::worker::Program;
use tokio::time::timeout;

use crate::{
    host::Host,
    ledger::MARK,
    machine::Outcome,
    process::{
        environment, kill,
        log::Log,
        outcome,
        spawn::{self, Launch},
    },
    source::SourceFailure,
    template::Values,
    trial::{copy_output, finish_copies},
};

/// What `setup` may write before its middle is left out.
const LOG_BYTES: u64 = 8 << 20;
/// Without a limit of the study.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Runs `setup` to its end. Nothing that it started is left afterwards.
///
/// # Errors
///
/// [`SourceFailure`] when it cannot be started, takes too long or fails.
pub async fn run_setup(host: &Arc<Host>, program: &Program, tree: &Path, log: &Path) -> Result<(), SourceFailure> {
    let values = Values::of_study(program).with("source", &tree.to_string_lossy());
    let filled: Result<Vec<String>, _> = program.setup.iter().map(|part| values.fill(part)).collect();
    let filled = filled.map_err(|error| SourceFailure::new(format!("`setup`: {error}")))?;
    let [name, arguments @ ..] = filled.as_slice() else { return Ok(()) };
    let mark = format!("{}:setup:", host.incarnation());
    let mut environment = environment::base(program, &values, Some(tree), host.hone_folder.as_deref());
    environment.insert(MARK.into(), mark.clone().into());
    environment.insert("HONE_SOURCE".into(), tree.into());
    let arguments = arguments.iter().map(Into::into).collect();
    let launch = Launch { program: name.into(), arguments, environment, folder: tree.to_owned() };
    let (mut leader, pipes) = spawn::spawn(launch).await.map_err(|error| refused(name, tree, &error))?;
    let pid = leader.pid();
    host.guard(pid, leader.start_ticks());
    let written = Arc::new(Log::new(log, LOG_BYTES));
    let copies = copy_output(pipes, &written, None);
    let limit = u64::try_from(program.setup_timeout_us).ok().filter(|limit| *limit > 0);
    let ended = timeout(limit.map_or(FOR_EVER, Duration::from_micros), leader.wait()).await;
    if ended.is_err() {
        kill::kill_group(pid);
        // It is killed; how it ended is of no interest.
        let _ = leader.wait().await;
    }
    kill::sweep(pid, &mark).await;
    host.unguard(pid);
    finish_copies(copies).await;
    let log = written.finish_in_file().ok().flatten();
    judge(ended.ok(), limit, &written.last_errors()).map_err(|failure| SourceFailure { log, ..failure })
}

fn judge(ended: Option<io::Result<ExitStatus>>, limit_us: Option<u64>, last: &str) -> Result<(), SourceFailure> {
    let status = match ended {
        None => {
            let seconds = limit_us.unwrap_or(0) / 1_000_000;
            return Err(SourceFailure::new(format!("`setup` ran longer than its timeout of {seconds} s and was ended")));
        }
        Some(Err(error)) => return Err(SourceFailure::new(format!("the end of `setup` is not known: {error}"))),
        Some(Ok(status)) => status,
    };
    match outcome::classify(status, outcome::Circumstances::default(), last) {
        Outcome::Success => Ok(()),
        Outcome::Failure(failure) => {
            let message = format!("`setup` failed: {}", failure.message);
            Err(SourceFailure { code: failure.code, ..SourceFailure::new(message) })
        }
        Outcome::Unstarted => Err(SourceFailure::new("`setup` was stopped")),
    }
}

fn refused(name: &str, tree: &Path, error: &io::Error) -> SourceFailure {
    match outcome::spawn_failure(name, tree, error) {
        Outcome::Failure(failure) => SourceFailure::new(format!("`setup`: {}", failure.message)),
        Outcome::Success | Outcome::Unstarted => SourceFailure::new("`setup` could not be started"),
    }
}
