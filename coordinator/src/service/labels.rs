//! Label projects and requests, as users and their programs see and answer them.

use std::{pin::Pin, sync::Arc};

use hone_proto::v1::{
    self, AskLabelsRequest, AskLabelsResponse, CreateLabelProjectRequest, GetLabelProjectRequest, GetLabelRequest,
    Label as LabelMessage, LabelBatch, LabelProject as ProjectMessage, LabelSample, LabelTask, ListAnnotatorsRequest,
    ListAnnotatorsResponse, ListLabelProjectsRequest, ListLabelProjectsResponse, ListLabelsRequest, NextLabelRequest,
    NextLabelResponse, ReleaseLabelRequest, ReleaseLabelResponse, RemoveLabelProjectRequest, RemoveLabelProjectResponse,
    RenewLabelsRequest, RenewLabelsResponse, ReopenLabelRequest, ReportLabelsRequest, ReportLabelsResponse, RescoreLabelsRequest,
    RescoreLabelsResponse, ResolveLabelRequest, SetLabelProjectRequest, SkipLabelRequest, SkipLabelResponse, SubmitLabelRequest,
    SubmitLabelResponse, SyncLabelsRequest, SyncLabelsResponse, UndoLabelRequest, WithdrawAnswerRequest, WithdrawLabelsRequest,
    WithdrawLabelsResponse, label_service_server::LabelService,
};
use hone_studies::{
    AnswerId, BlobId, LabelRequestId, RequestId,
    file::parse_labels,
    label::{
        Channel, Form, Label, LabelCommand, LabelReply, LabelRequest, LabelState, NewRequest, ProjectState, Rescore, SampleData,
        label_report,
    },
};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Code, Request, Response, Status, Streaming};

use super::{Services, choosing, computed, passes};
use crate::{
    convert::{
        client::{
            annotators_to_proto, find_label_project, label_report_to_json, label_to_proto, prediction_from_proto,
            prediction_to_proto,
        },
        status::{from_diagnostics, from_select, status},
    },
    labels::{Answered, Batch, Given, no_such_request, unexpected},
};

/// Requests in one message.
const PAGE: usize = 256;
/// Messages on the way to one reader.
const PAGES: usize = 4;
/// Samples of one batch: a commit that everybody waits for.
const MAX_SAMPLES: usize = 100_000;

#[tonic::async_trait]
impl LabelService for Services {
    type ChooseSamplesStream = choosing::Answers;
    type RateSamplesStream = choosing::Answers;
    type ListLabelsStream = Pin<Box<dyn Stream<Item = Result<LabelBatch, Status>> + Send>>;

    async fn create_label_project(
        &self,
        request: Request<CreateLabelProjectRequest>,
    ) -> Result<Response<ProjectMessage>, Status> {
        let CreateLabelProjectRequest { text, file, request_id } = request.into_inner();
        let spec = parse_labels(&text, &file).map_err(|mistakes| from_diagnostics(&mistakes, &text))?;
        let request = request_id_of(&request_id)?;
        let reply = self.labels.command(LabelCommand::CreateProject { spec: Arc::new(spec), text, request }).await?;
        self.project_reply(&reply).await
    }

    async fn list_label_projects(
        &self,
        _request: Request<ListLabelProjectsRequest>,
    ) -> Result<Response<ListLabelProjectsResponse>, Status> {
        let view = self.view().await?;
        let projects = view.state.labels.projects().map(|project| self.label_project_message(project, false)).collect();
        Ok(Response::new(ListLabelProjectsResponse { projects }))
    }

    async fn get_label_project(&self, request: Request<GetLabelProjectRequest>) -> Result<Response<ProjectMessage>, Status> {
        let project = self.labels.project(&request.into_inner().project).await?;
        Ok(Response::new(self.label_project_message(&project, true)))
    }

    async fn set_label_project(&self, request: Request<SetLabelProjectRequest>) -> Result<Response<ProjectMessage>, Status> {
        let SetLabelProjectRequest { project, text, file, state } = request.into_inner();
        let project = self.labels.project(&project).await?.id;
        let to = if state.is_empty() { None } else { Some(project_state(&state)?) };
        if !text.is_empty() {
            let spec = parse_labels(&text, &file).map_err(|mistakes| from_diagnostics(&mistakes, &text))?;
            self.labels.done(LabelCommand::ChangeProject { project, spec: Arc::new(spec), text }).await?;
        }
        if let Some(to) = to {
            self.labels.done(LabelCommand::MoveProject { project, to }).await?;
        }
        self.project_reply(&LabelReply::Project(project)).await
    }

