//! Studies whose trials clients run: asking, reporting, telling.

use std::sync::Arc;

use hone_proto::v1::{
    AskRequest, AskResponse, AskedTrial, GetAttributesRequest, GetAttributesResponse, GiveBackRequest, GiveBackResponse,
    HeldTrial as HeldMessage, OpenStudyRequest, OpenStudyResponse, RenewRequest, RenewResponse, ReportRequest, ReportResponse,
    SetAttributesRequest, SetAttributesResponse, SuggestParameterRequest, SuggestParameterResponse, TellRequest,
    Trial as TrialMessage, client_service_server::ClientService, get_attributes_request, set_attributes_request,
};
use hone_search::Outcome;
use hone_studies::{
    Ask, AskedParameter, Attributes, BlobId, By, Command, Driver, FileRef, HeldTrial, Hold, Micros, Owner, Point, Reject, Reply,
    RequestId, SECOND, Scope, Study, TaskId, Trial, Write, file,
};
use tonic::{Request, Response, Status};

use super::{Services, status, studies::find, trial_message};
use crate::{
    actor::{Refusal, View},
    convert::{
        client,
        distribution::{distribution_from_proto, parameter_to_proto},
        status as statuses,
    },
    optuna::distribution_to_text,
};

/// How long a lease lasts when its client does not say.
const LEASE: Micros = 60 * SECOND;
/// The longest and the shortest lease that a client may ask for.
const LEASES: std::ops::RangeInclusive<Micros> = SECOND / 10..=7 * 24 * 3_600 * SECOND;
/// Trials in one answer, at most.
const MAX_ASKED: u32 = 1_024;

#[tonic::async_trait]
impl ClientService for Services {
    async fn open_study(&self, request: Request<OpenStudyRequest>) -> Result<Response<OpenStudyResponse>, Status> {
        let request = request.into_inner();
        let mut spec = file::parse_driven(&request.text, &request.file)
            .map_err(|errors| statuses::from_diagnostics(&errors, &request.text))?;
        if let Some(name) = request.name {
            spec.name = name;
        }
        let (name, spec, id) = (spec.name.clone(), Arc::new(spec), request_id(&request.request_id)?);
        let command = Command::CreateStudy {
            spec,
            text: request.text,
            source: None,
            driver: Driver::Clients,
            paused: false,
            request: Some(id),
        };
        let created = match self.writer.command(command).await {
            Ok(_) => true,
            Err(Refusal::Reject(Reject::StudyExists { .. })) if request.load_if_exists => false,
            Err(refusal) => return Err(status(refusal)),
        };
        let view = self.view().await?;
        let study = view.state.study_named(&name).ok_or_else(|| Status::not_found("the study has been removed"))?;
        if study.driver == Driver::Workers {
            return Err(run_by_workers(study));
        }
        Ok(Response::new(OpenStudyResponse { study: Some(client::study_to_proto(study, &view.state)), created }))
    }

    async fn ask(&self, request: Request<AskRequest>) -> Result<Response<AskResponse>, Status> {
        let AskRequest { study, count, lease_us, request_id: id } = request.into_inner();
        let view = self.view().await?;
        let study = find(&view, &study)?;
        if study.driver == Driver::Workers {
            return Err(run_by_workers(study));
        }
        let ask = Ask {
            study: study.id,
            count: count.clamp(1, MAX_ASKED),
            request: request_id(&id)?,
            hold: lease(lease_us),
            first_number: 0,
            as_of: 0,
            proposals: Vec::new(),
        };
        // Who looks at a study while it changes makes the change copy it.
        drop(view);
        let asked = self.asking.ask(&self.writer, ask).await.map_err(status)?;
        let view = self.view().await?;
        let trials = asked.trials.iter().filter_map(|(trial, attempt)| asked_trial(&view, *trial, *attempt)).collect();
        Ok(Response::new(AskResponse { trials, over: asked.over, reason: asked.reason }))
    }

