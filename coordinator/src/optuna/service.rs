//! The nineteen calls.

use std::sync::Arc;

use hone_proto::optuna::{
    CreateNewStudyReply, CreateNewStudyRequest, CreateNewTrialReply, CreateNewTrialRequest, DeleteStudyReply, DeleteStudyRequest,
    GetAllStudiesReply, GetAllStudiesRequest, GetStudyDirectionsReply, GetStudyDirectionsRequest, GetStudyIdFromNameReply,
    GetStudyIdFromNameRequest, GetStudyNameFromIdReply, GetStudyNameFromIdRequest, GetStudySystemAttributesReply,
    GetStudySystemAttributesRequest, GetStudyUserAttributesReply, GetStudyUserAttributesRequest,
    GetTrialIdFromStudyIdTrialNumberReply, GetTrialIdFromStudyIdTrialNumberRequest, GetTrialReply, GetTrialRequest,
    GetTrialsReply, GetTrialsRequest, SetStudySystemAttributeReply, SetStudySystemAttributeRequest, SetStudyUserAttributeReply,
    SetStudyUserAttributeRequest, SetTrialIntermediateValueReply, SetTrialIntermediateValueRequest, SetTrialParameterReply,
    SetTrialParameterRequest, SetTrialStateValuesReply, SetTrialStateValuesRequest, SetTrialSystemAttributeReply,
    SetTrialSystemAttributeRequest, SetTrialUserAttributeReply, SetTrialUserAttributeRequest, Study as WireStudy,
    TrialState as WireState, storage_service_server::StorageService,
};
use hone_studies::{Begin, Command, Driver, Owner, Reply, Scope, StudyId, TaskId, Template, Write};
use tonic::{Request, Response, Status};

