//! Samplers and pruners by themselves, for histories that other programs keep.

use hone_proto::v1::{JudgeRequest, JudgeResponse, ProposeRequest, ProposeResponse, sampler_service_server::SamplerService};
use tonic::{Request, Response, Status};

use super::{Services, computed};
use crate::histories::HistoryError;

#[tonic::async_trait]
impl SamplerService for Services {
    async fn propose(&self, request: Request<ProposeRequest>) -> Result<Response<ProposeResponse>, Status> {
        let histories = self.histories.clone();
        let proposals = computed(move || histories.propose(request.into_inner())).await?.map_err(refused)?;
        Ok(Response::new(ProposeResponse { proposals }))
    }

    async fn judge(&self, request: Request<JudgeRequest>) -> Result<Response<JudgeResponse>, Status> {
        let histories = self.histories.clone();
        let reason = computed(move || histories.judge(request.into_inner())).await?.map_err(refused)?;
        Ok(Response::new(JudgeResponse { stop: reason.is_some(), reason: reason.unwrap_or_default() }))
    }
}

fn refused(error: HistoryError) -> Status {
    match error {
        HistoryError::Forgotten => Status::failed_precondition(error.to_string()),
        HistoryError::Invalid(message) => Status::invalid_argument(message),
    }
}
