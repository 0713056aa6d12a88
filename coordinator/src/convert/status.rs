//! The one table from errors to gRPC statuses: a code, the message, and on a line of its own the way out.
//!
//! | Code | When |
//! |---|---|
//! | `NotFound` | a study, trial or worker is not there |
//! | `AlreadyExists` | the name is taken |
//! | `InvalidArgument` | a file, parameter, selector or message is malformed |
//! | `FailedPrecondition` | not in this state, or the budget is used up |
//! | `ResourceExhausted` | no room on the disk, or too much at once |
//! | `Aborted` | the sender has to send again from an earlier point |
//! | `Unavailable` | the store takes nothing at the moment |
//! | `DataLoss` | what is stored is damaged |

use hone_data::BlobError;
use hone_studies::{
    Reject,
    dataset::DatasetReject,
    file::{Diagnostic, render},
    label::LabelReject,
};
use tonic::{Code, Status};

use super::{
    client::{SelectError, ValueProblem},
    journal::DecodeError,
    worker::WireError,
};
use crate::{
    actor::Refusal,
    journal::JournalError,
    security::{PassError, SecurityError, TokenError},
};

/// What precedes the way out in a status's message.
pub const HINT: &str = "\nhint: ";

/// Messages travel as a header, three bytes for one at worst; clients take 16 KiB of headers.
const MAX_MESSAGE_BYTES: usize = 4_096;

/// Builds a status: the message, and the hint on its own line.
pub fn status(code: Code, message: impl Into<String>, hint: Option<String>) -> Status {
    let mut message = message.into();
    if message.len() > MAX_MESSAGE_BYTES {
        let end = (0..=MAX_MESSAGE_BYTES).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
        message.truncate(end);
        message.push_str(" …");
    }
    if let Some(hint) = hint.filter(|hint| !hint.is_empty()) {
        message.push_str(HINT);
        message.push_str(&hint);
    }
    Status::new(code, message)
}

/// Writes a refusal of the core.
pub fn from_reject(reject: &Reject) -> Status {
    let (code, message, hint) = match reject {
        Reject::NoSuchStudy(_) => (Code::NotFound, reject.to_string(), "`hone study ls` lists them".to_owned()),
        Reject::NoSuchTrial(_) => (Code::NotFound, reject.to_string(), "`hone trial ls` lists them".to_owned()),
        Reject::NoSuchWorker(_) => (Code::NotFound, reject.to_string(), "`hone worker ls` lists them".to_owned()),
        Reject::StudyExists { name, .. } => (
            Code::AlreadyExists,
            format!("a study `{name}` exists already"),
            "choose another name, or use `--fork NAME`".to_owned(),
        ),
        Reject::WrongStudyState { state, action, hint } => {
            (Code::FailedPrecondition, format!("the study is {state}: {action} is not possible"), hint.clone())
        }
        Reject::WrongTrialState { number, state, action, hint } => {
            (Code::FailedPrecondition, format!("trial {number} is {state}: {action} is not possible"), hint.clone())
        }
        Reject::NotChangeable(_) => (Code::FailedPrecondition, reject.to_string(), "`--fork NAME` makes a new study".to_owned()),
        Reject::WarmStart(problems) => {
            let hint = problems.first().map(|problem| problem.hint.clone()).unwrap_or_default();
            (Code::InvalidArgument, reject.to_string(), hint)
        }
        Reject::BadParameters(_) => (Code::InvalidArgument, reject.to_string(), String::new()),
        Reject::BudgetUsed { max_trials } => (
            Code::FailedPrecondition,
            format!("the budget of {max_trials} trials is used up"),
            "raise it with `hone study set NAME max_trials=N`".to_owned(),
        ),
        Reject::Dataset(reject) => return from_dataset_reject(reject),
        Reject::Label(reject) => return from_label_reject(reject),
        Reject::OutOfOrder { .. }
        | Reject::ImportGap { .. }
        | Reject::OldStream(_)
        | Reject::StaleProposal { .. }
        | Reject::StaleAttempt { .. } => (Code::Aborted, reject.to_string(), String::new()),
    };
    status(code, message, Some(hint))
}