use super::{Storage, StudyRef, client::Client, direction_from_proto, direction_to_proto, spec, status, trial};
use crate::{
    actor::{Refusal, View},
    liveness::Connection,
};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl StorageService for Storage {
    async fn create_new_study(&self, request: Request<CreateNewStudyRequest>) -> Answer<CreateNewStudyReply> {
        let client = Client::of(&request)?;
        let CreateNewStudyRequest { directions, study_name } = request.into_inner();
        let directions = directions.into_iter().map(direction_from_proto).collect::<Result<Vec<_>, _>>()?;
        if directions.is_empty() {
            return Err(Status::invalid_argument("a study needs a direction"));
        }
        let spec = Arc::new(spec(study_name, &directions));
        let driver = Driver::Clients;
        let (text, request) = (String::new(), client.request());
        match self.command(Command::CreateStudy { spec, text, source: None, driver, paused: false, request }).await? {
            Reply::Study(id) => Ok(Response::new(CreateNewStudyReply { study_id: wire(id) })),
            other => Err(unexpected(&other)),
        }
    }

    async fn delete_study(&self, request: Request<DeleteStudyRequest>) -> Answer<DeleteStudyReply> {
        let study = self.study(request.into_inner().study_id).await?.id;
        self.command(Command::RemoveStudy { study, force: true }).await?;
        Ok(Response::new(DeleteStudyReply {}))
    }

    async fn set_study_user_attribute(
        &self,
        request: Request<SetStudyUserAttributeRequest>,
    ) -> Answer<SetStudyUserAttributeReply> {
        let SetStudyUserAttributeRequest { study_id, key, value } = request.into_inner();
        self.set_study_attribute(study_id, Scope::User, key, value).await?;
        Ok(Response::new(SetStudyUserAttributeReply {}))
    }

    async fn set_study_system_attribute(
        &self,
        request: Request<SetStudySystemAttributeRequest>,
    ) -> Answer<SetStudySystemAttributeReply> {
        let SetStudySystemAttributeRequest { study_id, key, value } = request.into_inner();
        self.set_study_attribute(study_id, Scope::System, key, value).await?;
        Ok(Response::new(SetStudySystemAttributeReply {}))
    }

    async fn get_study_id_from_name(&self, request: Request<GetStudyIdFromNameRequest>) -> Answer<GetStudyIdFromNameReply> {
        let name = request.into_inner().study_name;
        let view = self.view().await?;
        let study = view.state.study_named(&name).filter(|study| study.driver == Driver::Clients);
        let study = study.ok_or_else(|| Status::not_found(format!("there is no study `{name}`")))?;
        Ok(Response::new(GetStudyIdFromNameReply { study_id: wire(study.id) }))
    }

    async fn get_study_name_from_id(&self, request: Request<GetStudyNameFromIdRequest>) -> Answer<GetStudyNameFromIdReply> {
        let study = self.study(request.into_inner().study_id).await?;
        Ok(Response::new(GetStudyNameFromIdReply { study_name: study.spec.name.clone() }))
    }

    async fn get_study_directions(&self, request: Request<GetStudyDirectionsRequest>) -> Answer<GetStudyDirectionsReply> {
        let study = self.study(request.into_inner().study_id).await?;
        Ok(Response::new(GetStudyDirectionsReply { directions: directions(&study) }))
    }

    async fn get_study_user_attributes(
        &self,
        request: Request<GetStudyUserAttributesRequest>,
    ) -> Answer<GetStudyUserAttributesReply> {
        let study = self.study(request.into_inner().study_id).await?;
        let user_attributes = trial::attributes(&study.attributes, Scope::User);
        Ok(Response::new(GetStudyUserAttributesReply { user_attributes }))
    }

    async fn get_study_system_attributes(
        &self,
        request: Request<GetStudySystemAttributesRequest>,
    ) -> Answer<GetStudySystemAttributesReply> {
        let study = self.study(request.into_inner().study_id).await?;
        let system_attributes = trial::attributes(&study.attributes, Scope::System);
        Ok(Response::new(GetStudySystemAttributesReply { system_attributes }))
    }

    async fn get_all_studies(&self, _: Request<GetAllStudiesRequest>) -> Answer<GetAllStudiesReply> {
        let view = self.view().await?;
        let studies = view.state.studies().filter(|study| study.driver == Driver::Clients).map(|study| WireStudy {
            study_id: wire(study.id),
            study_name: study.spec.name.clone(),
            directions: directions(study),
            user_attributes: trial::attributes(&study.attributes, Scope::User),
            system_attributes: trial::attributes(&study.attributes, Scope::System),
        });
        Ok(Response::new(GetAllStudiesReply { studies: studies.collect() }))
    }

    async fn create_new_trial(&self, request: Request<CreateNewTrialRequest>) -> Answer<CreateNewTrialReply> {
        let client = Client::of(&request)?;
        let CreateNewTrialRequest { study_id, template_trial, template_trial_is_none } = request.into_inner();
        let template = match template_trial.filter(|_| !template_trial_is_none) {
            Some(template) => trial::template(template)?,
            None => Template::default(),
        };
        let study = trial::study_id(study_id);
        let created = self.create(client, study, template).await;
        if created.is_err() {
            // A study that clients do not drive is none to them.
            self.study(study_id).await?;
        }
        match created? {
            Reply::Trial(id) => Ok(Response::new(CreateNewTrialReply { trial_id: trial::wire_id(id) })),
            other => Err(unexpected(&other)),
        }
    }

    async fn set_trial_parameter(&self, request: Request<SetTrialParameterRequest>) -> Answer<SetTrialParameterReply> {
        let client = Client::of(&request)?;
        let SetTrialParameterRequest { trial_id, param_name, param_value_internal, distribution } = request.into_inner();
        let parameter = trial::parameter(param_name, param_value_internal, distribution)?;
        self.drive(client, trial_id, Write::Parameter(parameter)).await?;
        Ok(Response::new(SetTrialParameterReply {}))
    }

    async fn get_trial_id_from_study_id_trial_number(
        &self,
        request: Request<GetTrialIdFromStudyIdTrialNumberRequest>,
    ) -> Answer<GetTrialIdFromStudyIdTrialNumberReply> {
        let GetTrialIdFromStudyIdTrialNumberRequest { study_id, trial_number } = request.into_inner();
        let study = self.study(study_id).await?;
        let number = u32::try_from(trial_number).ok().filter(|number| *number < study.next_number);
        let id = number.and_then(|number| study.id_of(number));
        let id = id.ok_or_else(|| Status::not_found(format!("study {study_id} has no trial {trial_number}")))?;
        Ok(Response::new(GetTrialIdFromStudyIdTrialNumberReply { trial_id: trial::wire_id(id) }))
    }

    async fn set_trial_state_values(&self, request: Request<SetTrialStateValuesRequest>) -> Answer<SetTrialStateValuesReply> {
        let client = Client::of(&request)?;
        let SetTrialStateValuesRequest { trial_id, state, values } = request.into_inner();
        let state = trial::state_from_proto(state)?;
        let write = match (trial::outcome(state), state) {
            (Some(outcome), _) => Write::tell(outcome, values),
            (None, WireState::Waiting) => Write::GiveBack,
            (None, _) => Write::Take,
        };
        // Taking is the only lock that clients have on a waiting trial.
        let trial_updated = match self.drive(client, trial_id, write).await? {
            Reply::Taken(taken) => taken,
            _ => true,
        };
        Ok(Response::new(SetTrialStateValuesReply { trial_updated }))
    }

    async fn set_trial_intermediate_value(
        &self,
        request: Request<SetTrialIntermediateValueRequest>,
    ) -> Answer<SetTrialIntermediateValueReply> {
        let client = Client::of(&request)?;
        let SetTrialIntermediateValueRequest { trial_id, step, intermediate_value } = request.into_inner();
        self.drive(client, trial_id, Write::Intermediate { step, value: intermediate_value }).await?;
        Ok(Response::new(SetTrialIntermediateValueReply {}))
    }

    async fn set_trial_user_attribute(
        &self,
        request: Request<SetTrialUserAttributeRequest>,
    ) -> Answer<SetTrialUserAttributeReply> {
        let client = Client::of(&request)?;
        let SetTrialUserAttributeRequest { trial_id, key, value } = request.into_inner();
        self.drive(client, trial_id, Write::Attribute { scope: Scope::User, key, value: value.into_bytes() }).await?;
        Ok(Response::new(SetTrialUserAttributeReply {}))
    }

    async fn set_trial_system_attribute(
        &self,
        request: Request<SetTrialSystemAttributeRequest>,
    ) -> Answer<SetTrialSystemAttributeReply> {
        let client = Client::of(&request)?;
        let SetTrialSystemAttributeRequest { trial_id, key, value } = request.into_inner();
        self.drive(client, trial_id, Write::Attribute { scope: Scope::System, key, value: value.into_bytes() }).await?;
        Ok(Response::new(SetTrialSystemAttributeReply {}))
    }

    async fn get_trial(&self, request: Request<GetTrialRequest>) -> Answer<GetTrialReply> {
        let id = trial::trial_id(request.into_inner().trial_id);
        let trial = trial::message(&*self.study_of(id).await?, id);
        Ok(Response::new(GetTrialReply { trial }))
    }

    async fn get_trials(&self, request: Request<GetTrialsRequest>) -> Answer<GetTrialsReply> {
        let GetTrialsRequest { study_id, included_trial_ids, trial_id_greater_than } = request.into_inner();
        let study = self.study(study_id).await?;
        let mut wanted: Vec<TaskId> = included_trial_ids.into_iter().map(trial::trial_id).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|id| trial::wire_id(*id) <= trial_id_greater_than);
        let included = wanted.into_iter().filter_map(|id| trial::message(&study, id));
        let trials = included.chain(trial::messages_after(&study, trial_id_greater_than)).collect();
        Ok(Response::new(GetTrialsReply { trials }))
    }
}

