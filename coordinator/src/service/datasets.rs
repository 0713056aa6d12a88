//! Datasets: add, list, look at, name, remove.

use std::{pin::Pin, sync::Arc};

use hone_data::{Hash, blobs::BlobError};
use hone_proto::v1::{
    AddDatasetRequest, AddDatasetResponse, DatasetLabels, DatasetSamples, DatasetVersion as VersionMessage, DiffDatasetsRequest,
    DiffDatasetsResponse, GetDatasetRequest, GetDatasetResponse, ListDatasetsRequest, ListDatasetsResponse, PinDatasetRequest,
    ReadDatasetRequest, RemoveDatasetRequest, RemoveDatasetResponse, VerifyDatasetRequest, VerifyDatasetResponse,
    dataset_service_server::DatasetService,
};
use hone_studies::{
    BlobId, Command, LabelRequestId, Reply, RequestId,
    dataset::{DatasetCommand, DatasetReply, Found, NewVersion, Reference, Snapshot, VersionRef, split_reference},
    label::LabelUse,
};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Code, Request, Response, Status};

use super::{Services, computed};
use crate::{
    actor::View,
    convert::{
        client::{dataset_version_to_proto, find_label_project},
        status::{from_blob, from_dataset_reject, from_select, status},
    },
    datasets::{self, Held, Reading, SnapshotProblem},
};

/// What is kept of a source or note, in bytes.
const MAX_TEXT_BYTES: usize = 4_096;
/// Versions that one is made from, at most.
const MAX_MADE_FROM: usize = 1_000;
/// Changes of each kind that are shown, at most.
const MAX_EXAMPLES: u32 = 1_000;
/// Messages on the way to one reader.
const PARTS: usize = 2;

#[tonic::async_trait]
impl DatasetService for Services {
    type ReadDatasetStream = Pin<Box<dyn Stream<Item = Result<DatasetSamples, Status>> + Send>>;

    async fn add_dataset(&self, request: Request<AddDatasetRequest>) -> Result<Response<AddDatasetResponse>, Status> {
        let request = request.into_inner();
        let view = self.view().await?;
        let id = hash("manifest", &request.manifest)?;
        let documents = [("profile", &request.profile), ("contract", &request.contract), ("lineage", &request.lineage)];
        let documents = documents.into_iter().filter(|(_, bytes)| !bytes.is_empty());
        let documents = documents.map(|(field, bytes)| hash(field, bytes)).collect::<Result<Vec<Hash>, _>>()?;
        let blobs = self.store.blobs().clone();
        // Held until the version is durable, which names them.
        let held = computed(move || datasets::hold(&blobs, &id, &documents)).await?.map_err(|problem| from_problem(&problem))?;
        let new = new_version(&view, request, &held)?;
        let reply = self.dataset_command(DatasetCommand::Add(Box::new(new))).await?;
        drop(held);
        let DatasetReply::Added { of, new, reordered } = reply else {
            return Err(Status::internal("a dataset was added without a version"));
        };
        let view = self.view().await?;
        let version = view.state.datasets.version(of).map(|found| dataset_version_to_proto(&view.state, &found));
        Ok(Response::new(AddDatasetResponse { version, new, reordered }))
    }