    async fn suggest_parameter(
        &self,
        request: Request<SuggestParameterRequest>,
    ) -> Result<Response<SuggestParameterResponse>, Status> {
        let SuggestParameterRequest { trial: id, attempt, name, distribution } = request.into_inner();
        let distribution = distribution_from_proto(&name, distribution).map_err(Status::invalid_argument)?;
        let view = self.view().await?;
        let (study, trial) = running(&view, TaskId(id), attempt)?;
        let value = match given(study, trial, &name) {
            Some(value) if distribution.contains(value) => value,
            Some(value) => return Err(does_not_fit(study, trial, &name, value)),
            None => self.asking.choose(&view, study, trial, &name, &distribution).await,
        };
        if value.is_nan() {
            return Err(Status::internal(format!("the sampler has no value for parameter `{name}`; this is a bug of hone")));
        }
        let parameter = parameter_to_proto(&name, distribution.to_external(value));
        let is_known = trial.asked.contains_key(&name);
        drop(view);
        if !is_known {
            let text = distribution_to_text(&distribution);
            let write = Write::Parameter(AskedParameter { name, value, distribution, text });
            self.command(Command::Drive { trial: TaskId(id), write, by: of(attempt) }).await?;
        }
        Ok(Response::new(SuggestParameterResponse { parameter: Some(parameter) }))
    }

    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        let ReportRequest { trial, attempt, step, values } = request.into_inner();
        if values.is_empty() {
            return Err(Status::invalid_argument("a report has no values"));
        }
        let mut points: Vec<Point> =
            values.into_iter().map(|(metric, value)| Point { step, metric: metric.as_str().into(), value }).collect();
        // Maps have no order on the wire; the same report must make the same event.
        points.sort_by(|a, b| a.metric.cmp(&b.metric));
        let reply = self.command(Command::Drive { trial: TaskId(trial), write: Write::Report(points), by: of(attempt) }).await?;
        let reason = if let Reply::Judged(reason) = reply { reason } else { None };
        Ok(Response::new(ReportResponse { stop: reason.is_some(), reason: reason.unwrap_or_default() }))
    }

    async fn tell(&self, request: Request<TellRequest>) -> Result<Response<TrialMessage>, Status> {
        let request = request.into_inner();
        let (id, by) = (TaskId(request.trial), By { request: Some(request_id(&request.request_id)?), ..of(request.attempt) });
        let study = self.writer.study_of(id).await.map_err(status)?;
        let study = study.ok_or_else(|| statuses::from_reject(&Reject::NoSuchTrial(id)))?;
        let write = tell(&study, &request)?;
        drop(study);
        self.command(Command::Drive { trial: id, write, by }).await?;
        self.asking.forget(id);
        let view = self.view().await?;
        let study = view.state.study_of(id).ok_or_else(|| Status::not_found("the study has been removed"))?;
        let number = study.finished_trial(id).map(|trial| trial.number());
        let message = number.and_then(|number| trial_message(&view, study, number, false));
        message.map(Response::new).ok_or_else(|| Status::not_found("the trial has been removed"))
    }

    async fn give_back(&self, request: Request<GiveBackRequest>) -> Result<Response<GiveBackResponse>, Status> {
        let GiveBackRequest { trial, attempt } = request.into_inner();
        self.command(Command::Drive { trial: TaskId(trial), write: Write::GiveBack, by: of(attempt) }).await?;
        Ok(Response::new(GiveBackResponse {}))
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<RenewResponse>, Status> {
        let RenewRequest { held, lease_us } = request.into_inner();
        let attempt = |attempt: u32| Some(attempt).filter(|attempt| *attempt > 0);
        let held = held.iter().map(|held| HeldTrial { trial: TaskId(held.trial), attempt: attempt(held.attempt) }).collect();
        let reply = self.command(Command::Hold { held, hold: lease(lease_us) }).await?;
        let over = if let Reply::Over(over) = reply { over } else { Vec::new() };
        let message = |held: HeldTrial| HeldMessage { trial: held.trial.0, attempt: held.attempt.unwrap_or(0) };
        Ok(Response::new(RenewResponse { over: over.into_iter().map(message).collect() }))
    }

    async fn set_attributes(&self, request: Request<SetAttributesRequest>) -> Result<Response<SetAttributesResponse>, Status> {
        let SetAttributesRequest { owner, attributes } = request.into_inner();
        let owner = match owner.ok_or_else(no_owner)? {
            set_attributes_request::Owner::Study(study) => Owner::Study(find(&*self.view().await?, &study)?.id),
            set_attributes_request::Owner::Trial(trial) => Owner::Trial(TaskId(trial)),
        };
        let mut attributes: Vec<_> = attributes.into_iter().collect();
        attributes.sort();
        let mut answers = Vec::with_capacity(attributes.len());
        for (key, value) in attributes {
            let command = Command::SetAttribute { owner, scope: Scope::User, key, value: Some(value.to_vec()) };
            answers.push(self.writer.submit(command).await.map_err(status)?);
        }
        for answer in answers {
            answer.await.map_err(|_| status(Refusal::Stopping))?.map_err(status)?;
        }
        Ok(Response::new(SetAttributesResponse {}))
    }

    async fn get_attributes(&self, request: Request<GetAttributesRequest>) -> Result<Response<GetAttributesResponse>, Status> {
        let view = self.view().await?;
        let attributes = match request.into_inner().owner.ok_or_else(no_owner)? {
            get_attributes_request::Owner::Study(study) => of_users([&*find(&view, &study)?.attributes]),
            get_attributes_request::Owner::Trial(trial) => attributes_of(&view, TaskId(trial))?,
        };
        Ok(Response::new(GetAttributesResponse { attributes }))
    }
}