impl Storage {
    async fn command(&self, command: Command) -> Result<Reply, Status> {
        self.services.writer.command(command).await.map_err(|refusal| status(&refusal))
    }

    async fn create(&self, client: Client, study: StudyId, template: Template) -> Result<Reply, Status> {
        let runs = template.state == Begin::Running;
        let (template, request, hold) = (Box::new(template), client.request(), client.hold(self.lease));
        let command = Command::CreateTrial { study, template, request, hold };
        self.to_the_end(client, command, move |connection, reply| {
            if let Reply::Trial(trial) = reply
                && runs
            {
                connection.take(*trial);
            }
        })
        .await
    }

    async fn drive(&self, client: Client, trial: i64, write: Write) -> Result<Reply, Status> {
        let trial = trial::trial_id(trial);
        let is_take = matches!(write, Write::Take);
        let is_over = matches!(write, Write::GiveBack | Write::Tell { .. });
        if let Some(connection) = client.connection.as_ref().filter(|_| !is_take && !is_over) {
            connection.hold(trial);
        }
        let command = Command::Drive { trial, write, by: client.by(self.lease) };
        self.to_the_end(client, command, move |connection, reply| match (is_over, is_take, reply) {
            (true, ..) => connection.all().forget(trial),
            (false, true, Reply::Taken(true)) => connection.take(trial),
            (false, true, _) => {}
            // Again: the connection may have been closed meanwhile.
            (false, false, _) => connection.hold(trial),
        })
        .await
    }

