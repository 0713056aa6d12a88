//! Studies: create, list, watch, change.

use std::{pin::Pin, sync::Arc, time::Duration};

use hone_proto::v1::{
    BestTrialsRequest, BestTrialsResponse, CreateStudyRequest, CreateStudyResponse, ExplainStudyRequest, GetStudyRequest,
    ListStudiesRequest, ListStudiesResponse, MoveStudyRequest, PreviewStudyRequest, PreviewStudyResponse, RemoveStudyRequest,
    RemoveStudyResponse, SetStudyRequest, Study as StudyMessage, StudyExplanation, StudyUpdate, WatchStudyRequest,
    move_study_request::Action, study_service_server::StudyService,
};
use hone_search::{Foreign, History, SamplerCache, SuggestRequest};
use hone_studies::{
    BlobId, Command, Driver, Reply, Source, Study, StudyId, StudySpec, StudyState, best_trials, file, take_warm_start,
};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use super::{Services, computed, status, trial_message};
use crate::{
    actor::View,
    convert::{client, status as statuses},
};

/// A watcher hears of changes this often at most.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);
/// Ended trials in one update.
const WATCH_ENDED: usize = 20;
/// Trials of a preview, at most.
const MAX_PREVIEW: u32 = 1_000;

type StudyResult = Result<Response<StudyMessage>, Status>;

#[tonic::async_trait]
impl StudyService for Services {
    type WatchStudyStream = Pin<Box<dyn Stream<Item = Result<StudyUpdate, Status>> + Send>>;

    async fn create_study(&self, request: Request<CreateStudyRequest>) -> Result<Response<CreateStudyResponse>, Status> {
        let request = request.into_inner();
        let mut spec =
            file::parse(&request.text, &request.file).map_err(|errors| statuses::from_diagnostics(&errors, &request.text))?;
        if let Some(name) = &request.name {
            spec.name.clone_from(name);
        }
        let view = self.view().await?;
        match view.state.study_named(&spec.name) {
            None => {
                warm_start(&view, &spec, &request.text, &request.file)?;
                datasets(&view, &spec, &request.text, &request.file)?;
                self.create(request, spec).await
            }
            Some(known) if request.update => self.update(known, &request, &spec).await,
            Some(known) => Err(statuses::from_reject(&hone_studies::Reject::StudyExists { name: spec.name, study: known.id })),
        }
    }

    async fn list_studies(&self, _: Request<ListStudiesRequest>) -> Result<Response<ListStudiesResponse>, Status> {
        let view = self.view().await?;
        let studies = view.state.studies().map(|study| client::study_to_proto(study, &view.state)).collect();
        Ok(Response::new(ListStudiesResponse { studies }))
    }

    async fn get_study(&self, request: Request<GetStudyRequest>) -> StudyResult {
        let view = self.view().await?;
        let study = find(&view, &request.into_inner().study)?;
        Ok(Response::new(client::study_to_proto(study, &view.state)))
    }