/// Writes a refusal about datasets.
pub fn from_dataset_reject(reject: &DatasetReject) -> Status {
    let (code, hint) = match reject {
        DatasetReject::NoSuchDataset { nearest: Some(nearest), .. } => (Code::NotFound, format!("did you mean `{nearest}`?")),
        DatasetReject::NoSuchDataset { nearest: None, .. } => (Code::NotFound, "`hone dataset ls` lists them".to_owned()),
        DatasetReject::NoSuchVersion { name, .. } => (Code::NotFound, format!("`hone dataset ls {name}` lists its versions")),
        DatasetReject::BadName(_) => (Code::InvalidArgument, "choose a name such as `digits-2024`".to_owned()),
        DatasetReject::NamedBy { forceable: true, .. } => {
            (Code::FailedPrecondition, "remove them first, or use `--force`".to_owned())
        }
        DatasetReject::NamedBy { by, .. } if by.iter().any(|by| by.starts_with("user `")) => {
            (Code::FailedPrecondition, "remove what names it first; `hone dataset unpin` lets go of a user's pin".to_owned())
        }
        DatasetReject::NamedBy { .. } => (Code::FailedPrecondition, "remove what names it first".to_owned()),
        DatasetReject::NoLabels(_) => (Code::FailedPrecondition, "read the labels again, and add again".to_owned()),
        DatasetReject::Overtaken { .. } => (Code::Aborted, "look at the newest version, and add again".to_owned()),
    };
    status(code, reject.to_string(), Some(hint))
}

/// Writes a refusal about labels.
fn from_label_reject(reject: &LabelReject) -> Status {
    let (code, hint) = match reject {
        LabelReject::NoSuchProject(_) => (Code::NotFound, "`hone label ls` lists them"),
        LabelReject::NoSuchRequest(_) | LabelReject::NoSuchAnswer { .. } => (Code::NotFound, "`hone label requests` lists them"),
        LabelReject::NoSuchAnnotator(_) => (Code::NotFound, "`hone label annotators` lists them"),
        LabelReject::ProjectExists(_) => (Code::AlreadyExists, "choose another name, or change it with `hone label set`"),
        LabelReject::WrongState { state: "withdrawn", .. } => {
            (Code::FailedPrecondition, "`hone label ask` asks for its sample again")
        }
        LabelReject::WrongState { .. } => (Code::FailedPrecondition, "`hone label reopen` asks for another answer"),
        LabelReject::Taken { .. } => (Code::FailedPrecondition, "`hone label next` gives the next one"),
        LabelReject::NotChangeable(_) => (Code::FailedPrecondition, "a project of another name can be what you like"),
        LabelReject::Closed(_) => (Code::FailedPrecondition, "`hone label set NAME --state open` opens it again"),
        LabelReject::HasAnswers { .. } => (Code::FailedPrecondition, "export them first, or use `--force`"),
        LabelReject::BadLabel => (Code::InvalidArgument, "`hone label show` tells the form of its labels"),
        LabelReject::BadName => (Code::InvalidArgument, "such as `--as ada`"),
        LabelReject::BadSample { .. } => (Code::InvalidArgument, "`--key` names the column with the names of samples"),
    };
    status(code, reject.to_string(), Some(hint.to_owned()))
}

/// Writes why a selector found nothing.
pub fn from_select(error: &SelectError) -> Status {
    let code = match error {
        SelectError::Empty { .. }
        | SelectError::Unknown { .. }
        | SelectError::NoSuchTrial { .. }
        | SelectError::NoneComplete { .. } => Code::NotFound,
        SelectError::Ambiguous { .. } | SelectError::NotATrial(_) => Code::InvalidArgument,
    };
    status(code, error.to_string(), error.hint())
}

/// Writes the mistakes of a study file, each with its place in `text`; hints stand with their mistakes.
pub fn from_diagnostics(diagnostics: &[Diagnostic], text: &str) -> Status {
    status(Code::InvalidArgument, render(diagnostics, text), None)
}

/// Writes parameters that cannot be used: all of them, with the first hint.
pub fn from_values(problems: &[ValueProblem]) -> Status {
    let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let hint = problems.iter().find_map(|problem| problem.hint.clone());
    status(Code::InvalidArgument, messages.join("\n"), hint)
}