fn run_by_workers(study: &Study) -> Status {
    let message = format!("the trials of study `{}` are run by workers", study.spec.name);
    let hint = "attach a worker with `hone worker`, or choose another name for a study of your own";
    statuses::status(tonic::Code::FailedPrecondition, message, Some(hint.to_owned()))
}

fn no_owner() -> Status {
    Status::invalid_argument("the request names neither a study nor a trial")
}

fn request_id(bytes: &[u8]) -> Result<RequestId, Status> {
    let id = <[u8; 16]>::try_from(bytes).map(RequestId);
    id.map_err(|_| Status::invalid_argument(format!("a request id has 16 bytes, not {}", bytes.len())))
}

fn lease(lease_us: i64) -> Hold {
    Hold::For(if lease_us == 0 { LEASE } else { lease_us.clamp(*LEASES.start(), *LEASES.end()) })
}

fn of(attempt: u32) -> By {
    By { attempt: Some(attempt), ..By::default() }
}

fn asked_trial(view: &View, id: TaskId, attempt: u32) -> Option<AskedTrial> {
    let (study, trial) = view.state.open_trial(id)?;
    let message = trial_message(view, study, trial.number, true);
    let mut hash = blake3::Hasher::new();
    hash.update(&study.spec.search.seed.to_le_bytes()).update(&trial.number.to_le_bytes());
    let seed = u32::from_le_bytes(hash.finalize().as_bytes()[..4].try_into().expect("a hash is longer"));
    Some(AskedTrial { trial: message, attempt, seed: seed.into() })
}

/// A trial that its client may speak of.
fn running(view: &View, id: TaskId, attempt: u32) -> Result<(&Arc<Study>, &Arc<Trial>), Status> {
    let open = view.state.open_trial(id).ok_or_else(|| statuses::from_reject(&Reject::NoSuchTrial(id)));
    let (study, trial) = open?;
    match trial.running().filter(|running| running.number == attempt) {
        Some(_) => Ok((study, trial)),
        None => Err(statuses::from_reject(&Reject::StaleAttempt { number: trial.number, attempt })),
    }
}

/// The value that a trial has already.
fn given(study: &Study, trial: &Trial, name: &str) -> Option<f64> {
    let value = trial.params.get(study.spec.space.index_of(name)?)?;
    Some(*value).filter(|value| !value.is_nan())
}

