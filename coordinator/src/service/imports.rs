//! Imports: a stream of trials is read as a whole, then taken in by parts.
//!
//! What a study has already is known by two marks. How far an import has got is kept with the study by the import's
//! key, so that one that broke off goes on where it was. And a trial that came under the same label, with the same
//! parameters and result, is not taken again, so that a file that has grown brings only what is new.

use std::collections::HashMap;

use hone_proto::v1::{ImportHeader, ImportTrialsRequest, ImportTrialsResponse, import_trials_request::Part};
use hone_search::{Outcome, SamplerConfig, columns::same_number};
use hone_studies::{Command, FinishedTrial, ImportedTrial, Origin, Reply, Study, StudyId};
use tonic::{Status, Streaming};

use super::{Services, studies::find};
use crate::convert::client;

/// Trials that one import may bring.
const MAX_TRIALS: u64 = 1_000_000;
/// Trials of one commit.
const COMMIT: usize = 1_000;
/// Misfits that are told one by one.
const TOLD: usize = 10;

/// What a stream held, read against its study.
struct Read {
    header: ImportHeader,
    study: StudyId,
    /// Positions in the stream, fitting or not.
    rows: u64,
    trials: Vec<(u64, ImportedTrial)>,
    /// Fit, and are in the study already.
    known: u64,
    misfits: u64,
    reasons: Vec<String>,
}

/// Takes in the trials of a stream. Nothing is taken in unless the whole stream could be read, and, without
/// `skip_misfits`, unless all of it fits.
pub(super) async fn import(services: &Services, inbound: Streaming<ImportTrialsRequest>) -> Result<ImportTrialsResponse, Status> {
    let read = read(services, inbound).await?;
    if read.misfits > 0 && !read.header.skip_misfits {
        return Err(misfits(&read));
    }
    let new = read.trials.len() as u64;
    let fitting = new + read.known;
    let (study, misfits, reasons) = (read.study, read.misfits, read.reasons.clone());
    let imported = if read.header.dry_run { new } else { take_in(services, read).await? };
    let view = services.view().await?;
    let study = view.state.study(study).ok_or_else(|| Status::not_found("the study has been removed"))?;
    let study = Some(client::study_to_proto(study, &view.state));
    Ok(ImportTrialsResponse { study, imported, known: fitting - imported, misfits, reasons })
}

async fn read(services: &Services, mut inbound: Streaming<ImportTrialsRequest>) -> Result<Read, Status> {
    let Some(ImportTrialsRequest { part: Some(Part::Header(header)) }) = inbound.message().await? else {
        return Err(Status::invalid_argument("an import begins with its header"));
    };
    if header.key.is_empty() {
        return Err(Status::invalid_argument("an import needs a key that names it"));
    }
    let view = services.view().await?;
    let study = find(&view, &header.study)?;
    if let SamplerConfig::Grid = study.spec.search.sampler {
        let message = "a grid has one point per trial, and every imported trial would leave one out";
        let hint = Some("import into a study with another sampler".to_owned());
        return Err(crate::convert::status::status(tonic::Code::FailedPrecondition, message.to_owned(), hint));
    }
    let mut read = Read { study: study.id, header, rows: 0, trials: Vec::new(), known: 0, misfits: 0, reasons: Vec::new() };
    while let Some(message) = inbound.message().await? {
        let Some(Part::Batch(batch)) = message.part else {
            return Err(Status::invalid_argument("after its header an import holds nothing but trials"));
        };
        for trial in batch.trials {
            read.add(&study.spec, trial, view.now.wall);
        }
        if read.rows > MAX_TRIALS {
            let message = format!("an import brings at most {MAX_TRIALS} trials; split it");
            return Err(Status::invalid_argument(message));
        }
    }
    read.leave_out_known(study);
    Ok(read)
}

impl Read {
    fn add(&mut self, spec: &hone_studies::StudySpec, trial: hone_proto::v1::ImportedTrial, now: i64) {
        let label = trial.label.clone();
        match client::imported_from_proto(spec, trial, &self.header.source, now) {
            Ok(trial) => self.trials.push((self.rows, trial)),
            Err(reason) => {
                self.misfits += 1;
                if self.reasons.len() < TOLD {
                    self.reasons.push(format!("{label}: {reason}"));
                }
            }
        }
        self.rows += 1;
    }

    /// Drops what the study has from an earlier import, under whatever key.
    fn leave_out_known(&mut self, study: &Study) {
        let places: HashMap<&str, usize> =
            self.trials.iter().enumerate().map(|(at, (_, trial))| (trial.why.as_str(), at)).collect();
        let mut is_known = vec![false; self.trials.len()];
        for segment in study.finished.parts() {
            let imported = segment.details().filter(|(_, detail)| detail.origin == Origin::Imported);
            for (row, _) in imported {
                if let Some(&at) = places.get(segment.why(row)) {
                    is_known[at] |= is_same(&self.trials[at].1, FinishedTrial { segment, row });
                }
            }
        }
        let mut is_known = is_known.into_iter();
        self.trials.retain(|_| !is_known.next().unwrap_or_default());
        self.known = self.rows - self.misfits - self.trials.len() as u64;
    }
}

/// Whether parameters and result are the same, to the bit.
fn is_same(trial: &ImportedTrial, known: FinishedTrial<'_>) -> bool {
    let columns = &known.segment.columns;
    let values = || trial.values.iter().enumerate().all(|(at, value)| same_number(*value, columns.value(at, known.row)));
    known.outcome() == trial.outcome
        && trial.params.iter().enumerate().all(|(at, param)| same_number(*param, columns.param(at, known.row)))
        && (trial.outcome != Outcome::Complete || values())
}

fn misfits(read: &Read) -> Status {
    let more = read.misfits - read.reasons.len() as u64;
    let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
    let message = format!(
        "{} of {} trials of {} do not fit the study\n{}{more}",
        read.misfits,
        read.rows,
        read.header.source,
        read.reasons.join("\n")
    );
    let hint = "import the others with `--skip-misfits`, or widen the space with `hone study set`".to_owned();
    crate::convert::status::status(tonic::Code::InvalidArgument, message, Some(hint))
}

/// Sends the parts one after the other, and answers how many trials were new.
async fn take_in(services: &Services, read: Read) -> Result<u64, Status> {
    let mut imported = 0;
    let mut start = 0;
    let mut trials = read.trials.into_iter().peekable();
    while start < read.rows {
        let part: Vec<(u64, ImportedTrial)> = trials.by_ref().take(COMMIT).collect();
        let end = trials.peek().map_or(read.rows, |(position, _)| *position);
        let command = Command::ImportTrials { study: read.study, key: read.header.key.clone(), rows: start..end, trials: part };
        let Reply::Imported(new) = services.command(command).await? else {
            return Err(Status::internal("an import was answered with something else"));
        };
        imported += new;
        start = end;
    }
    Ok(imported)
}
