//! Trials: list, explain, enqueue, retry, logs.

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use hone_proto::{
    v1::{
        AnnotateTrialRequest, EnqueueTrialRequest, Explanation, GetTrialRequest, ImportTrialsRequest, ImportTrialsResponse,
        ListTrialsRequest, ListTrialsResponse, LogPiece, StreamTrialsRequest, Trial as TrialMessage, TrialBatch, TrialLogRequest,
        trial_service_server::TrialService,
    },
    worker::LogRequest,
};
use hone_studies::{Command, FileRef, Owner, Reply, Scope, Study, TaskId, WorkerId};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use super::{Services, studies::find, trial_message};
use crate::{
    actor::View,
    convert::{client, status as statuses},
};

/// Trials of a page when no limit is given, and at most.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 10_000;
/// Trials in one message of an export.
const BATCH: u32 = 256;

type TrialResult = Result<Response<TrialMessage>, Status>;

#[tonic::async_trait]
impl TrialService for Services {
    type StreamTrialsStream = Pin<Box<dyn Stream<Item = Result<TrialBatch, Status>> + Send>>;
    type TrialLogStream = Pin<Box<dyn Stream<Item = Result<LogPiece, Status>> + Send>>;

    async fn list_trials(&self, request: Request<ListTrialsRequest>) -> Result<Response<ListTrialsResponse>, Status> {
        let request = request.into_inner();
        let view = self.view().await?;
        let study = find(&view, &request.study)?;
        let limit = if request.limit == 0 { PAGE } else { request.limit.min(MAX_PAGE) } as usize;
        let mut numbers = numbers_of(study, &request);
        let wanted = |number: &u32| {
            request.states.is_empty() || state_of(study, *number).is_some_and(|state| request.states.iter().any(|s| s == state))
        };
        let page: Vec<u32> = numbers.by_ref().filter(wanted).take(limit).collect();
        let more = numbers.any(|number| wanted(&number));
        let trials = page.into_iter().filter_map(|number| trial_message(&view, study, number, false)).collect();
        Ok(Response::new(ListTrialsResponse { study: Some(client::study_to_proto(study, &view.state)), trials, more }))
    }