fn does_not_fit(study: &Study, trial: &Trial, name: &str, value: f64) -> Status {
    let at = study.spec.space.index_of(name).unwrap_or_default();
    let shown = study.spec.space.parameters[at].distribution.to_external(value);
    let message = format!("trial {} has `{shown}` for parameter `{name}`, which is not what is asked for now", trial.number);
    statuses::status(tonic::Code::InvalidArgument, message, Some("ask with the bounds or options of before".to_owned()))
}

fn tell(study: &Study, request: &TellRequest) -> Result<Write, Status> {
    let outcome = match request.state.as_str() {
        "complete" => Outcome::Complete,
        "pruned" => Outcome::Pruned,
        "failed" => Outcome::Failed,
        other => return Err(Status::invalid_argument(format!("`{other}` is none of complete, pruned, failed"))),
    };
    let values = match (outcome, study.open_trial(TaskId(request.trial))) {
        (Outcome::Complete, Some(trial)) => values(study, trial, &request.values)?,
        _ => request.values.clone(),
    };
    let outputs = request.outputs.iter().map(file_from_proto).collect::<Result<_, _>>()?;
    Ok(Write::Tell { outcome, values, message: request.message.clone(), outputs })
}

/// The values of a complete trial: those given, else the last ones reported.
fn values(study: &Study, trial: &Trial, given: &[f64]) -> Result<Vec<f64>, Status> {
    let objectives = &study.spec.objectives;
    let values = match given {
        [] => objectives
            .iter()
            .enumerate()
            .map(|(at, objective)| {
                let value = trial.curve.summary(at as u16, objective.summary, objective.direction);
                value.ok_or_else(|| {
                    Status::invalid_argument(format!("metric `{}` was never reported, and no value is given", objective.metric))
                })
            })
            .collect::<Result<Vec<f64>, Status>>()?,
        given => given.to_vec(),
    };
    if values.len() != objectives.len() {
        let message = format!("{} values are given, and the study has {} objectives", values.len(), objectives.len());
        return Err(Status::invalid_argument(message));
    }
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => {
            let message = format!("the value {value} is not a finite number");
            Err(statuses::status(tonic::Code::InvalidArgument, message, Some("tell that the trial failed".to_owned())))
        }
        None => Ok(values),
    }
}

fn file_from_proto(file: &hone_proto::v1::OutputFile) -> Result<FileRef, Status> {
    let blob = <[u8; 32]>::try_from(file.hash.as_ref()).map(BlobId);
    let blob = blob.map_err(|_| Status::invalid_argument(format!("the hash of `{}` has not 32 bytes", file.path)))?;
    hone_data::RelativePath::parse(&file.path).map_err(|error| Status::invalid_argument(format!("`{}`: {error}", file.path)))?;
    Ok(FileRef { path: file.path.clone(), blob, size: file.size, executable: file.executable, kept_by: None })
}

/// What users have set, the later layers over the former ones.
fn of_users<'a>(layers: impl IntoIterator<Item = &'a Attributes>) -> std::collections::HashMap<String, bytes::Bytes> {
    let all = layers.into_iter().flatten().filter(|((scope, _), _)| *scope == Scope::User);
    all.map(|((_, key), value)| (key.clone(), value.clone().into())).collect()
}

fn attributes_of(view: &View, id: TaskId) -> Result<std::collections::HashMap<String, bytes::Bytes>, Status> {
    let study = view.state.study_of(id).ok_or_else(|| statuses::from_reject(&Reject::NoSuchTrial(id)))?;
    if let Some(trial) = study.open_trial(id) {
        return Ok(of_users([&trial.attributes]));
    }
    let detail = study.finished_trial(id).and_then(|trial| trial.segment.detail(trial.row));
    let overlay = study.overlay(id).map(|overlay| &overlay.attributes);
    Ok(of_users(detail.map(|detail| &detail.attributes).into_iter().chain(overlay)))
}
