//! How a process ended, in words that help.

use std::{io, os::unix::process::ExitStatusExt as _, path::Path, process::ExitStatus};

use hone_proto::worker::{Failure, failure::Kind};

use crate::machine::Outcome;

/// What is known about an end beside the exit status.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances {
    /// This worker sent KILL.
    pub killed_by_us: bool,
    /// The kernel ended processes for want of memory meanwhile.
    pub kernel_was_short: bool,
    /// It used more than this many bytes, the limit of its lease, and was ended for it.
    pub over_limit: Option<u64>,
}

/// Classifies an exit status.
#[must_use]
pub fn classify(status: ExitStatus, circumstances: Circumstances, last_errors: &str) -> Outcome {
    if let Some(limit) = circumstances.over_limit {
        let text = format!(
            "it used more than the {} of memory of its lease and was ended; raise `resources.memory` or use less",
            bytes_text(limit)
        );
        return failure(Kind::OutOfMemory, 0, &text, "");
    }
    match (status.code(), status.signal()) {
        (Some(0), _) => Outcome::Success,
        (Some(code), _) => failure(Kind::ExitCode, code, "", last_errors),
        (None, Some(libc::SIGKILL)) if circumstances.kernel_was_short && !circumstances.killed_by_us => {
            let text = "the kernel ended it because the machine ran out of memory; run fewer trials at once here \
                        or give `resources.memory`";
            failure(Kind::OutOfMemory, libc::SIGKILL, text, "")
        }
        (None, signal) => {
            let signal = signal.unwrap_or(0);
            failure(Kind::Signal, signal, signal_name(signal), last_errors)
        }
    }
}

/// Why a command could not be started.
#[must_use]
pub fn spawn_failure(program: &str, folder: &Path, error: &io::Error) -> Outcome {
    let text = if error.kind() != io::ErrorKind::NotFound {
        format!("command `{program}` could not be started: {error}")
    } else if !folder.is_dir() {
        format!("the working directory `{}` does not exist on this worker", folder.display())
    } else if program.contains('/') {
        format!("command `{program}` does not exist on this worker (or its interpreter does not)")
    } else {
        format!(
            "command `{program}` was not found on this worker's PATH; install it there, or let `setup` put it \
             into the source's `bin/`"
        )
    };
    failure(Kind::Spawn, error.raw_os_error().unwrap_or(0), &text, "")
}

/// A failure with the last lines of standard error, where there are any. Its kind and code are not repeated in the text.
#[must_use]
pub fn failure(kind: Kind, code: i32, text: &str, last_errors: &str) -> Outcome {
    let message = match (text, last_errors) {
        (text, "") => text.to_owned(),
        ("", last_errors) => last_errors.to_owned(),
        (text, last_errors) => format!("{text}:\n{last_errors}"),
    };
    Outcome::Failure(Failure { kind: kind.into(), code, message })
}

fn bytes_text(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes < 1_024.0 { format!("{mebibytes:.0} MiB") } else { format!("{:.1} GiB", mebibytes / 1_024.0) }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGABRT => "abort",
        libc::SIGBUS => "bus error",
        libc::SIGFPE => "arithmetic error",
        libc::SIGHUP => "hang-up",
        libc::SIGILL => "illegal instruction",
        libc::SIGINT => "interrupt",
        libc::SIGKILL => "kill",
        libc::SIGPIPE => "broken pipe",
        libc::SIGSEGV => "segmentation fault",
        libc::SIGTERM => "terminate",
        libc::SIGXCPU => "CPU time limit",
        libc::SIGXFSZ => "file size limit",
        _ => "see `kill -l`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_and_text(outcome: Outcome) -> (Kind, String) {
        match outcome {
            Outcome::Failure(failure) => (failure.kind(), failure.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_end_is_classified() {
        let plain = Circumstances::default();
        let short = Circumstances { kernel_was_short: true, ..plain };
        let ours = Circumstances { killed_by_us: true, ..short };
        let over = Circumstances { over_limit: Some(3 << 29), ..plain };
        // wait status as in wait(2): code << 8, or the signal
        let table = [
            (3 << 8, plain, Kind::ExitCode, "boom"),
            (libc::SIGSEGV, plain, Kind::Signal, "segmentation fault"),
            (libc::SIGKILL, plain, Kind::Signal, "kill:\nboom"),
            (libc::SIGKILL, short, Kind::OutOfMemory, "the kernel"),
            (libc::SIGKILL, ours, Kind::Signal, "kill:\nboom"),
            (libc::SIGKILL, over, Kind::OutOfMemory, "1.5 GiB"),
            (0, over, Kind::OutOfMemory, "1.5 GiB"),
        ];
        for (status, circumstances, kind, text) in table {
            let outcome = classify(ExitStatus::from_raw(status), circumstances, "boom");
            let (found, message) = kind_and_text(outcome);
            assert_eq!(found, kind, "{status} {circumstances:?}");
            assert!(message.contains(text), "{message}");
        }
        assert_eq!(classify(ExitStatus::from_raw(0), plain, "boom"), Outcome::Success);
    }

    #[test]
    fn a_failed_start_names_what_is_missing() {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        let text = |program, folder| kind_and_text(spawn_failure(program, Path::new(folder), &missing)).1;
        assert!(text("trainer", "/").starts_with("command `trainer` was not found on this worker's PATH"));
        assert!(text("/opt/x", "/").contains("does not exist"));
        assert!(text("trainer", "/no/such/folder").contains("`/no/such/folder`"));
    }
}
