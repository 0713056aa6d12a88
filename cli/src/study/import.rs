//! `hone study import`: reads a file here, sends its trials, and says what became of them.

use hone_proto::v1::{self, import_trials_request::Part};

use super::fetch;
use crate::{
    args::ImportArgs,
    connect::Client,
    errors::{Failure, Result},
    import::{self, Trials},
    output::{print_line, remark, visible},
};

/// Trials, and reported values, of one message at most.
const BATCH_TRIALS: usize = 256;
const BATCH_POINTS: usize = 50_000;

/// Imports a file.
///
/// # Errors
/// It cannot be read, a trial does not fit the study, or whatever the coordinator answers.
pub async fn import(client: &Client, args: &ImportArgs) -> Result<()> {
    let study = fetch(client, args.study.study.clone()).await?;
    let found = import::read(&args.file, args.format, args.from.as_deref(), &study)?;
    if found.trials.is_empty() {
        return Err(Failure::usage(format!("`{}` holds no finished trial", args.file.display())));
    }
    let unfinished = found.unfinished;
    let answer = client.trials().import_trials(tokio_stream::iter(messages(args, &study, found)?)).await?.into_inner();
    answer.reasons.iter().for_each(|reason| remark(&format!("left out {}", visible(reason))));
    print_line(&summary(&answer, unfinished, args.dry_run))
}

/// The header, then the trials in batches.
fn messages(args: &ImportArgs, study: &v1::Study, found: Trials) -> Result<Vec<v1::ImportTrialsRequest>> {
    let header = v1::ImportHeader {
        // By id: a name may come to mean another study meanwhile.
        study: study.id.to_string(),
        key: key(args)?,
        source: format!("`{}`", args.file.file_name().unwrap_or_default().to_string_lossy()),
        skip_misfits: args.skip_misfits,
        dry_run: args.dry_run,
    };
    let mut messages = vec![v1::ImportTrialsRequest { part: Some(Part::Header(header)) }];
    let mut trials = Vec::new();
    let mut points = 0;
    for trial in found.trials {
        points += trial.curve.len();
        trials.push(trial);
        if trials.len() >= BATCH_TRIALS || points >= BATCH_POINTS {
            messages.push(batch(std::mem::take(&mut trials)));
            points = 0;
        }
    }
    if !trials.is_empty() {
        messages.push(batch(trials));
    }
    Ok(messages)
}

fn batch(trials: Vec<v1::ImportedTrial>) -> v1::ImportTrialsRequest {
    v1::ImportTrialsRequest { part: Some(Part::Batch(v1::ImportBatch { trials })) }
}

/// What names the import: the content of the file, and the study within it.
fn key(args: &ImportArgs) -> Result<String> {
    let hash = import::fingerprint(&args.file).map_err(|error| Failure::file("read", &args.file, &error))?;
    Ok(match &args.from {
        Some(from) => format!("{hash} {from}"),
        None => hash.to_string(),
    })
}

fn summary(answer: &v1::ImportTrialsResponse, unfinished: usize, dry_run: bool) -> String {
    let name = answer.study.as_ref().map(|study| visible(&study.name)).unwrap_or_default();
    let verb = if dry_run { "would import" } else { "imported" };
    let mut text = format!("{verb} {} trials into {name}", answer.imported);
    for (count, what) in
        [(answer.known, "were there already"), (answer.misfits, "do not fit"), (unfinished as u64, "have not ended")]
    {
        if count > 0 {
            text += &format!("; {count} {what}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_what_was_left_out() {
        let study = Some(v1::Study { name: "digits".to_owned(), ..v1::Study::default() });
        let answer = v1::ImportTrialsResponse { study, imported: 5, known: 2, misfits: 1, reasons: vec![] };
        let text = "imported 5 trials into digits; 2 were there already; 1 do not fit; 3 have not ended";
        assert_eq!(summary(&answer, 3, false), text);
        let none = v1::ImportTrialsResponse { known: 0, misfits: 0, ..answer };
        assert_eq!(summary(&none, 0, true), "would import 5 trials into digits");
    }
}
