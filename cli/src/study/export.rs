//! `hone study export`: all trials, in constant memory.

use hone_proto::v1;

use super::{fetch, parameter_names};
use crate::{
    args::{ExportArgs, ExportFormat},
    connect::Client,
    errors::{Failure, Kind, Result},
    output::{self, Look, Target},
};

/// Writes all trials in order of their numbers.
///
/// # Errors
/// No such study, or a file that cannot be written: an older file stays as it was then.
pub async fn export(client: &Client, args: &ExportArgs) -> Result<()> {
    let study = fetch(client, args.study.study.clone()).await?;
    let mut target = Target::open(args.to.as_deref())?;
    let trials = match args.output {
        ExportFormat::Csv => csv(client, &study, &mut target).await?,
        ExportFormat::Json => json(client, &study, &mut target).await?,
        #[cfg(feature = "parquet")]
        ExportFormat::Parquet => super::columns::parquet(client, &study, target.file()?).await?,
        ExportFormat::Table => table(client, &study, &mut target).await?,
    };
    target.finish(trials, "trials")
}

async fn csv(client: &Client, study: &v1::Study, target: &mut Target<'_>) -> Result<u64> {
    let names = column_names(client, study).await?;
    target.write(&output::trials_listing(&study.objectives, &names, &[]).csv())?;
    each_batch(client, study, |batch| target.write(&output::trials_listing(&study.objectives, &names, batch).csv_rows())).await
}

async fn table(client: &Client, study: &v1::Study, target: &mut Target<'_>) -> Result<u64> {
    let mut all = Vec::new();
    let count = each_batch(client, study, |batch| {
        all.extend_from_slice(batch);
        Ok(())
    });
    let count = count.await?;
    let names = parameter_names(study, &all);
    target.write(&output::trials_listing(&study.objectives, &names, &all).table(Look::default()))?;
    Ok(count)
}

async fn json(client: &Client, study: &v1::Study, target: &mut Target<'_>) -> Result<u64> {
    let mut separator = "[\n";
    let count = each_batch(client, study, |batch| {
        for document in output::trial_documents(batch) {
            let line = serde_json::to_string(&document);
            let line = line.map_err(|error| Failure::new(Kind::Internal, format!("cannot write JSON: {error}")))?;
            target.write(separator)?;
            target.write(&line)?;
            separator = ",\n";
        }
        Ok(())
    });
    let count = count.await?;
    target.write(if count == 0 { "[]\n" } else { "\n]\n" })?;
    Ok(count)
}

/// The columns of all trials. Only studies that clients drive can have parameters that their space does not name.
pub(super) async fn column_names(client: &Client, study: &v1::Study) -> Result<Vec<String>> {
    let mut names = parameter_names(study, &[]);
    if study.driver == "workers" {
        return Ok(names);
    }
    each_batch(client, study, |batch| {
        for name in parameter_names(study, batch) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(())
    })
    .await?;
    Ok(names)
}

pub(super) async fn each_batch(
    client: &Client,
    study: &v1::Study,
    mut visit: impl FnMut(&[v1::Trial]) -> Result<()>,
) -> Result<u64> {
    // By id: a name may come to mean another study meanwhile.
    let request = v1::StreamTrialsRequest { study: study.id.to_string() };
    let mut batches = client.trials().stream_trials(request).await?.into_inner();
    let mut count = 0;
    while let Some(batch) = batches.message().await? {
        visit(&batch.trials)?;
        count += batch.trials.len() as u64;
    }
    Ok(count)
}
