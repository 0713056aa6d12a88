//! One trial on its way to the server: found or made, filled, given its files and its end. Every step may be repeated.

use hone_data::{Hash, blobs::BlobStore};

use super::{
    api::{Input, Mlflow, Run},
    batch::Values,
    http::CallError,
    run::{OUTPUTS, Record, STORE, TRIAL},
    values::{MAX_TAG, fitted},
};

/// Sends trials of one store.
pub(super) struct Sender {
    pub mlflow: Mlflow,
    pub blobs: BlobStore,
    pub store: String,
    /// As in [`super::Config`].
    pub artifact_bytes: Option<u64>,
}

impl Sender {
    /// Sends one trial; what the server refuses is left out, and said.
    pub async fn send_trial(&self, experiment: &str, record: Record, doubted: bool) -> Result<Sent, CallError> {
        let number = record.number;
        match self.try_trial(experiment, record, doubted).await {
            Ok(sent) => Ok(sent),
            Err(error @ CallError::Away(_)) => Err(error),
            Err(error @ CallError::Refused { .. }) => {
                tracing::warn!(trial = number, %error, "the MLflow server did not take a trial");
                Ok(Sent::InPart)
            }
        }
    }

    async fn try_trial(&self, experiment: &str, record: Record, doubted: bool) -> Result<Sent, CallError> {
        let found = if doubted { self.find(experiment, &record.trial).await? } else { None };
        let run = match found {
            Some(run) if run.ended => return Ok(Sent::Whole),
            Some(run) => run,
            None => self.mlflow.create_run(experiment, &record.new).await.map_err(no_run)?,
        };
        let logged = self.mlflow.log(&run.id, &record.values).await.map(|()| Sent::Whole);
        let mut sent = logged.or_else(|error| in_part(error, record.number))?;
        if let Some(input) = &record.input {
            let input = self.log_input(&run, input).await.map(|()| sent);
            sent = input.or_else(|error| in_part(error, record.number))?;
        }
        let files = self.send_outputs(&run, &record).await;
        if let Some(worse) = files.or_else(|error| in_part(error, record.number).map(Some))? {
            sent = worse;
        }
        // Last, since a run that has an end is taken for whole.
        self.mlflow.end_run(&run.id, record.status, record.ended).await?;
        Ok(sent)
    }

    /// The run of a trial. Where a call without an answer left two, the older one is kept.
    pub async fn find(&self, experiment: &str, trial: &str) -> Result<Option<Run>, CallError> {
        let mut runs = self.mlflow.find_runs(experiment, [(TRIAL, trial), (STORE, &self.store)]).await?;
        for double in runs.iter().skip(1) {
            self.mlflow.delete_run(&double.id).await?;
        }
        runs.truncate(1);
        Ok(runs.pop())
    }

    /// Runs of a study have one input. Where several name it to the server for the first time at once, it takes it from
    /// one of them and refuses the others, who find it there when they say it again.
    async fn log_input(&self, run: &Run, input: &Input) -> Result<(), CallError> {
        match self.mlflow.log_input(&run.id, input).await {
            Err(CallError::Refused { .. }) => self.mlflow.log_input(&run.id, input).await,
            logged => logged,
        }
    }

    async fn send_outputs(&self, run: &Run, record: &Record) -> Result<Option<Sent>, CallError> {
        let Some(limit) = self.artifact_bytes else { return Ok(None) };
        let mut left_out = Vec::new();
        for output in &record.outputs {
            let Some(path) = Mlflow::artifact_path(run, &format!("{OUTPUTS}/{}", output.path)) else {
                return Ok(Some(Sent::WithoutFiles));
            };
            let hash = <[u8; 32]>::try_from(&output.hash[..]).map(Hash::from_bytes);
            // One that is gone is not among the best any more, whose outputs the study keeps.
            let pinned = hash.as_ref().ok().map(|hash| self.blobs.pin(hash));
            let file = hash.ok().filter(|_| output.size <= limit).and_then(|hash| self.blobs.open_blob(&hash).ok());
            match file {
                Some(file) => self.mlflow.put_artifact(&path, file, output.size).await?,
                None => left_out.push(output.path.clone()),
            }
            drop(pinned);
        }
        if !left_out.is_empty() {
            let tags = vec![("hone.outputs_left_out".to_owned(), fitted(&left_out.join(" "), MAX_TAG))];
            self.mlflow.log(&run.id, &Values { tags, ..Values::default() }).await?;
        }
        Ok(None)
    }
}

/// What became of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Whole,
    /// The server refused something.
    InPart,
    /// The server takes no files.
    WithoutFiles,
}

/// Nothing about a trial can be wrong there, so that the fault is the experiment's, which is looked at again.
fn no_run(error: CallError) -> CallError {
    CallError::Away(error.to_string())
}

fn in_part(error: CallError, trial: u64) -> Result<Sent, CallError> {
    match error {
        CallError::Away(_) => Err(error),
        CallError::Refused { .. } => {
            tracing::warn!(trial, %error, "the MLflow server did not take all of a trial");
            Ok(Sent::InPart)
        }
    }
}
