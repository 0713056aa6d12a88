//! Objects of S3, Google Cloud Storage and Azure, fetched into a folder of this machine. Credentials and endpoints are
//! those of the environment (`AWS_…`, `GOOGLE_…`, `AZURE_…`), never those of an address, which is written down.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

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
/// How addresses begin; `https` for the makers' own hosts.
const SCHEMES: [&str; 9] = ["s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "https"];
/// How the variables begin that say where stores are and who asks.
const VARIABLES: [&str; 3] = ["aws_", "google_", "azure_"];

/// Fetches what lies at `url`, an object or all below a prefix. Answers the folder that holds it, the file or folder in it,
/// and whether it is one object.
///
/// # Errors
/// The store cannot be reached, refuses, or has nothing there.
pub async fn fetch(url: &str) -> Result<(TempDir, PathBuf, bool)> {
    // Another part of the program may have chosen it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (store, prefix) = parse_url_opts(&address(url)?, options(env::vars_os())).map_err(|error| refused(url, &error))?;
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
        let (store, object, target) = (store.clone(), object.clone(), path.below(&root));
        let url = url.to_owned();
        running.spawn(async move { fetch_one(&store, &object, target, &url).await });
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

/// The address, unless a secret is in it.
fn address(url: &str) -> Result<url::Url> {
    let parsed = url.parse::<url::Url>();
    let parsed = parsed.map_err(|error| Failure::usage(format!("`{}` is no address of objects: {error}", visible(url))))?;
    if !SCHEMES.contains(&parsed.scheme()) {
        let failure = Failure::usage(format!("`{}://` is no store of objects that hone reads", visible(parsed.scheme())));
        return Err(failure.hint("write `s3://…`, `gs://…`, `az://…`, `abfss://…`, or a path of this machine"));
    }
    // Azure's own addresses have the container before the account: `abfss://container@account…`.
    let account = parsed.scheme().starts_with("abfs") && parsed.password().is_none();
    let credentials = !(parsed.username().is_empty() || account) || parsed.password().is_some();
    if credentials || parsed.query().is_some() || parsed.fragment().is_some() {
        let place = format!("{}://{}{}", parsed.scheme(), parsed.host_str().unwrap_or_default(), parsed.path());
        let failure = Failure::usage(format!("the address `{}` has more than a place in it", visible(&place)));
        return Err(failure.hint(
            "addresses are kept with the data, so give keys and signatures by the environment: `AWS_…`, `GOOGLE_…`, `AZURE_…`; \
             in names of objects write `%3F` for `?` and `%23` for `#`",
        ));
    }
    Ok(parsed)
}

/// The settings of stores among variables. Stores understand short names as well, such as `token` and `region`, which
/// mean something else in the environment of most people.
fn options(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<(String, String)> {
    let text =
        variables.filter_map(|(name, value)| Some((name.into_string().ok()?.to_ascii_lowercase(), value.into_string().ok()?)));
    text.filter(|(name, _)| VARIABLES.iter().any(|known| name.starts_with(known))).collect()
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
        return Ok((files(objects)?, false));
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

/// Those that can be files beside each other. Consoles keep an empty object for a folder, which goes.
fn files(mut objects: Vec<(RelativePath, ObjectMeta)>) -> Result<Vec<(RelativePath, ObjectMeta)>> {
    let folders: BTreeSet<PathBuf> =
        objects.iter().flat_map(|(path, _)| Path::new(path.as_str()).ancestors().skip(1).map(Path::to_owned)).collect();
    objects.retain(|(path, object)| object.size > 0 || !folders.contains(Path::new(path.as_str())));
    match objects.iter().find(|(path, _)| folders.contains(Path::new(path.as_str()))) {
        Some((path, _)) => {
            let message = format!("`{path}` is an object, and others are below it: a folder cannot be a file as well");
            Err(Failure::usage(message).hint("rename it, or name a prefix below it"))
        }
        None => Ok(objects),
    }
}

async fn fetch_one(store: &Arc<dyn ObjectStore>, object: &ObjectMeta, target: PathBuf, url: &str) -> Result<()> {
    let failed = |error: std::io::Error| Failure::file("write", &target, &error);
    if let Some(folder) = target.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(failed)?;
    }
    let found = store.get(&object.location).await.map_err(|error| refused(url, &error))?;
    let same = is_same(&found.meta, object);
    let (mut content, mut size) = (found.into_stream(), 0);
    let mut file = tokio::fs::File::create(&target).await.map_err(failed)?;
    while let Some(bytes) = content.next().await.filter(|_| same) {
        let bytes = bytes.map_err(|error| refused(url, &error))?;
        size += bytes.len() as u64;
        file.write_all(&bytes).await.map_err(failed)?;
    }
    if !same || size != object.size {
        let failure =
            Failure::new(Kind::Refused, format!("`{}` changed while it was fetched", visible(object.location.as_ref())));
        return Err(failure.hint("try again when nothing writes to it"));
    }
    file.flush().await.map_err(failed)
}

/// Not every store has tags, and some write theirs with and without quotes.
fn is_same(found: &ObjectMeta, listed: &ObjectMeta) -> bool {
    let tag = |object: &ObjectMeta| object.e_tag.as_deref().map(|tag| tag.trim_matches('"').to_owned());
    found.size == listed.size && tag(found).zip(tag(listed)).is_none_or(|(found, listed)| found == listed)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn object(path: &str, size: u64) -> (RelativePath, ObjectMeta) {
        let meta = ObjectMeta {
            location: Key::from(path),
            last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
            size,
            e_tag: None,
            version: None,
        };
        (RelativePath::parse(path).expect("a path"), meta)
    }

    #[test]
    fn an_empty_object_for_a_folder_is_no_file_and_a_full_one_is_refused() {
        let paths = |objects: Vec<(RelativePath, ObjectMeta)>| {
            files(objects).map(|objects| objects.into_iter().map(|(path, _)| path.to_string()).collect::<Vec<_>>())
        };
        let objects = vec![object("a", 0), object("a/b", 0), object("a/b/c", 1), object("ab", 0)];
        assert_eq!(paths(objects).expect("they fit"), ["a/b/c", "ab"]);
        let refused = paths(vec![object("a", 1), object("a/b", 1)]).expect_err("both cannot be");
        assert!(refused.message.starts_with("`a` is an object"), "{}", refused.message);
    }

    #[tokio::test]
    async fn an_object_that_changes_after_it_was_listed_is_not_taken() {
        let store: Arc<dyn ObjectStore> = Arc::new(object_store::memory::InMemory::new());
        let dir = tempfile::tempdir().expect("a folder");
        store.put(&Key::from("data/x"), "before".into()).await.expect("room");
        let (listed, alone) = list(&store, &Key::from("data"), "memory:///data").await.expect("a list");
        assert!(!alone);
        let (_, object) = &listed[0];
        let target = dir.path().join("x");
        fetch_one(&store, object, target.clone(), "memory:///data").await.expect("it is as it was");
        assert_eq!(std::fs::read(&target).expect("it"), b"before");
        store.put(&Key::from("data/x"), "after!".into()).await.expect("room");
        let refused = fetch_one(&store, object, target, "memory:///data").await.expect_err("it has changed");
        assert!(refused.message.contains("`data/x` changed"), "{}", refused.message);
    }

    #[test]
    fn an_address_with_a_secret_is_refused_and_not_repeated() {
        for url in [
            "s3://key:SECRET@bucket/x",
            "s3://SECRET@bucket/x",
            "https://account.blob.core.windows.net/container/x?sv=1&sig=SECRET",
            "s3://bucket/x#SECRET",
        ] {
            let refused = address(url).expect_err(url);
            assert!(refused.message.contains("more than a place"), "{}", refused.message);
            assert!(!refused.message.contains("SECRET"), "{}", refused.message);
        }
        assert!(address("ftp://host/x").expect_err("no store").message.contains("`ftp://`"));
        for url in ["s3://bucket/a b/%3Fc", "abfss://container@account.dfs.core.windows.net/x"] {
            address(url).expect(url);
        }
    }

    #[test]
    fn only_variables_of_stores_are_looked_at() {
        use std::os::unix::ffi::OsStringExt as _;
        let variable = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        let unreadable = (OsString::from("LS_COLORS"), OsString::from_vec(vec![0xff]));
        let all = [variable("TOKEN", "secret"), variable("REGION", "x"), variable("AWS_REGION", "eu"), unreadable];
        assert_eq!(options(all.into_iter()), [("aws_region".to_owned(), "eu".to_owned())]);
    }
}
