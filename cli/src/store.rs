//! `hone store` and `hone token`. A store that nobody uses is looked at directly; else its holder is asked.

mod offline;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use hone_proto::v1;

use crate::{
    args::{Shape, StoreCommand, TokenCommand},
    connect::{Client, Session, with_client},
    context::Context,
    errors::{Failure, Kind, Result},
    output::{self, StoreDocument, bytes_text, json_text, print, print_line, remark, rfc3339},
};

/// What a verification found, wherever it was made.
pub struct Findings {
    events: u64,
    blobs: u64,
    problems: Vec<String>,
}

/// Runs one of the commands.
///
/// # Errors
/// The store cannot be read, is damaged, or the coordinator refuses.
pub async fn command(context: &Context, command: StoreCommand) -> Result<()> {
    match command {
        StoreCommand::Info { format } => with_client(context, async |client| info(client, format.output).await).await,
        StoreCommand::Verify { deep } => verify(context, deep).await,
        StoreCommand::Backup { directory } => backup(context, &directory).await,
        StoreCommand::Restore { directory } => offline::restore(context, &directory).await,
        StoreCommand::Export { from, to } => export(context, from, to.as_deref()).await,
        StoreCommand::Compact => compact(context).await,
    }
}

/// Makes a token that lets machines join.
///
/// # Errors
/// The time cannot be read, or the coordinator refuses.
pub async fn token(context: &Context, command: TokenCommand) -> Result<()> {
    let TokenCommand::Create { valid, format } = command;
    let ttl_us = hone_studies::file::units::parse_duration(&valid);
    let ttl_us = ttl_us.map_err(|problem| Failure::usage(format!("`--valid`: {problem}")))?;
    let answer = with_client(context, async |client| {
        Ok(client.store().create_join_token(v1::CreateJoinTokenRequest { ttl_us }).await?.into_inner())
    });
    let answer = answer.await?;
    match format.output {
        Shape::Json => {
            let document = serde_json::json!({"token": answer.token, "expires": rfc3339(answer.expires_us)});
            print(&json_text(&document)?)
        }
        Shape::Text => {
            remark(&format!("good until {}", output::local_time(answer.expires_us)));
            print_line(&answer.token)
        }
    }
}

async fn info(client: &Client, shape: Shape) -> Result<()> {
    let store = client.store().get_store(v1::GetStoreRequest {}).await?.into_inner();
    match shape {
        Shape::Json => print(&json_text(&StoreDocument::from(&store))?),
        Shape::Text => print(&info_text(&store)),
    }
}

fn info_text(store: &v1::Store) -> String {
    let facts = [
        ("store", store.id.clone()),
        ("data", store.data.clone()),
        ("studies", store.studies.to_string()),
        ("trials", store.trials.to_string()),
        ("events", store.sequence.to_string()),
        ("journal", bytes_text(store.journal_bytes)),
        ("snapshots", bytes_text(store.snapshot_bytes)),
        ("blobs", bytes_text(store.blob_bytes)),
        ("build", store.build.clone()),
    ];
    let mirror = store.mlflow.as_ref().map(|mirror| ("mlflow", mirror_text(mirror)));
    facts.iter().chain(&mirror).map(|(key, value)| format!("{key:<11}{}\n", output::visible(value))).collect()
}

fn mirror_text(mirror: &v1::MlflowMirror) -> String {
    let refused = if mirror.refused > 0 { format!(", {} not taken whole", mirror.refused) } else { String::new() };
    let trouble = if mirror.trouble.is_empty() { String::new() } else { format!("; not reached: {}", mirror.trouble) };
    format!("{}: {} trials behind{refused}{trouble}", mirror.server, mirror.behind)
}

async fn verify(context: &Context, deep: bool) -> Result<()> {
    let findings = match Session::existing(context).await? {
        Some(session) => {
            let answer = session.client.store().verify_store(v1::VerifyStoreRequest { deep }).await?.into_inner();
            Findings { events: answer.events, blobs: answer.blobs, problems: answer.findings }
        }
        None => offline::verify(context, deep).await?,
    };
    for problem in &findings.problems {
        print_line(&output::visible(problem))?;
    }
    let looked = format!("{} events and {} blobs", findings.events, findings.blobs);
    if findings.problems.is_empty() {
        return print_line(&format!("the store is whole: {looked}"));
    }
    let message = format!("the store is damaged: {} problems in {looked}", findings.problems.len());
    Err(Failure::new(Kind::Storage, message).hint("`hone store restore` makes a store from a backup"))
}

async fn backup(context: &Context, directory: &Path) -> Result<()> {
    let directory = std::path::absolute(directory).map_err(|error| Failure::file("find", directory, &error))?;
    let sequence = match Session::existing(context).await? {
        Some(session) => {
            let request = v1::BackupStoreRequest { directory: directory.display().to_string() };
            session.client.store().backup_store(request).await?.into_inner().sequence
        }
        None => offline::backup(context, &directory).await?,
    };
    print_line(&format!("backed up {sequence} events into {}", directory.display()))
}

/// Asks the holder of the store, or reads the store that nobody holds.
async fn export(context: &Context, from: u64, to: Option<&Path>) -> Result<()> {
    let mut lines = Lines::create(to)?;
    let Some(session) = Session::existing(context).await? else { return offline::export(context, from, lines).await };
    let mut batches = session.client.store().export_events(v1::ExportEventsRequest { from }).await?.into_inner();
    while let Some(batch) = batches.message().await? {
        for line in &batch.json {
            lines.write(line).map_err(|error| lines.failure(&error))?;
        }
    }
    lines.finish()
}

/// Where exported lines go: a file, or standard output.
struct Lines {
    to: Option<PathBuf>,
    sink: Box<dyn Write + Send>,
}

impl Lines {
    fn create(to: Option<&Path>) -> Result<Lines> {
        let sink: Box<dyn Write + Send> = match to {
            Some(path) => Box::new(File::create(path).map_err(|error| Failure::file("write", path, &error))?),
            None => Box::new(io::stdout()),
        };
        Ok(Lines { to: to.map(Path::to_owned), sink: Box::new(BufWriter::new(sink)) })
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.sink, "{line}")
    }

    fn finish(mut self) -> Result<()> {
        self.sink.flush().map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        match &self.to {
            Some(path) => Failure::file("write", path, error),
            None => Failure::output(error),
        }
    }
}

async fn compact(context: &Context) -> Result<()> {
    let held = Session::existing(context).await?;
    let answer = match &held {
        Some(session) => compact_by(&session.client).await?,
        None => {
            offline::require_store(context)?;
            with_client(context, compact_by).await?
        }
    };
    // A database shrinks only when nobody uses it.
    let after = if held.is_none() { offline::compact(context).await? } else { answer.journal_bytes_after };
    print_line(&format!(
        "journal {} → {}; removed {} blobs, {}",
        bytes_text(answer.journal_bytes_before),
        bytes_text(after),
        answer.blobs_removed,
        bytes_text(answer.blob_bytes_removed)
    ))
}

async fn compact_by(client: &Client) -> Result<v1::CompactStoreResponse> {
    Ok(client.store().compact_store(v1::CompactStoreRequest {}).await?.into_inner())
}
