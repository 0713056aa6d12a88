//! `hone dataset export`: a version as DVC would keep it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use hone_data::{
    RelativePath,
    dataset::dvc::{DvcError, Exported, Out, Repository, export as export_to, lock_out, out_of, replace_out},
    durable::write_atomically,
};

use super::{fetch, find, label, origin::dvc_refused};
use crate::{
    args::DvcArgs,
    connect::Client,
    errors::{Failure, Kind, Result},
    output::{print_line, visible},
    outputs::Remote,
};

/// Puts the files of a version into DVC's cache and writes what stands for them.
///
/// # Errors
/// The repository cannot be written, or a blob cannot be fetched.
pub async fn export(client: &Client, args: DvcArgs) -> Result<()> {
    let version = find(client, args.dataset.clone()).await?;
    let manifest = fetch::manifest(client, &version).await?;
    let alone = !args.folder && matches!(manifest.files(), [one] if one.path.parent().is_none());
    let path = match (&args.path, manifest.files()) {
        (Some(path), _) => path.clone(),
        (None, [one]) if alone => one.path.to_string(),
        (None, _) => version.name.clone(),
    };
    let relative = RelativePath::parse(&path).map_err(|error| Failure::usage(format!("`--path`: {error}")))?;
    let mut source = Remote::new(client);
    let (directory, stage) = (args.dvc.clone(), args.stage.clone());
    let work = tokio::task::spawn_blocking(move || {
        fs::create_dir_all(&directory).map_err(|error| Failure::file("make", &directory, &error))?;
        let repository = repository(&directory)?;
        // What was a folder stays one.
        let known = known(&directory, &relative, stage.as_deref())?;
        let alone = alone && known.is_none_or(|known| !known.md5.ends_with(".dir"));
        let exported = export_to(&manifest, alone, &repository, &mut source).map_err(|error| dvc_refused(&error))?;
        note(&repository, &directory, &relative, stage.as_deref(), &exported)
    });
    let written = work.await.map_err(|_| Failure::new(Kind::Internal, "exporting failed unexpectedly"))??;
    print_line(&format!("exported {} as {}", label(&version), written.display()))
}

/// What the out is until now; `None`: there is no `.dvc` file yet.
fn known(directory: &Path, path: &RelativePath, stage: Option<&str>) -> Result<Option<Out>> {
    let refused = |error: DvcError| dvc_refused(&error);
    if stage.is_some() {
        return lock_out(&directory.join("dvc.lock"), stage, Some(path.as_str())).map(Some).map_err(refused);
    }
    let file = directory.join(format!("{path}.dvc"));
    if file.is_file() { out_of(&file, None).map(Some).map_err(refused) } else { Ok(None) }
}

/// The repository around the folder; a new one in it where there is none.
fn repository(directory: &Path) -> Result<Repository> {
    let absolute = std::path::absolute(directory).map_err(|error| Failure::file("find", directory, &error))?;
    if !absolute.ancestors().any(|folder| folder.join(".dvc").is_dir()) {
        let tracked = absolute.ancestors().any(|folder| folder.join(".git").exists());
        begin(&absolute.join(".dvc"), tracked).map_err(|error| Failure::file("write into", directory, &error))?;
    }
    Repository::around(&absolute).map_err(|error| dvc_refused(&error))
}

/// As `dvc init` does.
fn begin(settings: &Path, tracked: bool) -> io::Result<()> {
    fs::create_dir_all(settings)?;
    fs::write(settings.join("config"), if tracked { "" } else { "[core]\n    no_scm = True\n" })?;
    if tracked { fs::write(settings.join(".gitignore"), "/config.local\n/tmp\n/cache\n") } else { Ok(()) }
}

/// Writes the `.dvc` file, or the out of a stage. Answers the file.
fn note(
    repository: &Repository,
    directory: &Path,
    path: &RelativePath,
    stage: Option<&str>,
    exported: &Exported,
) -> Result<PathBuf> {
    let Some(stage) = stage else {
        let data = path.below(directory);
        let (folder, name) = (data.parent().unwrap_or(directory), data.file_name().unwrap_or_default().to_string_lossy());
        let file = format!("{name}.dvc");
        let failed = |error: io::Error| Failure::file("write", &folder.join(&file), &error);
        fs::create_dir_all(folder).map_err(failed)?;
        write_atomically(folder, &file, exported.dvc_file(&name).as_bytes()).map_err(failed)?;
        if repository.root().join(".git").exists() {
            ignore(folder, &name).map_err(|error| Failure::file("write", &folder.join(".gitignore"), &error))?;
        }
        return Ok(folder.join(file));
    };
    let lock = directory.join("dvc.lock");
    let text = fs::read_to_string(&lock).map_err(|error| Failure::file("read", &lock, &error))?;
    let text = replace_out(&text, stage, path.as_str(), exported);
    let text = text.map_err(|why| Failure::usage(format!("`{}`: {}", lock.display(), visible(&why))))?;
    write_atomically(directory, "dvc.lock", text.as_bytes()).map_err(|error| Failure::file("write", &lock, &error))?;
    Ok(lock)
}

/// Git shall not track what DVC does.
fn ignore(folder: &Path, name: &str) -> io::Result<()> {
    let path = folder.join(".gitignore");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let line = format!("/{name}");
    if text.lines().any(|known| known == line) {
        return Ok(());
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    fs::write(&path, format!("{text}{end}{line}\n"))
}
