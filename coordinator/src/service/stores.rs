//! The store: what it holds, whether it is whole, copies of it.

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use hone_proto::v1::{
    BackupStoreRequest, BackupStoreResponse, CompactStoreRequest, CompactStoreResponse, CreateJoinTokenRequest,
    CreateJoinTokenResponse, EventBatch, ExportEventsRequest, GetStoreRequest, MlflowMirror, StayRequest, StayResponse,
    Store as StoreMessage, VerifyStoreRequest, VerifyStoreResponse, store_service_server::StoreService,
};
use hone_studies::invariants;
use tokio::sync::{mpsc, watch};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use super::{Services, status};
use crate::{convert::status as statuses, datasets, export, journal::backup::Backup};

/// Events in one message of an export.
const BATCH: usize = 512;

/// Who needs this coordinator to stay up.
#[derive(Clone, Debug)]
pub struct Stays(Arc<watch::Sender<usize>>);

impl Default for Stays {
    fn default() -> Stays {
        Stays(Arc::new(watch::channel(0).0))
    }
}

impl Stays {
    fn enter(&self) -> Stay {
        self.0.send_modify(|count| *count += 1);
        Stay(self.clone())
    }

    /// Waits until somebody is there.
    pub async fn some(&self) {
        let mut changes = self.0.subscribe();
        let _ = changes.wait_for(|now| *now > 0).await;
    }

    /// Waits until at most `count` are left.
    pub async fn at_most(&self, count: usize) {
        let mut changes = self.0.subscribe();
        let _ = changes.wait_for(|now| *now <= count).await;
    }
}

struct Stay(Stays);

impl Drop for Stay {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

#[tonic::async_trait]
impl StoreService for Services {
    type ExportEventsStream = Pin<Box<dyn Stream<Item = Result<EventBatch, Status>> + Send>>;
    type StayStream = Pin<Box<dyn Stream<Item = Result<StayResponse, Status>> + Send>>;

    async fn get_store(&self, _: Request<GetStoreRequest>) -> Result<Response<StoreMessage>, Status> {
        let usage = self.writer.with_store(|engine, _| engine.journal().usage()).await.map_err(status)?;
        let view = self.view().await?;
        let blobs = self.store.blobs().usage().map_err(|error| statuses::from_blob(&error))?;
        Ok(Response::new(StoreMessage {
            id: self.store_id.clone(),
            data: self.store.directory().display().to_string(),
            sequence: usage.head,
            journal_bytes: usage.bytes_on_disk,
            snapshot_bytes: directory_bytes(&self.store.directory().join("snapshots")),
            blob_bytes: blobs.bytes,
            build: self.build.clone(),
            studies: view.state.studies().count() as u64,
            trials: view.state.trials_ever(),
            mlflow: self.mlflow.as_ref().map(|mirror| MlflowMirror {
                server: mirror.server().to_owned(),
                behind: mirror.behind(&view.state),
                refused: mirror.refused(),
                trouble: mirror.trouble().unwrap_or_default(),
            }),
        }))
    }

    async fn verify_store(&self, request: Request<VerifyStoreRequest>) -> Result<Response<VerifyStoreResponse>, Status> {
        let deep = request.into_inner().deep;
        let read = self.writer.with_store(|engine, store| {
            let oldest = engine.journal().usage().oldest;
            let mut events = 0;
            let read = engine.journal().read(oldest, &mut |_, _| {
                events += 1;
                Ok(())
            });
            (events, read.map_err(|error| error.to_string()), store.snapshots().verify().map_err(|error| error.to_string()))
        });
        let (events, journal, snapshots) = read.await.map_err(status)?;
        let view = self.view().await?;
        let mut findings: Vec<String> = journal.err().into_iter().chain(snapshots.err()).collect();
        let violations = invariants::violations(&view.state, &view.roster);
        findings.extend(violations.into_iter().map(|violation| format!("{}: {}", violation.name, violation.detail)));
        let blobs = self.check_blobs(&view.state, deep, &mut findings).await?;
        Ok(Response::new(VerifyStoreResponse { ok: findings.is_empty(), findings, events, blobs }))
    }

