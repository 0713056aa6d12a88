//! `hone dataset add`: takes the snapshot here, reads what it holds, uploads what the coordinator lacks, then says what
//! it is.

use std::{fs, sync::Arc};

use hone_data::{
    Hash,
    dataset::{
        Checking, Content, Contract, DatasetError, Entry, Taken, Violation,
        profile::{Profile, ProfileError, Wanted},
        table::{Batch, Format, TableError},
    },
};
use hone_proto::v1;

use super::{fetch, label, origin::Origin, upload};
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
/// Files that cannot be read or break their contract, or a coordinator that refuses.
pub async fn add(client: &Client, args: AddArgs) -> Result<()> {
    add_made(client, args, Made::default()).await
}

/// What a version is made of, where it is not a user's file.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// Where it comes from, for people; `None`: the path.
    pub source: Option<String>,
    /// A document that traces its rows to what they were made of.
    pub lineage: Option<Vec<u8>>,
    pub labels: Option<v1::DatasetLabels>,
}

/// Adds a version that the program itself has made, and says which one it is.
///
/// # Errors
/// As for [`add`].
pub async fn add_made(client: &Client, args: AddArgs, made: Made) -> Result<()> {
    let latest = latest(client, &args.name).await?;
    let contract = contract(client, &args, latest.as_ref()).await?;
    let key = key(&args, latest.as_ref());
    let origin = Origin::find(&args.path, args.out.as_deref()).await?;
    let taken = Arc::new(origin.take().await?);
    let is_file = made.lineage.is_none() && args.made_from.is_empty();
    let source = made.source.clone().unwrap_or_else(|| origin.shown.clone());
    let prepared = Prepared { taken, key, contract, source, alone: origin.alone, made };
    if let Some(latest) = latest.filter(|latest| !args.again && is_file && prepared.is(latest)) {
        // What the coordinator has lost of it comes back.
        upload::pieces(client, &prepared.taken).await?;
        upload::document(client, prepared.taken.manifest.to_bytes()).await?;
        return tell(&args, &v1::AddDatasetResponse { version: Some(latest), new: false, reordered: false });
    }
    let profile = if args.plain { None } else { Some(prepared.profile().await?) };
    let answer = prepared.send(client, &args, profile.as_ref()).await?;
    // What was fetched for it is not needed any more.
    drop(origin);
    tell(&args, &answer)
}

fn tell(args: &AddArgs, answer: &v1::AddDatasetResponse) -> Result<()> {
    let version = answer.version.clone().unwrap_or_default();
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
    let rows = version.rows.map_or_else(String::new, |rows| format!(", {rows} rows"));
    format!("{files}{rows}, {}", bytes_text(version.bytes))
}

/// The newest version, if the dataset is there.
async fn latest(client: &Client, name: &str) -> Result<Option<v1::DatasetVersion>> {
    let request = v1::ListDatasetsRequest { dataset: String::new() };
    let versions = client.datasets().list_datasets(request).await?.into_inner().versions;
    Ok(versions.into_iter().find(|version| version.name == name))
}

fn key(args: &AddArgs, latest: Option<&v1::DatasetVersion>) -> Option<String> {
    let former = latest.map(|latest| latest.key.clone()).filter(|key| !key.is_empty() && !args.no_key && !args.plain);
    args.key.clone().or(former)
}

/// The contract that is named, else that of the newest version.
async fn contract(client: &Client, args: &AddArgs, latest: Option<&v1::DatasetVersion>) -> Result<Option<Contract>> {
    if let Some(path) = &args.contract {
        let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
        let contract = Contract::parse(&text, &path.display().to_string());
        return contract.map(Some).map_err(|why| Failure::usage(why.trim_end().to_owned()));
    }
    let former = latest.map(|latest| &latest.contract).filter(|hash| !hash.is_empty() && !args.no_contract && !args.plain);
    let Some(hash) = former else { return Ok(None) };
    let bytes = fetch::document(client, hash).await?;
    Contract::from_bytes(&bytes).map(Some).map_err(|why| Failure::new(Kind::Storage, why))
}

/// A snapshot with what it is to be.
#[derive(Clone)]
struct Prepared {
    taken: Arc<Taken>,
    key: Option<String>,
    contract: Option<Contract>,
    /// Where it was taken from, for people.
    source: String,
    /// It is one file, and was named as such.
    alone: bool,
    made: Made,
}

impl Prepared {
    /// Whether the version is this, byte for byte.
    fn is(&self, version: &v1::DatasetVersion) -> bool {
        let hash = |hash: &Hash| hash.as_bytes().to_vec();
        let contract = self.contract.as_ref().map(|contract| hash(&contract.id())).unwrap_or_default();
        version.snapshot == hash(&self.taken.manifest.id())
            && version.key == self.key.clone().unwrap_or_default()
            && version.contract == contract
    }

    /// Reads tables and pictures, and checks the rows.
    async fn profile(&self) -> Result<Profile> {
        let prepared = self.clone();
        let work = tokio::task::spawn_blocking(move || prepared.profile_now());
        work.await.map_err(|_| Failure::new(Kind::Internal, "reading the data failed unexpectedly"))?
    }

