//! One connection to the coordinator, from the dial to its end.

use std::{future::Future, time::Duration};

use hone_proto::worker::{FromWorker, ToWorker, worker_service_client::WorkerServiceClient};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{Code, Status, transport::Channel};

use crate::machine::Cut;

/// Messages that wait for the network. Records are batched, so this is plenty.
pub(crate) const MESSAGES_AHEAD: usize = 64;
/// Pieces of logs that wait for the network; whoever reads a log waits.
const LOGS_AHEAD: usize = 8;
/// A dial that takes longer is given up.
const DIAL: Duration = Duration::from_secs(10);
/// What a coordinator may say at once: leases with long parameters, and programs.
const LARGEST_MESSAGE: usize = 64 << 20;

/// Opens channels to the coordinator: the caller knows whether by socket or by TLS.
pub trait Connector: Send + Sync + 'static {
    /// Opens a channel; keep-alive and credentials are the connector's.
    fn connect(&self) -> impl Future<Output = Result<Channel, ConnectError>> + Send;
}

/// Why there is no channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers: worth another try.
    #[error("{0}")]
    Unreachable(String),
    /// The credentials are not accepted, or not there.
    #[error("{0}")]
    Refused(String),
}

/// What a connection tells the worker.
#[derive(Debug)]
pub(crate) enum News {
    Connected { session: u64, sender: LinkSender, channel: Channel },
    Message { session: u64, message: ToWorker },
    Disconnected { session: u64, cut: Cut },
}

/// The way to the coordinator.
#[derive(Clone, Debug)]
pub(crate) struct LinkSender {
    pub(crate) messages: mpsc::Sender<FromWorker>,
    pub(crate) logs: mpsc::Sender<FromWorker>,
}

/// Dials, and hands on everything that the coordinator says until the connection ends.
pub(crate) fn open<C: Connector>(connector: std::sync::Arc<C>, session: u64, news: mpsc::Sender<News>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let cut = converse(connector.as_ref(), session, &news).await;
        // Nobody listens when the worker ends.
        let _ = news.send(News::Disconnected { session, cut }).await;
    })
}

async fn converse<C: Connector>(connector: &C, session: u64, news: &mpsc::Sender<News>) -> Cut {
    let channel = match timeout(DIAL, connector.connect()).await {
        Ok(Ok(channel)) => channel,
        Ok(Err(ConnectError::Unreachable(error))) => return Cut::Lost(error),
        Ok(Err(ConnectError::Refused(error))) => return Cut::Refused(error),
        Err(_) => return Cut::Lost(format!("no answer within {} s", DIAL.as_secs())),
    };
    let (messages, from_machine) = mpsc::channel(MESSAGES_AHEAD);
    let (logs, from_logs) = mpsc::channel(LOGS_AHEAD);
    let outgoing = ReceiverStream::new(from_machine).merge(ReceiverStream::new(from_logs));
    let sender = LinkSender { messages, logs };
    let mut client = WorkerServiceClient::new(channel.clone()).max_decoding_message_size(LARGEST_MESSAGE);
    // A coordinator may want the first message before it answers, so the stream is announced before that.
    if news.send(News::Connected { session, sender, channel }).await.is_err() {
        return Cut::Lost("the worker ends".to_owned());
    }
    let mut incoming = match client.attach(outgoing).await {
        Ok(response) => response.into_inner(),
        Err(status) => return cut_by(&status),
    };
    loop {
        match incoming.message().await {
            Ok(Some(message)) => {
                if news.send(News::Message { session, message }).await.is_err() {
                    return Cut::Lost("the worker ends".to_owned());
                }
            }
            Ok(None) => return Cut::Lost("the coordinator closed the connection".to_owned()),
            Err(status) => return cut_by(&status),
        }
    }
}

fn cut_by(status: &Status) -> Cut {
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied | Code::FailedPrecondition | Code::Unimplemented => {
            Cut::Refused(status.message().to_owned())
        }
        _ => Cut::Lost(status.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_from_trouble() {
        for (status, refused) in [
            (Status::unauthenticated("no certificate"), true),
            (Status::permission_denied("revoked"), true),
            (Status::failed_precondition("version"), true),
            (Status::unavailable("restarting"), false),
            (Status::internal("h2"), false),
            (Status::cancelled("gone"), false),
        ] {
            assert_eq!(matches!(cut_by(&status), Cut::Refused(_)), refused, "{status}");
        }
    }
}
