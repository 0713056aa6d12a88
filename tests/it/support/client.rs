//! A client that speaks gRPC over a coordinator's Unix socket, as other programs than `hone` would.

use std::{future::Future, path::Path, time::Duration};

use hone_proto::v1::{
    self, client_service_client::ClientServiceClient, label_service_client::LabelServiceClient,
    study_service_client::StudyServiceClient, trial_service_client::TrialServiceClient,
};
use tokio::runtime::{Builder, Runtime};
use tonic::{
    Response, Status,
    transport::{Channel, Endpoint},
};

use super::until;

/// No call of these tests takes longer while the coordinator is up.
const CALL: Duration = Duration::from_secs(20);

/// A client with a thread of its own to wait on.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    channel: Channel,
}

impl Client {
    /// For whoever listens on this socket whenever a call is made.
    pub fn new(socket: &Path) -> Client {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let channel = runtime.block_on(async { endpoint(socket).connect_lazy() });
        Client { runtime, channel }
    }

    pub fn studies(&self) -> StudyServiceClient<Channel> {
        StudyServiceClient::new(self.channel.clone()).max_decoding_message_size(64 << 20)
    }

    pub fn trials(&self) -> TrialServiceClient<Channel> {
        TrialServiceClient::new(self.channel.clone()).max_decoding_message_size(64 << 20)
    }

    pub fn clients(&self) -> ClientServiceClient<Channel> {
        ClientServiceClient::new(self.channel.clone()).max_decoding_message_size(64 << 20)
    }

    pub fn labels(&self) -> LabelServiceClient<Channel> {
        LabelServiceClient::new(self.channel.clone()).max_decoding_message_size(64 << 20)
    }

    /// A channel to plain TCP.
    pub fn channel_to(&self, address: &str) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        self.runtime.block_on(async { endpoint.connect_timeout(Duration::from_secs(5)).connect_lazy() })
    }

    /// A study as it is now; nothing while the coordinator is down or there is no such study.
    pub fn study(&self, study: &str) -> Option<v1::Study> {
        let request = v1::GetStudyRequest { study: study.to_owned() };
        let mut studies = self.studies();
        self.call(studies.get_study(request)).ok().map(Response::into_inner)
    }

    /// What has been counted towards the budget of a study.
    pub fn counted(&self, study: &str) -> u64 {
        self.study(study).and_then(|study| study.counts).map_or(0, |counts| counts.counted)
    }

    /// Waits until a study is finished.
    pub fn wait_until_finished(&self, study: &str, limit: Duration) -> v1::Study {
        until(&format!("study `{study}` is finished"), limit, || self.study(study).filter(|study| study.state == "finished"))
    }

    /// Waits for a call.
    pub fn call<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let limited = async { tokio::time::timeout(CALL, call).await };
        self.runtime.block_on(limited).unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer to the test's call")))
    }
}

fn endpoint(socket: &Path) -> Endpoint {
    Endpoint::from_shared(format!("unix:{}", socket.display()))
        .expect("the path of a socket")
        .connect_timeout(Duration::from_secs(5))
}