    async fn remove_label_project(
        &self,
        request: Request<RemoveLabelProjectRequest>,
    ) -> Result<Response<RemoveLabelProjectResponse>, Status> {
        let RemoveLabelProjectRequest { project, force } = request.into_inner();
        let project = self.labels.project(&project).await?.id;
        self.labels.done(LabelCommand::RemoveProject { project, force }).await?;
        Ok(Response::new(RemoveLabelProjectResponse {}))
    }

    async fn ask_labels(&self, request: Request<Streaming<AskLabelsRequest>>) -> Result<Response<AskLabelsResponse>, Status> {
        let mut inbound = request.into_inner();
        let first = inbound.message().await?.ok_or_else(|| Status::invalid_argument("no message names the project"))?;
        let project = self.labels.project(&first.project).await?;
        // Whoever holds the project itself makes its next change copy it.
        let (project, spec) = (project.id, project.spec.clone());
        let (source, request) = (first.source.clone(), request_id_of(&first.request_id)?);
        let (mut batch, mut samples, mut next) = (Batch::default(), Vec::new(), Some(first));
        while let Some(message) = next {
            for sample in message.samples {
                batch.add(&sample.sample, if sample.data_json.is_empty() { "{}" } else { &sample.data_json })?;
                samples.push(new_request(&spec.form, sample, &source)?);
            }
            if samples.len() > MAX_SAMPLES {
                return Err(Status::invalid_argument(format!("one batch has at most {MAX_SAMPLES} samples; ask in several")));
            }
            next = inbound.message().await?;
        }
        let (places, files, stored) = self.labels.samples().keep(batch).await?;
        for (sample, place) in samples.iter_mut().zip(&places) {
            sample.data = *place;
        }
        let blob = BlobId(*stored.hash.as_bytes());
        let reply = self.labels.command(LabelCommand::Ask { project, source, blob, files, samples, request }).await?;
        drop(stored);
        match reply {
            LabelReply::Asked { batch, new, known } => Ok(Response::new(AskLabelsResponse { batch, new, known })),
            other => Err(unexpected(&other)),
        }
    }

    async fn rescore_labels(
        &self,
        request: Request<Streaming<RescoreLabelsRequest>>,
    ) -> Result<Response<RescoreLabelsResponse>, Status> {
        let mut inbound = request.into_inner();
        let first = inbound.message().await?.ok_or_else(|| Status::invalid_argument("no message names the project"))?;
        let project = self.labels.project(&first.project).await?;
        let source = first.source.clone();
        let (mut scores, mut next) = (Vec::new(), Some(first));
        while let Some(message) = next {
            for score in message.scores {
                let Some(request) = project.request_of(&score.sample).map(|request| request.id) else { continue };
                let prediction = score.prediction.as_ref();
                let prediction = prediction.map(|it| prediction_from_proto(&project.spec.form, it, &source)).transpose();
                let prediction = prediction.map_err(|why| bad_sample(&score.sample, &why))?;
                scores.push(Rescore { request, priority: priority(&score.sample, score.priority)?, prediction });
            }
            next = inbound.message().await?;
        }
        let id = project.id;
        drop(project);
        match self.labels.command(LabelCommand::Rescore { project: id, source, scores }).await? {
            LabelReply::Rescored { changed } => Ok(Response::new(RescoreLabelsResponse { changed })),
            other => Err(unexpected(&other)),
        }
    }