/// Writes changes that were refused, one sentence each.
pub fn from_refusals(sentences: &[String]) -> Status {
    status(Code::InvalidArgument, sentences.join("\n"), None)
}

/// Writes what is wrong with a worker's message.
pub fn from_wire(error: &WireError) -> Status {
    let code = match error {
        WireError::Field { .. } => Code::InvalidArgument,
        WireError::Protocol { .. } => Code::FailedPrecondition,
    };
    status(code, error.to_string(), None)
}

/// Writes a failure of the journal. What the caller may do differs: wait, call the operator, or restore.
pub fn from_journal(error: &JournalError) -> Status {
    let code = match error {
        JournalError::Full { .. } => Code::ResourceExhausted,
        JournalError::Io { .. }
        | JournalError::SyncFailed { .. }
        | JournalError::Unwritable { .. }
        | JournalError::Poisoned { .. }
        | JournalError::Held { .. } => Code::Unavailable,
        JournalError::Corrupt { .. } | JournalError::Rejected { .. } => Code::DataLoss,
        JournalError::NewerFormat { .. } | JournalError::NotEmpty { .. } | JournalError::NotABackup { .. } => {
            Code::FailedPrecondition
        }
        JournalError::PayloadTooLarge { .. } | JournalError::CommitTooLarge { .. } => Code::ResourceExhausted,
        JournalError::Dropped { .. } | JournalError::BeyondHead { .. } => Code::OutOfRange,
    };
    split(code, &error.to_string())
}

/// Errors of the stores say the way out after a semicolon.
fn split(code: Code, message: &str) -> Status {
    match message.split_once("; ") {
        Some((what, hint)) => status(code, what, Some(hint.to_owned())),
        None => status(code, message, None),
    }
}

/// Writes a failure of the blob store.
pub fn from_blob(error: &BlobError) -> Status {
    let code = match error {
        BlobError::TooLarge { .. } | BlobError::Mismatch { .. } => Code::InvalidArgument,
        BlobError::Full { .. } => Code::ResourceExhausted,
        BlobError::Io { .. } => Code::Unavailable,
        BlobError::Missing { .. } => Code::NotFound,
    };
    split(code, &error.to_string())
}

/// Writes why stored bytes are no event.
pub fn from_decode(error: &DecodeError) -> Status {
    match error {
        DecodeError::UnknownKind { .. } => Status::failed_precondition(error.to_string()),
        DecodeError::Spilled(_)
        | DecodeError::Missing(_)
        | DecodeError::Malformed { .. }
        | DecodeError::Spec(_)
        | DecodeError::Skills(_)
        | DecodeError::Message(_) => Status::data_loss(error.to_string()),
    }
}

/// Writes why the writer gave no answer.
pub fn from_refusal(refusal: &Refusal) -> Status {
    match refusal {
        Refusal::Reject(reject) => from_reject(reject),
        Refusal::Full(message) => split(Code::ResourceExhausted, message),
        Refusal::Failed(message) => Status::unavailable(message.clone()),
        Refusal::Stopping => Status::unavailable(refusal.to_string()),
    }
}

impl From<SecurityError> for Status {
    fn from(error: SecurityError) -> Status {
        let code = match &error {
            SecurityError::Token(TokenError::TooMany) | SecurityError::Pass(PassError::TooMany) => Code::ResourceExhausted,
            SecurityError::Pass(PassError::Unknown | PassError::Expired | PassError::Used | PassError::SessionOver) => {
                Code::Unauthenticated
            }
            SecurityError::Token(TokenError::BadLife)
            | SecurityError::Pass(PassError::BadLife)
            | SecurityError::Request(_)
            | SecurityError::BadName { .. } => Code::InvalidArgument,
            SecurityError::Token(TokenError::Malformed | TokenError::Unknown | TokenError::Expired) => Code::Unauthenticated,
            SecurityError::Io { .. }
            | SecurityError::Exposed { .. }
            | SecurityError::KeyLost { .. }
            | SecurityError::Damaged { .. }
            | SecurityError::Certificate(_)
            | SecurityError::Tls(_)
            | SecurityError::OwnCertificate { .. }
            | SecurityError::NoRandomness => Code::Unavailable,
        };
        split(code, &error.to_string())
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
