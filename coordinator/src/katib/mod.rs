//! Katib's protocol for algorithms: experiments on Kubernetes ask the samplers for parameters.
//!
//! ```text
//!   Katib's controller ──► listener of its own ──► experiment, all trials ──► sampler ──► assignments
//! ```
//!
//! Every call carries the whole experiment, so nothing is kept, and the store is never looked at.

mod experiment;

use hone_proto::katib::{
    GetSuggestionsReply, GetSuggestionsRequest, ParameterAssignment, ValidateAlgorithmSettingsReply,
    ValidateAlgorithmSettingsRequest,
    get_suggestions_reply::ParameterAssignments,
    suggestion_server::{Suggestion, SuggestionServer},
};
use hone_proto::v1;
use tonic::{Request, Response, Status};

use self::experiment::Problem;
use crate::histories::{Histories, HistoryError};

/// Messages hold every trial of an experiment.
const MAX_MESSAGE: usize = 256 << 20;

/// The name by which Katib asks whether an algorithm is up.
pub(crate) const HEALTH: &str = "manager.v1beta1.Suggestion";

/// The service; it shares nothing with the coordinator's studies.
pub(crate) fn server() -> SuggestionServer<Suggestions> {
    SuggestionServer::new(Suggestions::default()).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE)
}

#[derive(Default)]
pub(crate) struct Suggestions(Histories);

#[tonic::async_trait]
impl Suggestion for Suggestions {
    async fn get_suggestions(&self, request: Request<GetSuggestionsRequest>) -> Result<Response<GetSuggestionsReply>, Status> {
        let histories = self.0.clone();
        let answered = tokio::task::spawn_blocking(move || suggest(&histories, &request.into_inner())).await;
        answered.map_err(|error| Status::internal(format!("the sampler broke off: {error}")))?.map(Response::new)
    }

    async fn validate_algorithm_settings(
        &self,
        request: Request<ValidateAlgorithmSettingsRequest>,
    ) -> Result<Response<ValidateAlgorithmSettingsReply>, Status> {
        let experiment = request.into_inner().experiment.unwrap_or_default();
        let request = GetSuggestionsRequest { experiment: Some(experiment), ..GetSuggestionsRequest::default() };
        suggest(&Histories::default(), &request)?;
        Ok(Response::new(ValidateAlgorithmSettingsReply {}))
    }
}

fn suggest(histories: &Histories, request: &GetSuggestionsRequest) -> Result<GetSuggestionsReply, Status> {
    let experiment = request.experiment.clone().unwrap_or_default();
    let problem = Problem::read(&experiment).map_err(Status::invalid_argument)?;
    let (finished, pending) = problem.trials(&request.trials);
    let count = u32::try_from(request.current_request_number).unwrap_or(0);
    let first = u64::try_from(request.total_request_number - request.current_request_number).unwrap_or(0);
    let request = v1::ProposeRequest {
        past: Some(v1::PastTrials { finished, ..problem.past() }),
        number: first.max(request.trials.len() as u64),
        count,
        pending,
        only: None,
    };
    let proposals = histories.propose(request).map_err(|error| match error {
        HistoryError::Forgotten => Status::internal(error.to_string()),
        HistoryError::Invalid(message) => Status::invalid_argument(message),
    })?;
    // Without a number nothing was asked for: the experiment was only to be looked at.
    let proposals = proposals.into_iter().take(count as usize);
    let parameter_assignments = proposals.map(|proposal| assignments(&problem, &proposal)).collect();
    Ok(GetSuggestionsReply { parameter_assignments })
}

fn assignments(problem: &Problem, proposal: &v1::Proposal) -> ParameterAssignments {
    let assignment =
        |parameter: &v1::Parameter| ParameterAssignment { name: parameter.name.clone(), value: problem.text_of(parameter) };
    ParameterAssignments { assignments: proposal.params.iter().map(assignment).collect() }
}

#[cfg(test)]
mod tests;
