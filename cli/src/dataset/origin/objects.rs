//! Objects of S3, Google Cloud Storage and Azure, fetched into a folder of this machine. Credentials and endpoints are
//! those of the environment (`AWS_…`, `GOOGLE_…`, `AZURE_…`).

use std::{env, path::PathBuf, sync::Arc};

use hone_data::RelativePath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, parse_url_opts, path::Path as Key};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, task::JoinSet};
use tokio_stream::StreamExt as _;

use crate::{
    errors::{Failure, Kind, Result, chain},
    output::{bytes_text, remark, visible},
};

/// Objects that are fetched at once.
const AT_ONCE: usize = 8;
/// Letters of what a server says that are shown.
const MESSAGE: usize = 400;

/// Fetches what lies at `url`, an object or all below a prefix. Answers the folder that holds it, the file or folder in it,
/// and whether it is one object.
///
/// # Errors
/// The store cannot be reached, refuses, or has nothing there.
pub async fn fetch(url: &str) -> Result<(TempDir, PathBuf, bool)> {
    // Another part of the program may have chosen it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let parsed = url.parse::<url::Url>();
    let parsed = parsed.map_err(|error| Failure::usage(format!("`{}` is no address of objects: {error}", visible(url))))?;
    let options = env::vars().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let (store, prefix) = parse_url_opts(&parsed, options).map_err(|error| refused(url, &error))?;
    let store: Arc<dyn ObjectStore> = store.into();
    let (objects, alone) = list(&store, &prefix, url).await?;
    let bytes: u64 = objects.iter().map(|(_, object)| object.size).sum();
    remark(&format!("fetching {} objects, {}", objects.len(), bytes_text(bytes)));
    let folder = tempfile::Builder::new().prefix("hone-dataset-").tempdir();
    let folder = folder.map_err(|error| Failure::file("make a folder in", &env::temp_dir(), &error))?;
    let root = folder.path().join("data");
    let mut running: JoinSet<Result<()>> = JoinSet::new();
    for (path, object) in &objects {
        if running.len() >= AT_ONCE {
            ended(running.join_next().await)?;
        }
        let (store, key, target) = (store.clone(), object.location.clone(), path.below(&root));
        let url = url.to_owned();
        running.spawn(async move { fetch_one(&store, &key, target, &url).await });
    }
    while let Some(done) = running.join_next().await {
        ended(Some(done))?;
    }
    let root = match objects.as_slice() {
        [(path, _)] if alone => path.below(&root),
        _ => root,
    };
    Ok((folder, root, alone))
}

/// The objects with their paths in the snapshot, and whether the address is that of one object.
async fn list(store: &Arc<dyn ObjectStore>, prefix: &Key, url: &str) -> Result<(Vec<(RelativePath, ObjectMeta)>, bool)> {
    let wrong = |error: hone_data::path::PathError| Failure::usage(format!("an object cannot be a file: {error}"));
    let mut objects = Vec::new();
    let mut listed = store.list(Some(prefix));
    while let Some(object) = listed.next().await {
        let object = object.map_err(|error| refused(url, &error))?;
        let Some(parts) = object.location.prefix_match(prefix) else { continue };
        let path = parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
        // Some tools keep an empty object for a folder.
        if !path.is_empty() {
            objects.push((RelativePath::parse(&path).map_err(wrong)?, object));
        }
    }
    if !objects.is_empty() {
        return Ok((objects, false));
    }
    let one = match store.head(prefix).await {
        Err(object_store::Error::NotFound { .. }) => {
            return Err(Failure::new(Kind::NotFound, format!("there are no objects at `{}`", visible(url))));
        }
        one => one.map_err(|error| refused(url, &error))?,
    };
    let name = prefix.filename().unwrap_or("data");
    Ok((vec![(RelativePath::parse(name).map_err(wrong)?, one)], true))
}

async fn fetch_one(store: &Arc<dyn ObjectStore>, key: &Key, target: PathBuf, url: &str) -> Result<()> {
    let failed = |error: std::io::Error| Failure::file("write", &target, &error);
    if let Some(folder) = target.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(failed)?;
    }
    let mut content = store.get(key).await.map_err(|error| refused(url, &error))?.into_stream();
    let mut file = tokio::fs::File::create(&target).await.map_err(failed)?;
    while let Some(bytes) = content.next().await {
        file.write_all(&bytes.map_err(|error| refused(url, &error))?).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)
}

fn ended(done: Option<std::result::Result<Result<()>, tokio::task::JoinError>>) -> Result<()> {
    match done {
        Some(Ok(result)) => result,
        Some(Err(_)) => Err(Failure::new(Kind::Internal, "fetching objects failed unexpectedly")),
        None => Ok(()),
    }
}

fn refused(url: &str, error: &object_store::Error) -> Failure {
    use object_store::Error;
    let text = chain(error);
    let kind = match error {
        Error::NotFound { .. } => Kind::NotFound,
        // Of a bucket that is not there nothing is listed.
        Error::Generic { .. } if text.contains("NoSuchBucket") || text.contains("404 Not Found") => Kind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Kind::Permission,
        Error::NotSupported { .. } | Error::InvalidPath { .. } | Error::UnknownConfigurationKey { .. } => Kind::Usage,
        _ => Kind::Unreachable,
    };
    // Servers answer with whole documents.
    let text: String = text.chars().take(MESSAGE).collect();
    let failure = Failure::new(kind, format!("cannot read `{}`: {}", visible(url), visible(&text)));
    failure.hint("credentials and endpoints come from the environment: `AWS_…`, `GOOGLE_…`, `AZURE_…`")
}