    async fn stream_trials(&self, request: Request<StreamTrialsRequest>) -> Result<Response<Self::StreamTrialsStream>, Status> {
        let view = self.view().await?;
        let study = find(&view, &request.into_inner().study)?.clone();
        let (sender, receiver) = mpsc::channel(2);
        tokio::task::spawn_blocking(move || {
            for first in (0..study.next_number).step_by(BATCH as usize) {
                let numbers = first..(first + BATCH).min(study.next_number);
                let trials = numbers.filter_map(|number| trial_message(&view, &study, number, true)).collect();
                if sender.blocking_send(Ok(TrialBatch { trials })).is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn get_trial(&self, request: Request<GetTrialRequest>) -> TrialResult {
        let GetTrialRequest { study, trial } = request.into_inner();
        let view = self.view().await?;
        let (study, _, number) = select(&view, &study, &trial)?;
        found(&view, study, number)
    }

    async fn explain_trial(&self, request: Request<GetTrialRequest>) -> Result<Response<Explanation>, Status> {
        let GetTrialRequest { study, trial } = request.into_inner();
        let view = self.view().await?;
        let study = find(&view, &study)?;
        let trial = client::find_trial(study, &trial).map_err(|error| statuses::from_select(&error))?;
        Ok(Response::new(client::explanation(&view.state, &view.roster, study, trial, view.now)))
    }

    async fn enqueue_trial(&self, request: Request<EnqueueTrialRequest>) -> TrialResult {
        let request = request.into_inner();
        let view = self.view().await?;
        let study = find(&view, &request.study)?;
        let params = client::values_from_strings(&study.spec.space, &request.params)
            .map_err(|problems| statuses::from_values(&problems))?;
        let attributes = annotations(&request.tags, &request.note);
        let reply = self.command(Command::Enqueue { study: study.id, params, attributes }).await?;
        self.trial_of(reply).await
    }

    async fn import_trials(
        &self,
        request: Request<Streaming<ImportTrialsRequest>>,
    ) -> Result<Response<ImportTrialsResponse>, Status> {
        super::imports::import(self, request.into_inner()).await.map(Response::new)
    }

    async fn retry_trial(&self, request: Request<GetTrialRequest>) -> TrialResult {
        let trial = self.select_id(request.into_inner()).await?;
        let reply = self.command(Command::RetryTrial { trial }).await?;
        self.trial_of(reply).await
    }

    async fn cancel_trial(&self, request: Request<GetTrialRequest>) -> TrialResult {
        let trial = self.select_id(request.into_inner()).await?;
        let reply = self.command(Command::CancelTrial { trial }).await?;
        self.trial_of(reply).await
    }

    async fn pause_trial(&self, request: Request<GetTrialRequest>) -> TrialResult {
        let trial = self.select_id(request.into_inner()).await?;
        let reply = self.command(Command::PauseTrial { trial }).await?;
        self.trial_of(reply).await
    }

    async fn resume_trial(&self, request: Request<GetTrialRequest>) -> TrialResult {
        let trial = self.select_id(request.into_inner()).await?;
        let reply = self.command(Command::ResumeTrial { trial }).await?;
        self.trial_of(reply).await
    }

    async fn annotate_trial(&self, request: Request<AnnotateTrialRequest>) -> TrialResult {
        let request = request.into_inner();
        let view = self.view().await?;
        let (study, id, number) = select(&view, &request.study, &request.trial)?;
        let before = trial_message(&view, study, number, false).unwrap_or_default();
        for (key, value) in changed_annotations(&before, &request) {
            let command =
                Command::SetAttribute { owner: Owner::Trial(id), scope: Scope::User, key: key.to_owned(), value: Some(value) };
            self.command(command).await?;
        }
        self.trial_of(Reply::Trial(id)).await
    }

    async fn trial_log(&self, request: Request<TrialLogRequest>) -> Result<Response<Self::TrialLogStream>, Status> {
        let TrialLogRequest { study, trial, attempt, follow } = request.into_inner();
        let view = self.view().await?;
        let (_, id, _) = select(&view, &study, &trial)?;
        let (sender, receiver) = mpsc::channel(4);
        let reader = LogReader { services: self.clone(), trial: id, follow, sender };
        tokio::spawn(reader.run(attempt));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

impl Services {
    async fn select_id(&self, request: GetTrialRequest) -> Result<TaskId, Status> {
        let view = self.view().await?;
        select(&view, &request.study, &request.trial).map(|(_, id, _)| id)
    }

    async fn trial_of(&self, reply: Reply) -> TrialResult {
        let Reply::Trial(id) = reply else {
            return Err(Status::internal("the answer names no trial"));
        };
        let view = self.view().await?;
        let study = view.state.study_of(id).ok_or_else(|| Status::not_found("the trial has been removed"))?;
        let number = study.number_of(id).ok_or_else(|| Status::not_found("the trial has been removed"))?;
        found(&view, study, number)
    }
}

/// What a new trial is marked with.
fn annotations(tags: &[String], note: &str) -> BTreeMap<String, Vec<u8>> {
    let tags = (!tags.is_empty()).then(|| (client::TAGS.to_owned(), client::tags_to_bytes(tags)));
    let note = (!note.is_empty()).then(|| (client::NOTE.to_owned(), client::note_to_bytes(note)));
    tags.into_iter().chain(note).collect()
}

fn changed_annotations(before: &TrialMessage, request: &AnnotateTrialRequest) -> Vec<(&'static str, Vec<u8>)> {
    let tags = client::tags_after(&before.tags, &request.add_tags, &request.remove_tags);
    let tags = (tags != before.tags).then(|| (client::TAGS, client::tags_to_bytes(&tags)));
    let note = request.note.as_ref().map(|note| (client::NOTE, client::note_to_bytes(note)));
    tags.into_iter().chain(note).collect()
}

fn found(view: &View, study: &Study, number: u32) -> TrialResult {
    let message = trial_message(view, study, number, true);
    message.map(Response::new).ok_or_else(|| Status::not_found(format!("study `{}` has no trial {number}", study.spec.name)))
}

fn select<'a>(view: &'a View, study: &str, trial: &str) -> Result<(&'a Arc<Study>, TaskId, u32), Status> {
    let study = find(view, study)?;
    let trial = client::find_trial(study, trial).map_err(|error| statuses::from_select(&error))?;
    Ok((study, trial.id(), trial.number()))
}

fn numbers_of(study: &Study, request: &ListTrialsRequest) -> Box<dyn Iterator<Item = u32>> {
    let after = request.after_number.and_then(|after| u32::try_from(after).ok());
    if request.oldest_first {
        Box::new(after.map_or(0, |after| after.saturating_add(1))..study.next_number)
    } else {
        Box::new((0..after.unwrap_or(study.next_number).min(study.next_number)).rev())
    }
}

fn state_of(study: &Study, number: u32) -> Option<&'static str> {
    client::trial_of(study, number).map(|trial| trial.state().name())
}

// ---------------------------------------------------------------- logs

/// Attempts of a finished trial; a plain one left no log, so its single attempt is not kept.
fn finished_attempts(study: &Study, trial: TaskId) -> Vec<hone_studies::Attempt> {
    let detail = study.finished_trial(trial).and_then(|found| found.segment.detail(found.row).cloned());
    detail.map(|detail| detail.attempts.clone()).unwrap_or_default()
}

struct LogReader {
    services: Services,
    trial: TaskId,
    follow: bool,
    sender: mpsc::Sender<Result<LogPiece, Status>>,
}

/// Where the log of an attempt is.
enum Place {
    Running(WorkerId),
    Ended(Option<FileRef>),
}

impl LogReader {
    /// Reads an attempt (0: the newest); with `follow` goes on with later ones until the trial has ended.
    async fn run(self, wanted: u32) {
        let (mut attempt, mut offset, mut read) = (0, 0, false);
        loop {
            let (number, place, open) = match self.locate(wanted).await {
                Ok(located) => located,
                Err(status) => return drop(self.sender.send(Err(status)).await),
            };
            if attempt != number {
                (attempt, offset, read) = (number, 0, false);
            }
            let ended = match place {
                _ if read => Ok(true),
                Some(Place::Running(worker)) => self.running(worker, attempt, &mut offset).await,
                Some(Place::Ended(log)) => self.ended(log, offset).await.map(|()| true),
                None => Ok(false),
            };
            read = match ended {
                Ok(read) => read,
                Err(status) => return drop(self.sender.send(Err(status)).await),
            };
            let more = self.follow && (!read || (wanted == 0 && open));
            if !more || !self.changed().await {
                return;
            }
        }
    }

    async fn locate(&self, wanted: u32) -> Result<(u32, Option<Place>, bool), Status> {
        let view = self.services.view().await?;
        let study = view.state.study_of(self.trial).ok_or_else(|| Status::not_found("the trial has been removed"))?;
        let open = study.open_trial(self.trial);
        let attempts = match open {
            Some(trial) => trial.attempts.clone(),
            None => finished_attempts(study, self.trial),
        };
        let attempt = if wanted == 0 { attempts.last() } else { attempts.iter().find(|attempt| attempt.number == wanted) };
        let Some(attempt) = attempt else {
            let plain = wanted <= 1 && open.is_none();
            return match (wanted, open.is_some()) {
                (0, true) => Ok((0, None, true)),
                _ if plain => Ok((1, Some(Place::Ended(None)), false)),
                _ => Err(Status::not_found(format!("there is no attempt {wanted}"))),
            };
        };
        let place = if attempt.end.is_none() { Place::Running(attempt.worker) } else { Place::Ended(attempt.log.clone()) };
        Ok((attempt.number, Some(place), open.is_some()))
    }

    /// True: the log has been read to its end.
    async fn running(&self, worker: WorkerId, attempt: u32, offset: &mut u64) -> Result<bool, Status> {
        let request = LogRequest {
            request: self.services.sessions.next_id(),
            task: self.trial.0,
            attempt,
            offset: *offset,
            follow: self.follow,
            cancel: false,
        };
        let Some(mut pieces) = self.services.sessions.request_log(worker, request) else {
            let remark = "the worker is not connected; its log arrives when it is back".to_owned();
            self.piece(LogPiece { remark, ..LogPiece::default() }).await;
            return Ok(false);
        };
        while let Some(piece) = pieces.recv().await {
            if !piece.error.is_empty() {
                return Ok(false);
            }
            *offset = piece.offset + piece.data.len() as u64;
            let last = piece.last;
            if !piece.data.is_empty() && !self.piece(LogPiece { data: piece.data, ..LogPiece::default() }).await {
                return Ok(true);
            }
            if last {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn ended(&self, log: Option<FileRef>, offset: u64) -> Result<(), Status> {
        let Some(log) = log else { return Ok(()) };
        let blobs = self.services.store.blobs().clone();
        let read = tokio::task::spawn_blocking(move || blobs.get(&hone_data::Hash::from_bytes(log.blob.0))).await;
        let bytes =
            read.map_err(|_| Status::internal("reading the log panicked"))?.map_err(|error| statuses::from_blob(&error))?;
        for piece in bytes.get(offset as usize..).unwrap_or_default().chunks(256 * 1024) {
            if !self.piece(LogPiece { data: piece.to_vec().into(), ..LogPiece::default() }).await {
                break;
            }
        }
        Ok(())
    }

    async fn piece(&self, piece: LogPiece) -> bool {
        self.sender.send(Ok(piece)).await.is_ok()
    }

    async fn changed(&self) -> bool {
        let mut head = self.services.writer.head();
        head.borrow_and_update();
        tokio::select! {
            changed = head.changed() => changed.is_ok(),
            () = self.sender.closed() => false,
        }
    }
}
