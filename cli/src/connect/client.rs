//! A connection to a coordinator, with every service behind it.

use hone_proto::v1::{
    blob_service_client::BlobServiceClient, client_service_client::ClientServiceClient,
    dataset_service_client::DatasetServiceClient, fleet_service_client::FleetServiceClient,
    label_service_client::LabelServiceClient, store_service_client::StoreServiceClient, study_service_client::StudyServiceClient,
    trial_service_client::TrialServiceClient,
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::{
    context::Token,
    errors::{Failure, Result},
};

/// Answers can be long (a study with thousands of parameters); batches of streams are far smaller.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// What carries the calls.
pub type Transport = InterceptedService<Channel, Bearer>;

/// Adds the credential to every call.
#[derive(Clone, Debug)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> std::result::Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// A connection to a coordinator; cloning is cheap.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
}

impl Client {
    /// Uses a channel, showing the credential with every call.
    ///
    /// # Errors
    /// The credential has characters that cannot be sent.
    pub fn new(channel: Channel, token: Option<&Token>) -> Result<Self> {
        let value = token.map(|token| format!("Bearer {}", token.secret()).parse::<MetadataValue<Ascii>>());
        let mut value = value.transpose().map_err(|_| Failure::usage("the token holds characters that no token has"))?;
        if let Some(value) = &mut value {
            value.set_sensitive(true);
        }
        Ok(Self { transport: InterceptedService::new(channel, Bearer(value)) })
    }

    /// Studies.
    pub fn studies(&self) -> StudyServiceClient<Transport> {
        StudyServiceClient::new(self.transport.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Trials.
    pub fn trials(&self) -> TrialServiceClient<Transport> {
        TrialServiceClient::new(self.transport.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Trials that clients run.
    pub fn clients(&self) -> ClientServiceClient<Transport> {
        ClientServiceClient::new(self.transport.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Datasets.
    pub fn datasets(&self) -> DatasetServiceClient<Transport> {
        DatasetServiceClient::new(self.transport.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Workers.
    pub fn fleet(&self) -> FleetServiceClient<Transport> {
        FleetServiceClient::new(self.transport.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// What people are asked.
    pub fn labels(&self) -> LabelServiceClient<Transport> {
        LabelServiceClient::new(self.transport.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Blobs.
    pub fn blobs(&self) -> BlobServiceClient<Transport> {
        BlobServiceClient::new(self.transport.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// The store.
    pub fn store(&self) -> StoreServiceClient<Transport> {
        StoreServiceClient::new(self.transport.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }
}