    async fn list_labels(&self, request: Request<ListLabelsRequest>) -> Result<Response<Self::ListLabelsStream>, Status> {
        let ListLabelsRequest { project, states, after, limit, data } = request.into_inner();
        let states: Vec<LabelState> = states.iter().map(|state| label_state(state)).collect::<Result<_, _>>()?;
        let view = self.view().await?;
        let project = find_label_project(&view.state.labels, &project).map_err(|error| from_select(&error))?.clone();
        let (sender, receiver) = mpsc::channel(PAGES);
        let samples = self.labels.samples().clone();
        tokio::spawn(async move {
            let wanted = |request: &&LabelRequest| {
                let of_state =
                    if states.is_empty() { request.state != LabelState::Withdrawn } else { states.contains(&request.state) };
                of_state && request.id.0 > after
            };
            let limit = if limit == 0 { usize::MAX } else { limit as usize };
            let all: Vec<&LabelRequest> = project.requests().filter(wanted).take(limit).collect();
            for page in all.chunks(PAGE) {
                let places: Vec<SampleData> = page.iter().filter(|_| data).map(|request| request.data).collect();
                let page = match samples.read_all(places).await {
                    Ok(mut read) => {
                        read.resize(page.len(), String::new());
                        let messages = page.iter().zip(read);
                        Ok(messages.map(|(request, data)| label_to_proto(&view.state.labels, &project, request, data)).collect())
                    }
                    Err(error) => Err(error),
                };
                let is_last = page.is_err();
                if sender.send(page.map(|labels| LabelBatch { labels })).await.is_err() || is_last {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn get_label(&self, request: Request<GetLabelRequest>) -> Result<Response<LabelMessage>, Status> {
        let GetLabelRequest { request, project, sample } = request.into_inner();
        let request = if request == 0 {
            let project = self.labels.project(&project).await?;
            let found = project.request_of(&sample).map(|request| request.id);
            found.ok_or_else(|| {
                let message = format!("label project `{}` asks for no sample `{sample}`", project.spec.name);
                status(Code::NotFound, message, Some("`hone label requests` lists them".to_owned()))
            })?
        } else {
            LabelRequestId(request)
        };
        self.label_message(request).await
    }

    async fn next_label(&self, request: Request<NextLabelRequest>) -> Result<Response<NextLabelResponse>, Status> {
        let NextLabelRequest { project, annotator, holding, request, by_command } = request.into_inner();
        let annotator = self.labels.annotator(&annotator, channel(by_command)).await?;
        let given = if request == 0 {
            let project = self.labels.project(&project).await?.id;
            self.labels.next(project, annotator, holding.into_iter().map(LabelRequestId).collect()).await?
        } else {
            self.labels.take(LabelRequestId(request), annotator).await?
        };
        Ok(Response::new(given_to_proto(given)))
    }

    async fn renew_labels(&self, request: Request<RenewLabelsRequest>) -> Result<Response<RenewLabelsResponse>, Status> {
        let RenewLabelsRequest { annotator, requests } = request.into_inner();
        let annotator = self.labels.annotator(&annotator, Channel::Program).await?;
        let over = self.labels.renew(annotator, requests.into_iter().map(LabelRequestId).collect()).await?;
        Ok(Response::new(RenewLabelsResponse { over: over.into_iter().map(|request| request.0).collect() }))
    }

    async fn submit_label(&self, request: Request<SubmitLabelRequest>) -> Result<Response<SubmitLabelResponse>, Status> {
        let SubmitLabelRequest { request, annotator, label_json, took_ms, request_id, by_command } = request.into_inner();
        let channel = channel(by_command);
        let annotator = self.labels.annotator(&annotator, channel).await?;
        let (label, asked_by) = (parse_label(&label_json)?, request_id_of(&request_id)?);
        let request = LabelRequestId(request);
        let answered = Answered { request, annotator, label: &label, took_ms, channel, asked_by };
        let (answer, state) = self.labels.submit(answered).await?;
        Ok(Response::new(SubmitLabelResponse { answer, state: state.name().to_owned() }))
    }

    async fn skip_label(&self, request: Request<SkipLabelRequest>) -> Result<Response<SkipLabelResponse>, Status> {
        let SkipLabelRequest { request, annotator, reason, by_command } = request.into_inner();
        let annotator = self.labels.annotator(&annotator, channel(by_command)).await?;
        self.labels.done(LabelCommand::Skip { request: LabelRequestId(request), annotator, reason }).await?;
        Ok(Response::new(SkipLabelResponse {}))
    }

    async fn release_label(&self, request: Request<ReleaseLabelRequest>) -> Result<Response<ReleaseLabelResponse>, Status> {
        let ReleaseLabelRequest { request, annotator } = request.into_inner();
        let annotator = self.labels.annotator(&annotator, Channel::Program).await?;
        self.labels.done(LabelCommand::Release { request: LabelRequestId(request), annotator }).await?;
        Ok(Response::new(ReleaseLabelResponse {}))
    }

    async fn undo_label(&self, request: Request<UndoLabelRequest>) -> Result<Response<NextLabelResponse>, Status> {
        let UndoLabelRequest { request, annotator } = request.into_inner();
        let annotator = self.labels.annotator(&annotator, Channel::Program).await?;
        Ok(Response::new(given_to_proto(self.labels.undo(LabelRequestId(request), annotator).await?)))
    }

    async fn resolve_label(&self, request: Request<ResolveLabelRequest>) -> Result<Response<LabelMessage>, Status> {
        let ResolveLabelRequest { request, label_json, annotator, by_command } = request.into_inner();
        let request = LabelRequestId(request);
        let by = self.labels.annotator(&annotator, channel(by_command)).await?;
        let label: Label = self.labels.label_of(request, &parse_label(&label_json)?).await?;
        self.labels.done(LabelCommand::Resolve { request, label, by }).await?;
        self.label_message(request).await
    }

    async fn withdraw_labels(&self, request: Request<WithdrawLabelsRequest>) -> Result<Response<WithdrawLabelsResponse>, Status> {
        let WithdrawLabelsRequest { requests, reason } = request.into_inner();
        let view = self.view().await?;
        if let Some(unknown) = requests.iter().map(|id| LabelRequestId(*id)).find(|id| view.state.labels.request(*id).is_none()) {
            return Err(no_such_request(unknown));
        }
        drop(view);
        let withdraw = |id: &u64| LabelCommand::Withdraw { request: LabelRequestId(*id), reason: reason.clone() };
        self.labels.all_done(requests.iter().map(withdraw)).await?;
        Ok(Response::new(WithdrawLabelsResponse { withdrawn: requests.len() as u32 }))
    }

    async fn reopen_label(&self, request: Request<ReopenLabelRequest>) -> Result<Response<LabelMessage>, Status> {
        let request = LabelRequestId(request.into_inner().request);
        self.labels.done(LabelCommand::Reopen { request }).await?;
        self.label_message(request).await
    }

    async fn withdraw_answer(&self, request: Request<WithdrawAnswerRequest>) -> Result<Response<LabelMessage>, Status> {
        let WithdrawAnswerRequest { request, answer, reason } = request.into_inner();
        let (request, answer) = (LabelRequestId(request), AnswerId(answer));
        self.labels.done(LabelCommand::WithdrawAnswer { request, answer, reason }).await?;
        self.label_message(request).await
    }

    async fn sync_labels(&self, request: Request<SyncLabelsRequest>) -> Result<Response<SyncLabelsResponse>, Status> {
        self.sync(request.into_inner()).await
    }

    async fn choose_samples(
        &self,
        request: Request<v1::ChooseSamplesRequest>,
    ) -> Result<Response<Self::ChooseSamplesStream>, Status> {
        choosing::choose(self, request.into_inner()).await.map(Response::new)
    }

    async fn rate_samples(&self, request: Request<v1::RateSamplesRequest>) -> Result<Response<Self::RateSamplesStream>, Status> {
        choosing::rate_samples(self, request.into_inner()).await.map(Response::new)
    }

    async fn list_annotators(&self, request: Request<ListAnnotatorsRequest>) -> Result<Response<ListAnnotatorsResponse>, Status> {
        let given = request.into_inner().project;
        let view = self.view().await?;
        let labels = &view.state.labels;
        let annotators = if given.is_empty() {
            annotators_to_proto(labels, labels.projects())
        } else {
            let project = find_label_project(labels, &given).map_err(|error| from_select(&error))?;
            annotators_to_proto(labels, std::iter::once(project))
        };
        Ok(Response::new(ListAnnotatorsResponse { annotators }))
    }

    async fn report_labels(&self, request: Request<ReportLabelsRequest>) -> Result<Response<ReportLabelsResponse>, Status> {
        let view = self.view().await?;
        let labels = &view.state.labels;
        let project = find_label_project(labels, &request.into_inner().project).map_err(|error| from_select(&error))?.clone();
        let message = self.label_project_message(&project, false);
        let report = computed(move || {
            label_report(&project).map(|report| label_report_to_json(&view.state.labels, &project, &report).to_string())
        });
        let report_json = report.await?.map_err(|error| Status::failed_precondition(error.to_string()))?;
        Ok(Response::new(ReportLabelsResponse { project: Some(message), report_json }))
    }

    async fn invite_annotator(
        &self,
        request: Request<v1::InviteAnnotatorRequest>,
    ) -> Result<Response<v1::InviteAnnotatorResponse>, Status> {
        passes::invite(self, request.into_inner()).await.map(Response::new)
    }

    async fn list_passes(&self, _: Request<v1::ListPassesRequest>) -> Result<Response<v1::ListPassesResponse>, Status> {
        passes::list(self).await.map(Response::new)
    }

    async fn revoke_passes(
        &self,
        request: Request<v1::RevokePassesRequest>,
    ) -> Result<Response<v1::RevokePassesResponse>, Status> {
        passes::revoke(self, request.into_inner().what).await.map(Response::new)
    }
}

impl Services {
    async fn project_reply(&self, reply: &LabelReply) -> Result<Response<ProjectMessage>, Status> {
        let LabelReply::Project(id) = reply else { return Err(unexpected(reply)) };
        let view = self.view().await?;
        let project = view.state.labels.project(*id).ok_or_else(|| Status::not_found("the label project is gone"))?;
        Ok(Response::new(self.label_project_message(project, true)))
    }

    async fn label_message(&self, id: LabelRequestId) -> Result<Response<LabelMessage>, Status> {
        let view = self.view().await?;
        let (project, request) = view.state.labels.request(id).ok_or_else(|| no_such_request(id))?;
        let data = self.labels.samples().read(request.data).await?;
        Ok(Response::new(label_to_proto(&view.state.labels, project, request, data)))
    }
}

fn channel(by_command: bool) -> Channel {
    if by_command { Channel::Command } else { Channel::Program }
}

fn given_to_proto(given: Given) -> NextLabelResponse {
    match given {
        Given::Nothing { reason } => NextLabelResponse { task: None, reason },
        Given::Task(task) => {
            let form = &task.spec.form;
            let prediction = task.shown.as_ref().map(|shown| prediction_to_proto(form, shown));
            let task = LabelTask {
                request: task.request.0,
                sample: task.sample.to_string(),
                data_json: task.data,
                until_us: task.until,
                prediction,
            };
            NextLabelResponse { task: Some(task), reason: String::new() }
        }
    }
}

fn new_request(form: &Form, sample: LabelSample, source: &str) -> Result<NewRequest, Status> {
    let name = sample.sample.clone();
    let prediction = sample.prediction.as_ref().map(|it| prediction_from_proto(form, it, source)).transpose();
    let gold = match sample.gold_json.as_str() {
        "" => None,
        text => {
            Some(Label::from_json(form, &parse_label(text)?).map_err(|why| bad_sample(&name, &format!("its answer: {why}")))?)
        }
    };
    Ok(NewRequest {
        data: SampleData { blob: BlobId([0; 32]), offset: 0, length: 0 },
        priority: priority(&name, sample.priority)?,
        prediction: prediction.map_err(|why| bad_sample(&name, &why))?,
        control: sample.control,
        gold,
        sample: sample.sample.into(),
    })
}

fn priority(sample: &str, priority: f64) -> Result<f64, Status> {
    // A zero has no sign.
    if priority.is_nan() { Err(bad_sample(sample, "its priority is not a number")) } else { Ok(priority + 0.0) }
}

fn bad_sample(sample: &str, why: &str) -> Status {
    Status::invalid_argument(format!("sample `{sample}`: {why}"))
}

fn parse_label(text: &str) -> Result<Value, Status> {
    let hint = "a class is a text: \"cat\"; docs/labels.md has the others".to_owned();
    serde_json::from_str(text)
        .map_err(|error| status(Code::InvalidArgument, format!("the label is not JSON: {error}"), Some(hint)))
}

fn request_id_of(bytes: &[u8]) -> Result<Option<RequestId>, Status> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let id = bytes.try_into().map(RequestId);
    id.map(Some).map_err(|_| Status::invalid_argument(format!("a request id has 16 bytes, not {}", bytes.len())))
}

fn project_state(text: &str) -> Result<ProjectState, Status> {
    let states = [ProjectState::Open, ProjectState::Paused, ProjectState::Closed];
    let found = states.into_iter().find(|state| state.name() == text);
    found.ok_or_else(|| Status::invalid_argument(format!("`{text}` is not `open`, `paused` or `closed`")))
}

fn label_state(text: &str) -> Result<LabelState, Status> {
    LabelState::ALL.into_iter().find(|state| state.name() == text).ok_or_else(|| {
        let names: Vec<&str> = LabelState::ALL.into_iter().map(LabelState::name).collect();
        let message = format!("there is no state `{text}` of label requests");
        status(Code::InvalidArgument, message, Some(format!("there are {}", names.join(", "))))
    })
}