    async fn backup_store(&self, request: Request<BackupStoreRequest>) -> Result<Response<BackupStoreResponse>, Status> {
        let target = PathBuf::from(request.into_inner().directory);
        if !target.is_absolute() {
            return Err(Status::invalid_argument("the folder of a backup must be an absolute path on the coordinator's host"));
        }
        let failed = |error| statuses::from_journal(&error);
        let store = self.store.clone();
        let backup = Backup::begin(&target).map_err(failed)?;
        // The writer gives the events, which fixes the point; the rest is copied beside it.
        let events = self.writer.with_store(move |engine, store| {
            let id = store.uuid();
            backup.events(engine.journal(), id).map(|manifest| (backup, manifest))
        });
        let (backup, manifest) = events.await.map_err(status)?.map_err(failed)?;
        let copied = tokio::task::spawn_blocking(move || {
            backup.snapshots(store.directory())?;
            backup.blobs(store.directory())?;
            backup.finish(&manifest)?;
            Ok((manifest.head.sequence, directory_bytes(&target)))
        });
        let (sequence, bytes) = copied.await.map_err(|_| Status::internal("the backup panicked"))?.map_err(failed)?;
        Ok(Response::new(BackupStoreResponse { sequence, bytes }))
    }

    async fn export_events(&self, request: Request<ExportEventsRequest>) -> Result<Response<Self::ExportEventsStream>, Status> {
        let from = request.into_inner().from.max(1);
        let (sender, receiver) = mpsc::channel(2);
        let services = self.clone();
        tokio::spawn(async move {
            let mut next = from;
            loop {
                let batch = services.writer.with_store(move |engine, _| export::batch(engine, next, BATCH)).await;
                let message = match batch {
                    Ok(Ok(batch)) if batch.lines.is_empty() => return,
                    Ok(Ok(batch)) => {
                        next = batch.next;
                        Ok(EventBatch { json: batch.lines })
                    }
                    Ok(Err(error)) => Err(Status::data_loss(error.to_string())),
                    Err(refusal) => Err(status(refusal)),
                };
                let failed = message.is_err();
                if sender.send(message).await.is_err() || failed {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn compact_store(&self, _: Request<CompactStoreRequest>) -> Result<Response<CompactStoreResponse>, Status> {
        let usage = |writer: crate::actor::Writer| async move {
            writer.with_store(|engine, _| engine.journal().usage()).await.map_err(status)
        };
        let before = usage(self.writer.clone()).await?.bytes_on_disk;
        self.writer.compact().await.map_err(status)?;
        let view = self.view().await?;
        let spilled = self.writer.with_store(|engine, _| engine.spilled().to_vec()).await.map_err(status)?;
        let store = self.store.clone();
        let swept = tokio::task::spawn_blocking(move || store.sweep(&view.state, &spilled)).await;
        let swept = swept.map_err(|_| Status::internal("the sweep panicked"))?.map_err(|error| statuses::from_blob(&error))?;
        Ok(Response::new(CompactStoreResponse {
            journal_bytes_before: before,
            journal_bytes_after: usage(self.writer.clone()).await?.bytes_on_disk,
            blobs_removed: swept.removed,
            blob_bytes_removed: swept.removed_bytes,
        }))
    }

    async fn create_join_token(
        &self,
        request: Request<CreateJoinTokenRequest>,
    ) -> Result<Response<CreateJoinTokenResponse>, Status> {
        let (token, expires_us) = self.gatekeeper.create_join_token(request.into_inner().ttl_us)?;
        Ok(Response::new(CreateJoinTokenResponse { token, expires_us }))
    }

    async fn stay(&self, _: Request<StayRequest>) -> Result<Response<Self::StayStream>, Status> {
        let stay = self.stays.enter();
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let _ = sender.send(Ok(StayResponse {})).await;
            sender.closed().await;
            drop(stay);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

impl Services {
    /// Names blobs that should be there and are not, or (deep) are damaged. Answers how many were looked at.
    async fn check_blobs(&self, state: &hone_studies::State, deep: bool, findings: &mut Vec<String>) -> Result<u64, Status> {
        let mut named = std::collections::BTreeSet::new();
        state.reachable_blobs(&mut |blob| {
            named.insert(hone_data::Hash::from_bytes(blob.0));
        });
        let (blobs, datasets) = (self.store.blobs().clone(), state.datasets.clone());
        let checked = tokio::task::spawn_blocking(move || {
            let mut findings = datasets::name_blobs(&blobs, &datasets, &mut named);
            let count = named.len() as u64;
            let bad = |hash: &hone_data::Hash| if deep { blobs.verify(hash).is_err() } else { !blobs.contains(hash) };
            findings.extend(named.into_iter().filter(bad).map(|hash| format!("blob {hash} is missing or damaged")));
            (findings, count)
        });
        let (bad, count) = checked.await.map_err(|_| Status::internal("the check panicked"))?;
        findings.extend(bad);
        Ok(count)
    }
}

/// Bytes of all files below a folder.
fn directory_bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => directory_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