    async fn watch_study(&self, request: Request<WatchStudyRequest>) -> Result<Response<Self::WatchStudyStream>, Status> {
        let view = self.view().await?;
        let id = find(&view, &request.into_inner().study)?.id;
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(watch(self.clone(), id, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn set_study(&self, request: Request<SetStudyRequest>) -> StudyResult {
        let SetStudyRequest { study, settings } = request.into_inner();
        let view = self.view().await?;
        let known = find(&view, &study)?;
        let new = file::apply_settings(&known.spec, &settings).map_err(|errors| statuses::from_refusals(&errors))?;
        let (spec, _) = file::merge_change(&known.spec, &new).map_err(|errors| statuses::from_refusals(&errors))?;
        let (id, text) = (known.id, known.text.to_string());
        self.command(Command::ChangeStudy { study: id, spec: Arc::new(spec), text }).await?;
        self.answer(id).await
    }

    async fn move_study(&self, request: Request<MoveStudyRequest>) -> StudyResult {
        let request = request.into_inner();
        let study = find(&*self.view().await?, &request.study)?.id;
        let command = match request.action() {
            Action::Pause => Command::PauseStudy { study },
            Action::Resume => Command::ResumeStudy { study },
            Action::Stop => Command::StopStudy { study },
            Action::Cancel => Command::CancelStudy { study },
            Action::Unspecified => return Err(Status::invalid_argument("no action given")),
        };
        self.command(command).await?;
        self.answer(study).await
    }

    async fn remove_study(&self, request: Request<RemoveStudyRequest>) -> Result<Response<RemoveStudyResponse>, Status> {
        let RemoveStudyRequest { study, force } = request.into_inner();
        let study = find(&*self.view().await?, &study)?.id;
        self.command(Command::RemoveStudy { study, force }).await?;
        Ok(Response::new(RemoveStudyResponse {}))
    }

    async fn best_trials(&self, request: Request<BestTrialsRequest>) -> Result<Response<BestTrialsResponse>, Status> {
        let request = request.into_inner();
        let view = self.view().await?;
        let study = find(&view, &request.study)?.clone();
        let (numbers, front) = if request.front {
            let (study, BestTrialsRequest { count, reference, .. }) = (study.clone(), request);
            computed(move || client::front(&study, count as usize, reference)).await?.map_err(Status::invalid_argument)?
        } else {
            (best_trials(&study, request.count.max(1) as usize), None)
        };
        let trials = numbers.into_iter().filter_map(|number| trial_message(&view, &study, number, true)).collect();
        Ok(Response::new(BestTrialsResponse { study: Some(client::study_to_proto(&study, &view.state)), trials, front }))
    }

    async fn explain_study(&self, request: Request<ExplainStudyRequest>) -> Result<Response<StudyExplanation>, Status> {
        let view = self.view().await?;
        let study = find(&view, &request.into_inner().study)?.clone();
        let message = client::study_to_proto(&study, &view.state);
        let found = computed(move || client::findings(&study)).await?;
        Ok(Response::new(StudyExplanation { study: Some(message), ..found }))
    }

    async fn preview_study(&self, request: Request<PreviewStudyRequest>) -> Result<Response<PreviewStudyResponse>, Status> {
        let request = request.into_inner();
        let mut spec =
            file::parse(&request.text, &request.file).map_err(|errors| statuses::from_diagnostics(&errors, &request.text))?;
        if let Some(name) = &request.name {
            spec.name.clone_from(name);
        }
        let view = self.view().await?;
        let foreign = match view.state.study_named(&spec.name) {
            Some(known) if known.spec.space == spec.space => known.warm_start.iter().map(|warm| warm.foreign.clone()).collect(),
            Some(_) => Vec::new(),
            None => {
                datasets(&view, &spec, &request.text, &request.file)?;
                warm_start(&view, &spec, &request.text, &request.file)?
            }
        };
        let directions: Vec<_> = spec.objectives.iter().map(|objective| objective.direction).collect();
        let suggestions = hone_search::suggest_warm(
            &spec.search.sampler,
            &SuggestRequest {
                space: &spec.space,
                directions: &directions,
                history: History::default(),
                pending: &[],
                seed: spec.search.seed,
                first_number: 0,
                count: request.count.clamp(1, MAX_PREVIEW) as usize,
                hints: spec.search.hints(),
            },
            &foreign,
            &mut SamplerCache::default(),
        );
        let spec_json = serde_json::to_string(&spec).map_err(|error| Status::internal(error.to_string()))?;
        let trials = suggestions.into_iter().map(|suggestion| client::suggestion_to_proto(&spec.space, suggestion)).collect();
        Ok(Response::new(PreviewStudyResponse { spec_json, trials }))
    }
}

impl Services {
    async fn answer(&self, id: StudyId) -> StudyResult {
        let view = self.view().await?;
        let study = view.state.study(id).ok_or_else(|| Status::not_found("the study has been removed"))?;
        Ok(Response::new(client::study_to_proto(study, &view.state)))
    }

    async fn create(&self, request: CreateStudyRequest, spec: StudySpec) -> Result<Response<CreateStudyResponse>, Status> {
        let source = self.source_of(&spec, &request.source)?;
        let command = Command::CreateStudy {
            spec: Arc::new(spec),
            text: request.text,
            source,
            driver: Driver::Workers,
            paused: request.paused,
            request: None,
        };
        let Reply::Study(id) = self.command(command).await? else {
            return Err(Status::internal("a study was created without an id"));
        };
        let study = self.answer(id).await?.into_inner();
        Ok(Response::new(CreateStudyResponse { study: Some(study), created: true, changes: Vec::new() }))
    }

    fn source_of(&self, spec: &StudySpec, given: &[u8]) -> Result<Option<BlobId>, Status> {
        match (&spec.source, given) {
            (Source::None, _) => Ok(None),
            (Source::Path { path, .. }, []) => {
                Err(Status::invalid_argument(format!("the study's source `{path}` was not uploaded")))
            }
            (Source::Path { .. }, hash) => {
                let hash: [u8; 32] =
                    hash.try_into().map_err(|_| Status::invalid_argument("the hash of the source must have 32 bytes"))?;
                if !self.store.blobs().contains(&hone_data::Hash::from_bytes(hash)) {
                    return Err(Status::failed_precondition("the packed source is not in the blob store; upload it first"));
                }
                Ok(Some(BlobId(hash)))
            }
        }
    }

    /// An edited file of a study that is there: what may change changes, everything else is refused by key.
    async fn update(
        &self,
        known: &Arc<Study>,
        request: &CreateStudyRequest,
        new: &StudySpec,
    ) -> Result<Response<CreateStudyResponse>, Status> {
        let (spec, mut changes) = file::merge_change(&known.spec, new).map_err(|errors| statuses::from_refusals(&errors))?;
        if !changes.is_empty() {
            let command = Command::ChangeStudy { study: known.id, spec: Arc::new(spec), text: request.text.clone() };
            self.command(command).await?;
        }
        let packed = known.source.map(|source| source.0.to_vec());
        if packed.is_some_and(|packed| !request.source.is_empty() && packed != request.source) {
            let note = "the source folder has changed since the study was created; its trials keep the source of then (`--fork NAME` starts one with the new source)";
            changes.push(note.to_owned());
        }
        let study = self.answer(known.id).await?.into_inner();
        Ok(Response::new(CreateStudyResponse { study: Some(study), created: false, changes }))
    }
}

/// The trials that a new study would start from; what is wrong is told with its place in the file.
fn warm_start(view: &View, spec: &StudySpec, text: &str, file: &str) -> Result<Vec<Arc<Foreign>>, Status> {
    let taken = take_warm_start(&view.state, spec);
    let taken = taken.map_err(|problems| statuses::from_diagnostics(&file::place_warm_start(&problems, text, file), text))?;
    Ok(taken.into_iter().map(|warm| warm.foreign).collect())
}

/// The datasets that a new study names are there; what is wrong is told with its place in the file.
fn datasets(view: &View, spec: &StudySpec, text: &str, file: &str) -> Result<(), Status> {
    let resolved = view.state.datasets.resolve(&spec.trial.datasets);
    let placed = |problems: Vec<_>| statuses::from_diagnostics(&file::place_datasets(&problems, text, file), text);
    resolved.map(drop).map_err(placed)
}

pub(super) fn find<'a>(view: &'a View, selector: &str) -> Result<&'a Arc<Study>, Status> {
    client::find_study(&view.state, selector).map_err(|error| statuses::from_select(&error))
}

async fn watch(services: Services, id: StudyId, sender: mpsc::Sender<Result<StudyUpdate, Status>>) {
    let mut head = services.writer.head();
    let mut seen = None;
    loop {
        head.borrow_and_update();
        let update = match services.writer.view().await {
            Ok(view) => study_update(&view, id, &mut seen),
            Err(refusal) => Err(status(refusal)),
        };
        let over = update.as_ref().map_or(true, is_over);
        if sender.send(update).await.is_err() || over {
            return;
        }
        let interval = tokio::time::sleep(WATCH_INTERVAL);
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            () = sender.closed() => return,
        }
        interval.await;
    }
}

fn is_over(update: &StudyUpdate) -> bool {
    update.study.as_ref().is_none_or(|study| study.state == StudyState::Finished.name())
}

fn study_update(view: &View, id: StudyId, seen: &mut Option<usize>) -> Result<StudyUpdate, Status> {
    let study = view.state.study(id).ok_or_else(|| Status::not_found("the study has been removed"))?;
    let ended = study.finished.len();
    let first = seen.unwrap_or(ended).max(ended.saturating_sub(WATCH_ENDED));
    *seen = Some(ended);
    let numbers = (first..ended).map(|row| study.finished.by_row(row).number());
    let running = study.open().filter(|trial| trial.running().is_some());
    Ok(StudyUpdate {
        study: Some(client::study_to_proto(study, &view.state)),
        ended: numbers.filter_map(|number| trial_message(view, study, number, false)).collect(),
        running: running.filter_map(|trial| trial_message(view, study, trial.number, false)).collect(),
        workers: view.roster.sessions().filter(|(_, session)| session.is_connected()).count() as u32,
        waiting_for: client::waits_for(&view.state, &view.roster, study, view.now),
    })
}
