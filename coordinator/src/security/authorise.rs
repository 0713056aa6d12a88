//! The one table of who may call what. A path that is not in it is refused.
//!
//! | who \ what | anyone | joiner | worker | worker or client | client |
//! |---|---|---|---|---|---|
//! | nobody known | yes | yes | – | – | – |
//! | a worker's certificate | yes | yes | yes | yes | – |
//! | the client token, over TLS | yes | yes | – | yes | yes |
//! | the client token, on this host | yes | yes | yes | yes | yes |
//! | the coordinator's own user, over the Unix socket | yes | yes | yes | yes | yes |
//! | anybody, where the operator asked for `--insecure` | yes | yes | yes | yes | yes |
//!
//! A joiner's credential is in its message: the gatekeeper checks it. A wrong token is refused even where none is needed
//! beside a certificate.

use tonic::{Code, Status};

use super::{Peer, PeerKind, Secret};
use crate::convert::status::status;

/// Who may make a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Needs no credential: tells nothing and changes nothing.
    Anyone,
    /// The message carries a join token.
    Joiner,
    /// A worker's session.
    Worker,
    /// Blobs.
    WorkerOrClient,
    /// Everything that users do.
    Client,
}

/// Who makes a call that was let through. An extension of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The other end of the connection.
    pub peer: Peer,
    /// The worker whose certificate was shown.
    pub worker: Option<u64>,
    /// May do what users do.
    pub client: bool,
}

/// A call that was not let through.
#[derive(Clone, Debug)]
pub struct Denied {
    /// What the caller is told.
    pub status: Status,
    /// A wrong credential was shown, as in guessing.
    pub guessed: bool,
}

/// Who may call this path (`/package.Service/Method`); `None`: nobody.
pub fn access_of(path: &str) -> Option<Access> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    match service {
        "hone.worker.v1.WorkerService" => worker_access(method),
        "hone.v1.BlobService" => match method {
            "PutBlob" | "GetBlob" | "MissingBlobs" => Some(Access::WorkerOrClient),
            _ => None,
        },
        "hone.v1.StudyService"
        | "hone.v1.TrialService"
        | "hone.v1.FleetService"
        | "hone.v1.StoreService"
        | "hone.v1.ClientService"
        | "hone.v1.SamplerService"
        | "hone.v1.DatasetService"
        | "hone.v1.LabelService" => CLIENT_METHODS.contains(&method).then_some(Access::Client),
        "optuna.StorageService" => OPTUNA_METHODS.contains(&method).then_some(Access::Client),
        "grpc.health.v1.Health" => Some(Access::Anyone),
        "grpc.reflection.v1.ServerReflection" | "grpc.reflection.v1alpha.ServerReflection" => Some(Access::Client),
        _ => None,
    }
}

fn worker_access(method: &str) -> Option<Access> {
    match method {
        "Authority" => Some(Access::Anyone),
        "Join" => Some(Access::Joiner),
        "Attach" => Some(Access::Worker),
        _ => None,
    }
}

/// Methods of the services that users speak to. A new one is closed until it stands here.
const CLIENT_METHODS: &[&str] = &[
    "CreateStudy",
    "ListStudies",
    "GetStudy",
    "WatchStudy",
    "SetStudy",
    "MoveStudy",
    "RemoveStudy",
    "BestTrials",
    "ExplainStudy",
    "PreviewStudy",
    "ListTrials",
    "StreamTrials",
    "GetTrial",
    "ExplainTrial",
    "EnqueueTrial",
    "ImportTrials",
    "RetryTrial",
    "CancelTrial",
    "PauseTrial",
    "ResumeTrial",
    "AnnotateTrial",
    "TrialLog",
    "ListWorkers",
    "GetWorker",
    "SetWorker",
    "GetStore",
    "VerifyStore",
    "BackupStore",
    "ExportEvents",
    "CompactStore",
    "CreateJoinToken",
    "Stay",
    "OpenStudy",
    "Ask",
    "SuggestParameter",
    "Report",
    "Tell",
    "GiveBack",
    "Renew",
    "SetAttributes",
    "GetAttributes",
    "Propose",
    "Judge",
    "AddDataset",
    "ListDatasets",
    "GetDataset",
    "RemoveDataset",
    "PinDataset",
    "VerifyDataset",
    "DiffDatasets",
    "ReadDataset",
    "CreateLabelProject",
    "ListLabelProjects",
    "GetLabelProject",
    "SetLabelProject",
    "RemoveLabelProject",
    "AskLabels",
    "RescoreLabels",
    "ChooseSamples",
    "RateSamples",
    "ListLabels",
    "GetLabel",
    "NextLabel",
    "RenewLabels",
    "SubmitLabel",
    "SkipLabel",
    "ReleaseLabel",
    "UndoLabel",
    "ResolveLabel",
    "WithdrawLabels",
    "ReopenLabel",
    "WithdrawAnswer",
    "ListAnnotators",
    "ReportLabels",
    "InviteAnnotator",
    "ListPasses",
    "RevokePasses",
    "SyncLabels",
];

