//! Who calls, and what becomes of its trials when it is gone.
//!
//! ```text
//!   over its own listener ──► the connection stands behind what it began or wrote to; when it is gone, and nobody else
//!                             does, its trials have the grace time and then wait for another client
//!   through a forwarder   ──► a lease, which the forwarder renews while its own connection lives
//! ```

use std::time::Duration;

use hone_studies::{By, Command, HeldTrial, Hold, Micros, RequestId, TaskId};
use tonic::{Request, Status};

use crate::{
    actor::Writer,
    liveness::{Connection, Connections},
};

/// Metadata of a call that may be sent again: 32 hexadecimal digits, the same each time.
const REQUEST_ID: &str = "hone-request-id";

/// The caller of one call.
#[derive(Debug)]
pub(super) struct Client {
    request: Option<RequestId>,
    /// `None`: a forwarder calls for it.
    pub(super) connection: Option<Connection>,
}

impl Client {
    pub(super) fn of<T>(request: &Request<T>) -> Result<Client, Status> {
        let id = request.metadata().get(REQUEST_ID).map(|value| {
            let wrong = || Status::invalid_argument(format!("`{REQUEST_ID}` is not 32 hexadecimal digits"));
            value.to_str().ok().and_then(request_id).ok_or_else(wrong)
        });
        Ok(Client { request: id.transpose()?, connection: request.extensions().get().cloned() })
    }

    pub(super) fn request(&self) -> Option<RequestId> {
        self.request
    }

    /// How long a trial may go on without another word.
    pub(super) fn hold(&self, lease: Micros) -> Hold {
        if self.connection.is_some() { Hold::Open } else { Hold::For(lease) }
    }

    pub(super) fn by(&self, lease: Micros) -> By {
        By { request: self.request, attempt: None, hold: Some(self.hold(lease)) }
    }
}

fn request_id(text: &str) -> Option<RequestId> {
    let mut bytes = [0; 16];
    if text.len() != 2 * bytes.len() || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(RequestId(bytes))
}

/// Gives trials of lost connections the grace time; never returns. With no grace time it gives up none.
pub(crate) async fn give_up_what_is_left(writer: Writer, connections: Connections, grace: Duration) {
    let grace = Micros::try_from(grace.as_micros()).unwrap_or(Micros::MAX);
    loop {
        let left = connections.left().await;
        if grace == 0 {
            continue;
        }
        tracing::info!(trials = ?left, "their clients are gone; they wait for others after the grace time");
        say(&writer, &left, Hold::Left(grace)).await;
        // Somebody may have come back to one while that was on its way.
        let held: Vec<TaskId> = left.into_iter().filter(|trial| connections.is_held(*trial)).collect();
        if !held.is_empty() {
            say(&writer, &held, Hold::Open).await;
        }
    }
}

async fn say(writer: &Writer, trials: &[TaskId], hold: Hold) {
    let held = trials.iter().map(|trial| HeldTrial { trial: *trial, attempt: None }).collect();
    if let Err(refusal) = writer.command(Command::Hold { held, hold }).await {
        tracing::warn!(?trials, %refusal, "it could not be noted whether the clients of these trials are there");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: Option<&'static str>) -> Result<Client, Status> {
        let mut request = Request::new(());
        if let Some(id) = id {
            request.metadata_mut().insert(REQUEST_ID, id.parse().unwrap());
        }
        Client::of(&request)
    }

    #[test]
    fn a_request_id_is_32_hexadecimal_digits() {
        let id = client(Some("000102030405060708090a0b0c0d0eff")).unwrap().request();
        assert_eq!(id, Some(RequestId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255])));
        assert_eq!(client(None).unwrap().request(), None);
        for wrong in ["", "00", "000102030405060708090a0b0c0d0e0g", "000102030405060708090a0b0c0d0eff00"] {
            assert!(client(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn without_a_connection_there_is_a_lease_and_with_one_the_connection() {
        let mut client = client(None).unwrap();
        assert_eq!(client.hold(7), Hold::For(7));
        client.connection = Some(Connections::default().watch(()).connection());
        assert_eq!(client.by(7).hold, Some(Hold::Open));
    }
}
