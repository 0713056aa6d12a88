//! What goes wrong, as data: a kind, a sentence and ways out. The only place that knows exit codes.

use std::{fmt, io, path::Path};

use tonic::{Code, Status};

/// What a command answers.
pub type Result<T> = std::result::Result<T, Failure>;

/// What a failure means to the caller; each kind has one exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Hone itself failed.
    Internal,
    /// The command line or a study file is wrong.
    Usage,
    /// No study, trial or worker of that name.
    NotFound,
    /// It exists, but its state does not allow this.
    Refused,
    /// The study ended and no trial was successful.
    NoResult,
    /// The coordinator cannot be reached.
    Unreachable,
    /// The coordinator knows the caller not, or not well enough.
    Permission,
    /// The store is damaged, full, or not to be written.
    Storage,
    /// The user stopped it.
    Interrupted,
    /// Whoever read the output has closed it: nothing to complain about.
    OutputClosed,
}

impl Kind {
    /// Returns the exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::NoResult => 5,
            Self::Unreachable => 6,
            Self::Permission => 7,
            Self::Storage => 74,
            Self::Interrupted => 130,
        }
    }
}

/// The exit codes, for help texts.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  hone failed
    2  wrong usage, or a mistake in a study file
    3  no such study, trial or worker
    4  refused in the present state
    5  the study ended without a successful trial
    6  the coordinator cannot be reached
    7  not permitted
   10  `hone report`: the trial should stop early
   74  the store is damaged, full or not writable
  130  interrupted";

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: Kind,
    /// One sentence, lower case; may have more lines where it shows a file.
    pub message: String,
    /// What the user can do, one thing each.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// The command line or a file on it is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Adds a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says first what was being done.
    #[must_use]
    pub fn within(mut self, doing: &str) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// What the operating system said when it should do something with a file.
    pub fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => Kind::Usage,
            io::ErrorKind::PermissionDenied => Kind::Permission,
            io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::QuotaExceeded => Kind::Storage,
            _ => Kind::Internal,
        };
        Self::new(kind, format!("cannot {doing} `{}`: {error}", path.display()))
    }

    /// What went wrong with standard output.
    pub fn output(error: &io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { Kind::OutputClosed } else { Kind::Internal };
        Self::new(kind, format!("cannot write the output: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

/// Writes an error with what caused it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        // Some libraries repeat the cause in their own message.
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}

/// Lines of a status message that start like this are ways out.
const HINT: &str = "hint: ";

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let mut failure = Self::new(kind_of(status.code()), String::new());
        let mut lines: Vec<&str> = status.message().lines().collect();
        // Only the last ones: a hint in the middle belongs to the mistake above it.
        while let Some(hint) = lines.last().and_then(|line| line.strip_prefix(HINT)) {
            failure.hints.insert(0, hint.to_owned());
            lines.pop();
        }
        failure.message = lines.join("\n").trim_end().to_owned();
        if failure.message.is_empty() {
            failure.message = format!("the coordinator answered `{:?}`", status.code());
        }
        failure
    }
}

/// The one table from what a coordinator answers to what it means here.
fn kind_of(code: Code) -> Kind {
    match code {
        Code::InvalidArgument | Code::OutOfRange => Kind::Usage,
        Code::NotFound => Kind::NotFound,
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => Kind::Refused,
        Code::Unavailable | Code::DeadlineExceeded => Kind::Unreachable,
        Code::PermissionDenied | Code::Unauthenticated => Kind::Permission,
        Code::DataLoss | Code::ResourceExhausted => Kind::Storage,
        Code::Ok | Code::Cancelled | Code::Unknown | Code::Unimplemented | Code::Internal => Kind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_exit_code() {
        let table = [
            (Code::InvalidArgument, 2),
            (Code::OutOfRange, 2),
            (Code::NotFound, 3),
            (Code::AlreadyExists, 4),
            (Code::FailedPrecondition, 4),
            (Code::Aborted, 4),
            (Code::Unavailable, 6),
            (Code::DeadlineExceeded, 6),
            (Code::PermissionDenied, 7),
            (Code::Unauthenticated, 7),
            (Code::DataLoss, 74),
            (Code::ResourceExhausted, 74),
            (Code::Internal, 1),
            (Code::Unknown, 1),
            (Code::Unimplemented, 1),
            (Code::Cancelled, 1),
        ];
        for (code, exit) in table {
            assert_eq!(Failure::from(Status::new(code, "x")).kind.exit_code(), exit, "{code:?}");
        }
    }

    #[test]
    fn exit_codes_are_documented() {
        let kinds = [
            Kind::Internal,
            Kind::Usage,
            Kind::NotFound,
            Kind::Refused,
            Kind::NoResult,
            Kind::Unreachable,
            Kind::Permission,
            Kind::Storage,
            Kind::Interrupted,
            Kind::OutputClosed,
        ];
        for kind in kinds {
            let code = kind.exit_code().to_string();
            assert!(EXIT_CODES.lines().any(|line| line.trim_start().starts_with(&format!("{code} "))), "{kind:?}");
        }
    }

    #[test]
    fn hints_of_the_coordinator_are_told_apart_from_its_message() {
        let status = Status::not_found("no study `digit`\nhint: did you mean `digits`?\nhint: `hone study ls` lists them");
        let failure = Failure::from(status);
        assert_eq!(failure.message, "no study `digit`");
        assert_eq!(failure.hints, ["did you mean `digits`?", "`hone study ls` lists them"]);
        assert_eq!(failure.to_string(), "no study `digit`\nhint: did you mean `digits`?\nhint: `hone study ls` lists them");
    }

    #[test]
    fn a_hint_between_mistakes_stays_with_its_mistake() {
        let failure = Failure::from(Status::invalid_argument("first\nhint: a\n\nsecond\nhint: b"));
        assert_eq!((failure.message.as_str(), failure.hints.len()), ("first\nhint: a\n\nsecond", 1));
    }

    #[test]
    fn a_status_without_words_still_says_something() {
        assert_eq!(Failure::from(Status::aborted("")).message, "the coordinator answered `Aborted`");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::output(&io::ErrorKind::BrokenPipe.into());
        assert_eq!(failure.kind.exit_code(), 0);
    }
}