/// Optuna's storage protocol. Its clients know no credentials; who forwards their calls does.
const OPTUNA_METHODS: &[&str] = &[
    "CreateNewStudy",
    "DeleteStudy",
    "SetStudyUserAttribute",
    "SetStudySystemAttribute",
    "GetStudyIdFromName",
    "GetStudyNameFromId",
    "GetStudyDirections",
    "GetStudyUserAttributes",
    "GetStudySystemAttributes",
    "GetAllStudies",
    "CreateNewTrial",
    "SetTrialParameter",
    "GetTrialIdFromStudyIdTrialNumber",
    "SetTrialStateValues",
    "SetTrialIntermediateValue",
    "SetTrialUserAttribute",
    "SetTrialSystemAttribute",
    "GetTrial",
    "GetTrials",
];

/// Decides on one call: its path, who is at the other end, and what stands in its `authorization` header.
///
/// # Errors
/// `Unauthenticated` where a credential is missing or wrong, `PermissionDenied` where a good one does not suffice.
pub fn authorise(path: &str, peer: Option<&Peer>, header: Option<&str>, token: &Secret) -> Result<Caller, Denied> {
    let Some(peer) = peer.copied() else {
        return Err(denied(Code::Unauthenticated, "nobody knows who is at the other end of this connection", ""));
    };
    let Some(access) = access_of(path) else {
        return Err(denied(
            Code::PermissionDenied,
            format!("the call `{path}` is not open to anybody"),
            "upgrade the coordinator",
        ));
    };
    let caller = caller(peer, header, token, access)?;
    let on_this_host = !matches!(peer.kind, PeerKind::Tls { .. });
    let allowed = match access {
        Access::Anyone | Access::Joiner => true,
        Access::Worker => caller.worker.is_some() || (caller.client && on_this_host),
        Access::WorkerOrClient => caller.worker.is_some() || caller.client,
        Access::Client => caller.client,
    };
    if allowed { Ok(caller) } else { Err(insufficient(access, &caller)) }
}

/// What the credentials of a call prove.
fn caller(peer: Peer, header: Option<&str>, token: &Secret, access: Access) -> Result<Caller, Denied> {
    let needs_none = matches!(access, Access::Anyone | Access::Joiner);
    Ok(match peer.kind {
        PeerKind::Local { .. } | PeerKind::Insecure => Caller { peer, worker: None, client: true },
        PeerKind::Loopback | PeerKind::Tls { .. } if needs_none => Caller { peer, worker: worker_of(peer), client: false },
        PeerKind::Loopback | PeerKind::Tls { .. } => {
            let client = header.map(|header| check_bearer(header, token)).transpose()?.is_some();
            Caller { peer, worker: worker_of(peer), client }
        }
    })
}

fn worker_of(peer: Peer) -> Option<u64> {
    match peer.kind {
        PeerKind::Tls { worker } => worker,
        PeerKind::Local { .. } | PeerKind::Loopback | PeerKind::Insecure => None,
    }
}

fn check_bearer(header: &str, token: &Secret) -> Result<(), Denied> {
    let given = header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("bearer "));
    match given {
        Some(given) if token.matches(given.trim()) => Ok(()),
        _ => {
            let hint = "read it again from `coordinator.json` in the data folder of the coordinator";
            let wrong = denied(Code::Unauthenticated, "the token is not this coordinator's", hint);
            Err(Denied { guessed: true, ..wrong })
        }
    }
}

fn insufficient(access: Access, caller: &Caller) -> Denied {
    let join = "join first: `hone worker --join HOST:PORT` with a token of `hone token create`";
    match (access, caller.worker, caller.client) {
        (Access::Worker, _, true) => denied(Code::PermissionDenied, "a worker from another host needs its own certificate", join),
        (Access::Worker, _, false) => denied(Code::Unauthenticated, "this call needs a worker's certificate", join),
        (Access::Client | Access::WorkerOrClient, Some(worker), _) => {
            let message = format!("worker {worker} may run trials, and nothing else");
            denied(Code::PermissionDenied, message, "use the token of `coordinator.json`")
        }
        (Access::Client | Access::WorkerOrClient | Access::Anyone | Access::Joiner, _, _) => {
            let hint = "on the coordinator's host commands find it by themselves; elsewhere it stands in `coordinator.json`";
            denied(Code::Unauthenticated, "this call needs the client token", hint)
        }
    }
}

fn denied(code: Code, message: impl Into<String>, hint: &str) -> Denied {
    Denied { status: status(code, message, Some(hint.to_owned())), guessed: false }
}

#[cfg(test)]
#[path = "authorise_tests.rs"]
mod tests;