    async fn list_datasets(&self, request: Request<ListDatasetsRequest>) -> Result<Response<ListDatasetsResponse>, Status> {
        let name = request.into_inner().dataset;
        let view = self.view().await?;
        let datasets = &view.state.datasets;
        let versions: Vec<Found<'_>> = if name.is_empty() {
            let latest = |dataset| Some(Found { dataset, version: hone_studies::dataset::Dataset::latest(dataset)? });
            datasets.datasets().filter_map(latest).collect()
        } else {
            let dataset = datasets.find_dataset(&name).map_err(|reject| from_dataset_reject(&reject))?;
            dataset.versions().map(|version| Found { dataset, version }).collect()
        };
        let versions = versions.iter().map(|found| dataset_version_to_proto(&view.state, found)).collect();
        Ok(Response::new(ListDatasetsResponse { versions }))
    }

    async fn get_dataset(&self, request: Request<GetDatasetRequest>) -> Result<Response<GetDatasetResponse>, Status> {
        let view = self.view().await?;
        let found = find(&view, &request.into_inner().dataset)?;
        let dataset = found.dataset;
        let versions = dataset.versions().map(|version| dataset_version_to_proto(&view.state, &Found { dataset, version }));
        Ok(Response::new(GetDatasetResponse {
            version: Some(dataset_version_to_proto(&view.state, &found)),
            versions: versions.collect(),
        }))
    }

    async fn remove_dataset(&self, request: Request<RemoveDatasetRequest>) -> Result<Response<RemoveDatasetResponse>, Status> {
        let RemoveDatasetRequest { dataset: given, force } = request.into_inner();
        let view = self.view().await?;
        let of_version = view.state.datasets.dataset_named(&given).is_none() && split_reference(&given).0 != given;
        let (command, removed) = if of_version {
            let found = find(&view, &given)?;
            (DatasetCommand::RemoveVersion { of: found.reference(), force }, found.label())
        } else {
            let dataset = view.state.datasets.find_dataset(&given).map_err(|reject| from_dataset_reject(&reject))?;
            let count = dataset.versions().count();
            let versions = if count == 1 { String::new() } else { format!(" with {count} versions") };
            (DatasetCommand::Remove { dataset: dataset.id, force }, format!("{}{versions}", dataset.name))
        };
        self.dataset_command(command).await?;
        Ok(Response::new(RemoveDatasetResponse { removed }))
    }

    async fn pin_dataset(&self, request: Request<PinDatasetRequest>) -> Result<Response<VersionMessage>, Status> {
        let PinDatasetRequest { dataset, by, release } = request.into_inner();
        let view = self.view().await?;
        let of = find(&view, &dataset)?.reference();
        let by = by.filter(|by| !by.kind.is_empty() && !by.name.is_empty());
        let by = by.ok_or_else(|| Status::invalid_argument("`by` has to say what names the version: a kind and a name"))?;
        let by = Reference::new(&shortened(by.kind), &shortened(by.name));
        let command = if release { DatasetCommand::Release { of, by } } else { DatasetCommand::Pin { of, by } };
        self.dataset_command(command).await?;
        let view = self.view().await?;
        let found = view.state.datasets.version(of).ok_or_else(|| Status::not_found("the version has been removed"))?;
        Ok(Response::new(dataset_version_to_proto(&view.state, &found)))
    }

    async fn verify_dataset(&self, request: Request<VerifyDatasetRequest>) -> Result<Response<VerifyDatasetResponse>, Status> {
        let view = self.view().await?;
        let version = find(&view, &request.into_inner().dataset)?.version.clone();
        let snapshot = &version.snapshot;
        let id = Hash::from_bytes(snapshot.manifest.0);
        let documents = [snapshot.profile, snapshot.contract, version.lineage];
        let documents: Vec<Hash> = documents.into_iter().flatten().map(|blob| Hash::from_bytes(blob.0)).collect();
        let blobs = self.store.blobs().clone();
        let (findings, count, bytes) = computed(move || datasets::verify(&blobs, &id, &documents)).await?;
        Ok(Response::new(VerifyDatasetResponse { findings, blobs: count, bytes }))
    }

    async fn diff_datasets(&self, request: Request<DiffDatasetsRequest>) -> Result<Response<DiffDatasetsResponse>, Status> {
        let DiffDatasetsRequest { before, after, examples } = request.into_inner();
        let view = self.view().await?;
        let (before, after) = (find(&view, &before)?, find(&view, &after)?);
        let (old, new) = (before.version.snapshot.clone(), after.version.snapshot.clone());
        let blobs = self.store.blobs().clone();
        let diff = computed(move || {
            let (old, new) = (Reading::open(&blobs, &old)?, Reading::open(&blobs, &new)?);
            old.diff(&new, examples.min(MAX_EXAMPLES) as usize)
        });
        let diff = diff.await?.map_err(|problem| from_problem(&problem))?;
        let diff_json = serde_json::to_string(&diff).map_err(|error| Status::internal(error.to_string()))?;
        let message = |found: &Found<'_>| Some(dataset_version_to_proto(&view.state, found));
        Ok(Response::new(DiffDatasetsResponse { before: message(&before), after: message(&after), diff_json }))
    }

    async fn read_dataset(&self, request: Request<ReadDatasetRequest>) -> Result<Response<Self::ReadDatasetStream>, Status> {
        let ReadDatasetRequest { dataset, ids, limit } = request.into_inner();
        let view = self.view().await?;
        let snapshot = find(&view, &dataset)?.version.snapshot.clone();
        let blobs = self.store.blobs().clone();
        let (sender, receiver) = mpsc::channel(PARTS);
        tokio::task::spawn_blocking(move || {
            let limit = if limit == 0 { u64::MAX } else { limit };
            let read = Reading::open(&blobs, &snapshot).and_then(|reading| {
                reading.samples(&ids, limit, &mut |samples| sender.blocking_send(Ok(DatasetSamples { samples })).is_ok())
            });
            if let Err(problem) = read {
                // Nobody may be reading any more.
                let _ = sender.blocking_send(Err(from_problem(&problem)));
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

impl Services {
    async fn dataset_command(&self, command: DatasetCommand) -> Result<DatasetReply, Status> {
        match self.command(Command::Dataset(command)).await? {
            Reply::Dataset(reply) => Ok(reply),
            _ => Err(Status::internal("a command about datasets was answered by something else")),
        }
    }
}

fn find<'a>(view: &'a View, given: &str) -> Result<Found<'a>, Status> {
    view.state.datasets.find(given).map_err(|reject| from_dataset_reject(&reject))
}

fn new_version(view: &View, request: AddDatasetRequest, held: &Held) -> Result<NewVersion, Status> {
    let manifest = hash("manifest", &request.manifest)?;
    if request.made_from.len() > MAX_MADE_FROM {
        return Err(Status::invalid_argument(format!("`made_from` names more than {MAX_MADE_FROM} versions")));
    }
    let made_from = request.made_from.iter().map(|given| Ok(find(view, given)?.reference()));
    let snapshot = Snapshot {
        manifest: blob(manifest),
        profile: optional("profile", &request.profile)?,
        contract: optional("contract", &request.contract)?,
        digest: optional("digest", &request.digest)?.unwrap_or_else(|| blob(manifest)),
        kind: if request.kind.is_empty() { "files".to_owned() } else { shortened(request.kind) },
        files: held.manifest.files().len() as u64,
        bytes: held.manifest.bytes(),
        rows: request.rows,
        key: Some(shortened(request.key)).filter(|key| !key.is_empty()),
        source: shortened(request.source),
        note: shortened(request.note),
    };
    Ok(NewVersion {
        name: request.name,
        snapshot: Arc::new(snapshot),
        made_from: made_from.collect::<Result<Vec<VersionRef>, Status>>()?,
        lineage: optional("lineage", &request.lineage)?,
        labels: request.labels.map(|labels| labels_used(view, &labels)).transpose()?,
        again: request.again,
        expected: request.expected,
        asked_by: request_id_of(&request.request_id)?,
    })
}

fn labels_used(view: &View, labels: &DatasetLabels) -> Result<LabelUse, Status> {
    let project = find_label_project(&view.state.labels, &labels.project).map_err(|error| from_select(&error))?.id;
    if labels.requests.len() != labels.resolved_at_us.len() {
        return Err(Status::invalid_argument("`labels` has not one time for each request"));
    }
    let requests = labels.requests.iter().map(|id| LabelRequestId(*id));
    Ok(LabelUse { project, labels: requests.zip(labels.resolved_at_us.iter().copied()).collect() })
}

/// Cut at the end; these are texts for people.
fn shortened(mut text: String) -> String {
    let end = (0..=MAX_TEXT_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    text
}

fn request_id_of(bytes: &[u8]) -> Result<Option<RequestId>, Status> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let id = bytes.try_into().map_err(|_| Status::invalid_argument("a request id has 16 bytes"))?;
    Ok(Some(RequestId(id)))
}

fn hash(field: &str, bytes: &[u8]) -> Result<Hash, Status> {
    let wrong = |_| Status::invalid_argument(format!("`{field}` has {} bytes, and a hash has 32", bytes.len()));
    bytes.try_into().map(Hash::from_bytes).map_err(wrong)
}

fn optional(field: &str, bytes: &[u8]) -> Result<Option<BlobId>, Status> {
    if bytes.is_empty() { Ok(None) } else { hash(field, bytes).map(|hash| Some(blob(hash))) }
}

fn blob(hash: Hash) -> BlobId {
    BlobId(*hash.as_bytes())
}

fn from_problem(problem: &SnapshotProblem) -> Status {
    match problem {
        SnapshotProblem::Blob(BlobError::Missing { .. }) | SnapshotProblem::Incomplete { .. } => {
            status(Code::Aborted, problem.to_string(), None)
        }
        SnapshotProblem::Blob(error) => from_blob(error),
        SnapshotProblem::Manifest(_) | SnapshotProblem::Size { .. } => status(Code::InvalidArgument, problem.to_string(), None),
        SnapshotProblem::Profile(_) => status(Code::DataLoss, problem.to_string(), None),
        SnapshotProblem::Table(error) => {
            let mut text = problem.to_string();
            let mut cause = std::error::Error::source(error);
            while let Some(inner) = cause {
                text = format!("{text}: {inner}");
                cause = inner.source();
            }
            status(Code::DataLoss, text, None)
        }
    }
}