    fn profile_now(&self) -> Result<Profile> {
        let (manifest, places, alone) = (&self.taken.manifest, &self.taken.places, self.alone);
        let open = |entry: &Entry| match places.get(&entry.path) {
            Some(file) => Content::of_file(file),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        let mut checking = self.contract.as_ref().map(Checking::new);
        let mut look = |path: &str, batch: &Batch| {
            if let Some(checking) = &mut checking {
                checking.look(path, batch);
            }
        };
        let strict = alone || self.contract.is_some();
        let wanted = Wanted { key: self.key.as_deref(), strict, look: Some(&mut look) };
        let profile = Profile::of(manifest, &open, wanted).map_err(|error| unreadable(&error, alone))?;
        if let Some((contract, checking)) = self.contract.as_ref().zip(checking) {
            if profile.tables.is_empty() && !contract.columns.is_empty() {
                let message = format!("the data has no table, and the contract `{}` asks for columns", visible(&contract.name));
                return Err(Failure::usage(message).hint("`--no-contract` adds it without"));
            }
            let (count, shown) = checking.finish();
            broken(contract, count, &shown)?;
        }
        // What the profile says is of these files, not of what somebody has written since.
        self.taken.check_unchanged().map_err(|error| refused(&error))?;
        for (path, reason) in &profile.problems {
            remark(&format!("warning: `{}` is taken as it is, because it is no table: {}", visible(path), visible(reason)));
        }
        Ok(profile)
    }

    /// Uploads and adds; again where blobs were swept in between.
    async fn send(&self, client: &Client, args: &AddArgs, profile: Option<&Profile>) -> Result<v1::AddDatasetResponse> {
        let manifest = &self.taken.manifest;
        let text = manifest.to_bytes();
        let digest = profile.map_or_else(|| manifest.id(), |profile| profile.sameness(manifest));
        let mut request = v1::AddDatasetRequest {
            name: args.name.clone(),
            manifest: manifest.id().as_bytes().to_vec().into(),
            digest: digest.as_bytes().to_vec().into(),
            kind: profile.map_or_else(|| "files".to_owned(), |profile| profile.kind.clone()),
            rows: profile.and_then(Profile::rows),
            key: self.key.clone().unwrap_or_default(),
            source: self.source.clone(),
            note: args.note.clone(),
            made_from: args.made_from.clone(),
            again: args.again,
            labels: self.made.labels.clone(),
            request_id: uuid::Uuid::new_v4().into_bytes().to_vec().into(),
            ..v1::AddDatasetRequest::default()
        };
        let mut rounds = 0;
        loop {
            rounds += 1;
            upload::pieces(client, &self.taken).await?;
            upload::document(client, text.clone()).await?;
            if let Some(profile) = profile {
                request.profile = upload::document(client, profile.to_bytes()).await?.as_bytes().to_vec().into();
            }
            if let Some(contract) = &self.contract {
                request.contract = upload::document(client, contract.to_bytes()).await?.as_bytes().to_vec().into();
            }
            if let Some(lineage) = &self.made.lineage {
                request.lineage = upload::document(client, lineage.clone()).await?.as_bytes().to_vec().into();
            }
            match client.datasets().add_dataset(request.clone()).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) if status.code() == tonic::Code::Aborted && rounds < ROUNDS => {
                    tracing::info!("{}; uploading what is missing", status.message());
                }
                Err(status) => return Err(status.into()),
            }
        }
    }
}

fn broken(contract: &Contract, count: u64, shown: &[Violation]) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let places = if count == 1 { "1 place".to_owned() } else { format!("{count} places") };
    let mut message = format!("the data breaks the contract `{}` in {places}", visible(&contract.name));
    shown.iter().for_each(|violation| message += &format!("\n  {}", visible(&violation.to_string())));
    if count > shown.len() as u64 {
        message += &format!("\n  and {} more", count - shown.len() as u64);
    }
    Err(Failure::usage(message).hint("mend the data, or change the contract and name it with `--contract`"))
}

/// Says why the content of files makes no sense.
fn unreadable(error: &ProfileError, alone: bool) -> Failure {
    let failure = Failure::new(
        match error {
            ProfileError::Io { source, .. } | ProfileError::Table { source: TableError::Io(source), .. }
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                Kind::Permission
            }
            _ => Kind::Usage,
        },
        chain(error),
    );
    match error {
        ProfileError::Table { path, .. } if alone || Format::of_name(path).is_some() => {
            failure.hint("mend it, or take it as it is with `--plain`")
        }
        ProfileError::NoKey { .. } | ProfileError::NoTable(_) => {
            failure.hint("`--key COLUMN` names another one, `--no-key` numbers the rows")
        }
        ProfileError::Unnamed { .. } | ProfileError::Twice { .. } => {
            failure.hint("give every row a name of its own, or number the rows with `--no-key`")
        }
        ProfileError::Table { .. } | ProfileError::Io { .. } => failure,
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
        DatasetError::Manifest(_) | DatasetError::Mismatch { .. } | DatasetError::Blob(_) => Kind::Storage,
        DatasetError::Io { path, operation, source } => return Failure::file(verb(operation), path, source),
    };
    Failure::new(kind, visible(&chain(error)))
}

fn verb(operation: &str) -> &str {
    match operation {
        "reading" => "read",
        "writing" => "write",
        other => other,
    }
}