    /// A command that is carried out whatever becomes of the caller, so that the trials of a lost one are known.
    async fn to_the_end(
        &self,
        client: Client,
        command: Command,
        note: impl FnOnce(&Connection, &Reply) + Send + 'static,
    ) -> Result<Reply, Status> {
        let Some(connection) = client.connection else { return self.command(command).await };
        let writer = self.services.writer.clone();
        let done = tokio::spawn(async move {
            let reply = writer.command(command).await?;
            note(&connection, &reply);
            Ok(reply)
        });
        let reply = done.await.map_err(|error| Status::internal(format!("the call broke off: {error}")))?;
        reply.map_err(|refusal: Refusal| status(&refusal))
    }

    async fn view(&self) -> Result<Arc<View>, Status> {
        self.services.writer.view().await.map_err(|refusal| status(&refusal))
    }

    /// A study that clients drive.
    async fn study(&self, id: i64) -> Result<StudyRef, Status> {
        let study = self.services.writer.study(trial::study_id(id)).await.map_err(|refusal| status(&refusal))?;
        let study = study.filter(|study| study.driver == Driver::Clients);
        study.ok_or_else(|| Status::not_found(format!("there is no study {id}")))
    }

    /// The study of a trial that a client drives.
    async fn study_of(&self, trial: TaskId) -> Result<StudyRef, Status> {
        let study = self.services.writer.study_of(trial).await.map_err(|refusal| status(&refusal))?;
        let study = study.filter(|study| study.driver == Driver::Clients);
        study.ok_or_else(|| Status::not_found(format!("there is no trial {trial}")))
    }

    async fn set_study_attribute(&self, study: i64, scope: Scope, key: String, value: String) -> Result<(), Status> {
        let owner = Owner::Study(self.study(study).await?.id);
        self.command(Command::SetAttribute { owner, scope, key, value: Some(value.into_bytes()) }).await.map(drop)
    }
}

fn directions(study: &StudyRef) -> Vec<i32> {
    study.spec.objectives.iter().map(|objective| direction_to_proto(objective.direction).into()).collect()
}

fn wire(id: StudyId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}

fn unexpected(reply: &Reply) -> Status {
    Status::internal(format!("the writer answered {reply:?}; this is a bug of hone"))
}
