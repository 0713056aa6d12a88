//! `hone dataset add`: takes the snapshot here, uploads what the coordinator lacks, then says what it is.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
};

use hone_data::dataset::{DatasetError, Index, Progress, Taken, take};
use hone_proto::v1;

use super::{label, upload};
use crate::{
    args::{AddArgs, Shape},
    connect::Client,
    errors::{Failure, Kind, Result, chain},
    output::{DatasetDocument, bytes_text, json_text, print, print_line, remark, visible},
};

/// How often what was swept meanwhile is uploaded again.
const ROUNDS: usize = 3;

/// Adds a version and says which one it is.
///
/// # Errors
/// Files that cannot be read, or a coordinator that refuses.
pub async fn add(client: &Client, args: AddArgs) -> Result<()> {
    let taken = Arc::new(taken(args.path.clone()).await?);
    let request = request(&args, &taken);
    let answer = send(client, &taken, request).await?;
    let version = answer.version.unwrap_or_default();
    if args.format.output == Shape::Json {
        return print(&json_text(&DatasetDocument::from(&version))?);
    }
    let label = label(&version);
    match (answer.new, answer.reordered) {
        (true, _) => print_line(&format!("added {label}: {}", contents(&version))),
        (false, false) => print_line(&format!("nothing new: {label} has the same data")),
        (false, true) => {
            remark("only the order of its rows is another; `--again` makes a version all the same");
            print_line(&format!("nothing new: {label} has the same rows"))
        }
    }
}

fn contents(version: &v1::DatasetVersion) -> String {
    let files = if version.files == 1 { "1 file".to_owned() } else { format!("{} files", version.files) };
    format!("{files}, {}", bytes_text(version.bytes))
}

async fn taken(path: PathBuf) -> Result<Taken> {
    let path = std::path::absolute(&path).map_err(|error| Failure::file("find", &path, &error))?;
    let work = tokio::task::spawn_blocking(move || {
        let mut index = index_folder().map_or_else(Index::default, |folder| Index::open(&folder, &path));
        let taken = take(&path, &mut index, &Progress::default()).map_err(|error| refused(&error))?;
        if let Err(error) = index.save() {
            tracing::debug!(%error, "what was read is not remembered");
        }
        Ok(taken)
    });
    work.await.map_err(|_| Failure::new(Kind::Internal, "reading the data failed unexpectedly"))?
}

/// Where it is kept what files held when they were last read.
fn index_folder() -> Option<PathBuf> {
    let path = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")))?;
    Some(cache.join("hone").join("datasets"))
}

fn request(args: &AddArgs, taken: &Taken) -> v1::AddDatasetRequest {
    v1::AddDatasetRequest {
        name: args.name.clone(),
        manifest: taken.manifest.id().as_bytes().to_vec().into(),
        source: shown(&args.path),
        note: args.note.clone(),
        made_from: args.made_from.clone(),
        again: args.again,
        request_id: uuid::Uuid::new_v4().into_bytes().to_vec().into(),
        ..v1::AddDatasetRequest::default()
    }
}

fn shown(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Uploads and adds; again where blobs were swept in between.
async fn send(client: &Client, taken: &Arc<Taken>, request: v1::AddDatasetRequest) -> Result<v1::AddDatasetResponse> {
    let manifest = taken.manifest.to_bytes();
    let mut rounds = 0;
    loop {
        rounds += 1;
        upload::pieces(client, taken).await?;
        upload::document(client, manifest.clone()).await?;
        match client.datasets().add_dataset(request.clone()).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if status.code() == tonic::Code::Aborted && rounds < ROUNDS => {
                tracing::info!("{}; uploading what is missing", status.message());
            }
            Err(status) => return Err(status.into()),
        }
    }
}

/// Says why data cannot be taken or put back.
pub(super) fn refused(error: &DatasetError) -> Failure {
    let kind = match error {
        DatasetError::Missing { .. }
        | DatasetError::Empty { .. }
        | DatasetError::Link { .. }
        | DatasetError::Special { .. }
        | DatasetError::Path(_)
        | DatasetError::Ignore(_) => Kind::Usage,
        DatasetError::Changed { .. } | DatasetError::Exists { .. } => Kind::Refused,
        DatasetError::Manifest(_) | DatasetError::Mismatch { .. } => Kind::Storage,
        DatasetError::Blob(_) => Kind::Storage,
        DatasetError::Io { path, operation, source } => return Failure::file(operation.trim_end_matches("ing"), path, source),
    };
    Failure::new(kind, visible(&chain(error)))
}
