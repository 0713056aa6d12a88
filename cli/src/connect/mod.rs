//! Finding the coordinator that a command speaks to.
//!
//! ```text
//! --server, $HONE_SERVER ──► that one, or an error
//! else a live holder of the data folder ──► its Unix socket
//! else one in this process, for the length of the command
//! ```

mod address;
mod channel;
mod client;

use std::{io, path::Path, time::Duration};

use hone_coordinator::{
    holder::{Contact, contact},
    mlflow,
};
use hone_proto::v1::StayRequest;
use tonic::{Streaming, transport::Channel};

pub use address::Address;
pub use channel::{endpoint, lazy as lazy_channel, open_socket};
pub use client::{Client, Transport};

use crate::{
    context::Context,
    embed::{Embedded, Started},
    errors::{Failure, Kind, Result, chain},
    output::remark,
    signals::Stop,
};

/// How often to look for a holder that has the store but cannot be spoken to yet, or is just leaving.
const LOOKS: u32 = 100;
/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Where the coordinator of a session runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Named by the user, perhaps on another machine.
    Named,
    /// Another process that holds the data folder.
    Holder,
    /// This process.
    Here,
}

/// A coordinator to speak to, and our own one where there was none.
pub struct Session {
    /// The connection.
    pub client: Client,
    /// Where the coordinator runs.
    pub place: Place,
    /// Its socket; `None` over TCP.
    pub socket: Option<std::path::PathBuf>,
    embedded: Option<Box<Embedded>>,
}

impl Session {
    /// Connects to the coordinator that the options name, else to the holder, else starts one.
    ///
    /// # Errors
    /// The named one cannot be reached; the store cannot be opened.
    pub async fn open(context: &Context) -> Result<Self> {
        Self::open_mirrored(context, None).await
    }

    /// The same; a coordinator that is started mirrors to an MLflow server.
    ///
    /// # Errors
    /// As for [`Session::open`].
    pub async fn open_mirrored(context: &Context, mlflow: Option<&mlflow::Config>) -> Result<Self> {
        if let Some(session) = Self::existing(context).await? {
            return Ok(session);
        }
        for _ in 0..LOOKS {
            match Embedded::start(&context.data, mlflow.cloned()).await? {
                Started::Here(embedded) => return Self::here(embedded).await,
                // Between our look and our start somebody was faster, or has not left yet.
                Started::Held(failure) => match Self::existing(context).await? {
                    Some(session) => return Ok(session),
                    None => wait_for_holder(&failure).await,
                },
            }
        }
        let message = format!("another process holds `{}` but does not answer", context.data.display());
        Err(Failure::new(Kind::Unreachable, message).hint("wait until it has started, or end it and try again"))
    }

    /// Connects to the coordinator that the options name, else to the holder; starts none.
    ///
    /// # Errors
    /// The named one cannot be reached.
    pub async fn existing(context: &Context) -> Result<Option<Self>> {
        if let Some(address) = &context.server {
            let channel = channel::open(address, &context.credentials).await?;
            let socket = match address {
                Address::Unix(path) => Some(path.clone()),
                Address::Tcp { .. } => None,
            };
            let client = Client::new(channel, context.credentials.token.as_ref())?;
            return Ok(Some(Self { client, place: Place::Named, socket, embedded: None }));
        }
        let Some((channel, contact)) = live_holder(&context.data).await? else { return Ok(None) };
        let client = Client::new(channel, None)?;
        Ok(Some(Self { client, place: Place::Holder, socket: Some(contact.socket), embedded: None }))
    }

    async fn here(embedded: Box<Embedded>) -> Result<Self> {
        let socket = embedded.socket().to_owned();
        let failed = |error: io::Error| Failure::new(Kind::Internal, format!("cannot speak to the coordinator: {error}"));
        let channel = channel::open_socket(&socket).await.map_err(failed)?;
        let client = Client::new(channel, None)?;
        Ok(Self { client, place: Place::Here, socket: Some(socket), embedded: Some(embedded) })
    }

    /// Tells a coordinator in another process that it is needed as long as the answer lives.
    ///
    /// # Errors
    /// The coordinator refuses or is gone.
    pub async fn stay(&self) -> Result<Option<Streaming<hone_proto::v1::StayResponse>>> {
        if self.place == Place::Here {
            return Ok(None);
        }
        let who = format!("process {}", std::process::id());
        Ok(Some(self.client.store().stay(StayRequest { who }).await?.into_inner()))
    }

    /// Waits until nobody else needs a coordinator of ours, or the user wants to stop.
    pub async fn wait_for_leavers(&self, stop: &Stop) {
        let Some(embedded) = &self.embedded else { return };
        let remind = async {
            tokio::time::sleep(LOOK_INTERVAL).await;
            remark("another `hone` still uses this coordinator; Ctrl-C ends it all the same");
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = embedded.wait_for_leavers() => {}
            () = stop.wanted() => {}
            () = remind => {}
        }
    }

    /// Waits until the MLflow server of a coordinator of ours has everything, and says what it lacks when it is away.
    pub async fn wait_for_mirror(&self, stop: &Stop) {
        let Some(embedded) = &self.embedded else { return };
        let missing = tokio::select! {
            missing = embedded.mirrored() => missing,
            () = stop.wanted() => None,
        };
        if let Some((trials @ 1.., reason)) = missing {
            remark(&format!("{trials} trials are not on the MLflow server yet: {reason}"));
            remark("the next `hone run` or `hone serve` with `--mlflow` sends them");
        }
    }

    /// Says once that the MLflow server of a coordinator of ours is away; never returns.
    pub async fn watch_mirror(&self) {
        if let Some(embedded) = &self.embedded {
            let reason = embedded.mirror_trouble().await;
            remark(&format!("warning: nothing reaches the MLflow server, which is tried again: {reason}"));
        }
        std::future::pending().await
    }

    /// Waits until the store of a coordinator of ours has failed for good; never returns otherwise.
    pub async fn failed(&self) -> Failure {
        match &self.embedded {
            Some(embedded) => embedded.failed().await,
            None => std::future::pending().await,
        }
    }

    /// Ends a coordinator of ours; what it acknowledged is durable already.
    ///
    /// # Errors
    /// The store failed.
    pub async fn close(self) -> Result<()> {
        match self.embedded {
            Some(embedded) => embedded.stop().await,
            None => Ok(()),
        }
    }
}

/// Runs something with a coordinator, and ends one that was started for it whatever comes out.
///
/// # Errors
/// As for [`Session::open`], and whatever comes out.
pub async fn with_client<T>(context: &Context, work: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
    let session = Session::open(context).await?;
    let outcome = work(&session.client).await;
    let closed = session.close().await;
    let answer = outcome?;
    closed.map(|()| answer)
}

/// The socket of the process that holds the folder, if one does and answers.
async fn live_holder(data: &Path) -> Result<Option<(Channel, Contact)>> {
    let contact = match contact(data) {
        Ok(Some(contact)) => contact,
        Ok(None) => return Ok(None),
        Err(error) => {
            return Err(Failure::new(Kind::Permission, chain(&error)).hint("only the owner of a store may use it directly"));
        }
    };
    match channel::open_socket(&contact.socket).await {
        Ok(channel) => Ok(Some((channel, contact))),
        // A holder that was killed leaves its file and socket behind.
        Err(error) => {
            tracing::debug!(%error, socket = %contact.socket.display(), "no holder answers");
            Ok(None)
        }
    }
}

async fn wait_for_holder(failure: &Failure) {
    tracing::debug!(%failure, "waiting for the holder");
    tokio::time::sleep(LOOK_INTERVAL).await;
}
