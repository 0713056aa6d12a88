//! `hone report` and `hone checkpoint`: what a trial says to its worker. Starts no runtime and no coordinator.

use hone_worker::report::{self, ReportError, Verdict};

use crate::{
    args::{CheckpointArgs, ReportArgs},
    errors::{Failure, Kind, Result},
    output::print_line,
};

/// The exit code of a report when the trial should stop early.
pub const PRUNE: u8 = 10;

/// Reports values; answers the exit code.
///
/// # Errors
/// A value that is no number, or a worker that cannot be reached or refuses.
pub fn report(args: &ReportArgs) -> Result<u8> {
    let values = args.values.iter().map(|text| value(text)).collect::<Result<Vec<_>>>()?;
    match report::report(args.step, &values).map_err(failure)? {
        Verdict::Continue => Ok(0),
        Verdict::Prune => {
            print_line("prune")?;
            Ok(PRUNE)
        }
    }
}

/// Says that the checkpoint is complete.
///
/// # Errors
/// The worker cannot be reached or refuses.
pub fn checkpoint(args: &CheckpointArgs) -> Result<()> {
    report::checkpoint(args.step).map_err(failure)
}

fn value(text: &str) -> Result<(String, f64)> {
    let wrong = || Failure::usage(format!("`{text}` is no value")).hint("write for example `loss=0.42`");
    let (name, number) = text.split_once('=').ok_or_else(wrong)?;
    if name.is_empty() {
        return Err(wrong());
    }
    Ok((name.to_owned(), number.trim().parse().map_err(|_| wrong())?))
}

fn failure(error: ReportError) -> Failure {
    let kind = match &error {
        ReportError::Socket { .. } => Kind::Unreachable,
        ReportError::Refused(_) => Kind::Refused,
        ReportError::Answer(_) => Kind::Internal,
    };
    Failure::new(kind, crate::errors::chain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_names_and_numbers() {
        assert_eq!(value("loss=0.5").unwrap(), ("loss".to_owned(), 0.5));
        assert_eq!(value("a.b=-1e-3").unwrap(), ("a.b".to_owned(), -0.001));
        assert!(value("loss=nan").unwrap().1.is_nan());
        assert_eq!(value("loss=inf").unwrap().1, f64::INFINITY);
    }

    #[test]
    fn what_is_no_value_is_wrong_usage() {
        for text in ["loss", "loss=", "=1", "loss=high", "loss=1,5"] {
            assert_eq!(value(text).unwrap_err().kind.exit_code(), 2, "{text}");
        }
    }
}
