//! What the services and the page do with label requests: names to ids, JSON to labels, samples out of blobs. Decides
//! nothing: the core does.

mod samples;
mod weigher;

use std::sync::Arc;

use hone_data::BlobStore;
use hone_studies::{
    AnnotatorId, Command, LabelProjectId, LabelRequestId, Reply, RequestId,
    label::{Channel, Handed, Label, LabelCommand, LabelProject, LabelReply, LabelSpec, LabelState, Prediction, Submission},
};
use serde_json::Value;
use tonic::Status;

pub(crate) use self::{
    samples::{Batch, Samples},
    weigher::weigh,
};
use crate::{
    actor::{Refusal, View, Writer},
    convert::{
        client::find_label_project,
        status::{from_refusal, from_select, status},
    },
};

/// Everything that annotators and whoever asks them do, for whichever service they use.
#[derive(Clone)]
pub(crate) struct Labelling {
    writer: Writer,
    samples: Samples,
}

/// A sample before an annotator.
pub(crate) struct Task {
    pub request: LabelRequestId,
    /// What its project asks. Not the project itself: whoever holds that makes its next change copy it.
    pub spec: Arc<LabelSpec>,
    pub sample: Arc<str>,
    /// A JSON object: what they see.
    pub data: String,
    pub until: i64,
    pub shown: Option<Prediction>,
}

/// What an annotator gets who wants a sample.
pub(crate) enum Given {
    Task(Box<Task>),
    Nothing { reason: String },
}

/// An answer as it comes in.
pub(crate) struct Answered<'a> {
    pub request: LabelRequestId,
    pub annotator: AnnotatorId,
    pub label: &'a Value,
    pub took_ms: u32,
    pub channel: Channel,
    pub asked_by: Option<RequestId>,
}

impl Labelling {
    pub(crate) fn new(writer: Writer, blobs: BlobStore) -> Labelling {
        Labelling { writer, samples: Samples::new(blobs) }
    }

    pub(crate) fn samples(&self) -> &Samples {
        &self.samples
    }

    pub(crate) async fn view(&self) -> Result<Arc<View>, Status> {
        self.writer.view().await.map_err(|refusal| from_refusal(&refusal))
    }

    /// Finds a project by its name, its id or `last`.
    ///
    /// # Errors
    /// `NotFound`, with the nearest name.
    pub(crate) async fn project(&self, given: &str) -> Result<Arc<LabelProject>, Status> {
        let view = self.view().await?;
        find_label_project(&view.state.labels, given).cloned().map_err(|error| from_select(&error))
    }

    /// Finds an annotator by name, or makes one.
    ///
    /// # Errors
    /// `InvalidArgument`: the name cannot be one.
    pub(crate) async fn annotator(&self, name: &str, channel: Channel) -> Result<AnnotatorId, Status> {
        match self.command(LabelCommand::Join { name: name.to_owned(), channel }).await? {
            LabelReply::Annotator(id) => Ok(id),
            other => Err(unexpected(&other)),
        }
    }

    /// Gives an annotator a sample: what they have and do not name in `holding`, else the most urgent.
    ///
    /// # Errors
    /// As the core refuses; `DataLoss` when the sample cannot be read.
    pub(crate) async fn next(
        &self,
        project: LabelProjectId,
        annotator: AnnotatorId,
        holding: Vec<LabelRequestId>,
    ) -> Result<Given, Status> {
        let reply = self.command(LabelCommand::Next { project, annotator, holding }).await?;
        self.given(reply).await
    }

    /// Gives an annotator this very sample.
    ///
    /// # Errors
    /// As [`Labelling::next`].
    pub(crate) async fn take(&self, request: LabelRequestId, annotator: AnnotatorId) -> Result<Given, Status> {
        let reply = self.command(LabelCommand::Take { request, annotator }).await?;
        self.given(reply).await
    }

    /// Takes an annotator's answer back and hands the sample to them again.
    ///
    /// # Errors
    /// As [`Labelling::next`].
    pub(crate) async fn undo(&self, request: LabelRequestId, annotator: AnnotatorId) -> Result<Given, Status> {
        let reply = self.command(LabelCommand::Undo { request, annotator }).await?;
        self.given(reply).await
    }

    async fn given(&self, reply: LabelReply) -> Result<Given, Status> {
        match reply {
            LabelReply::Handed(handed) => Ok(Given::Task(Box::new(self.task(handed).await?))),
            LabelReply::Nothing { reason } => Ok(Given::Nothing { reason }),
            LabelReply::Done => Ok(Given::Nothing { reason: "the request has been decided meanwhile".to_owned() }),
            other => Err(unexpected(&other)),
        }
    }

    async fn task(&self, handed: Handed) -> Result<Task, Status> {
        let Handed { project, request, sample, data, until, shown } = handed;
        let view = self.view().await?;
        let spec = view.state.labels.project(project).map(|project| project.spec.clone());
        let spec = spec.ok_or_else(|| no_such_request(request))?;
        drop(view);
        let data = self.samples.read(data).await?;
        Ok(Task { request, spec, sample, data, until, shown })
    }

    /// Keeps an annotator's samples theirs; answers which they have no more.
    ///
    /// # Errors
    /// When the coordinator stops.
    pub(crate) async fn renew(
        &self,
        annotator: AnnotatorId,
        requests: Vec<LabelRequestId>,
    ) -> Result<Vec<LabelRequestId>, Status> {
        match self.command(LabelCommand::Renew { annotator, requests }).await? {
            LabelReply::Over(over) => Ok(over),
            other => Err(unexpected(&other)),
        }
    }

    /// Takes an answer. Its state afterwards.
    ///
    /// # Errors
    /// `InvalidArgument`: the label does not fit the form, with why; else as the core refuses.
    pub(crate) async fn submit(&self, answered: Answered<'_>) -> Result<(u64, LabelState), Status> {
        let Answered { request, annotator, label, took_ms, channel, asked_by } = answered;
        let label = self.label_of(request, label).await?;
        let submission =
            Submission { request, annotator, label, took_ms, channel, external: String::new(), shown: None, asked_by };
        match self.command(LabelCommand::Submit(Box::new(submission))).await? {
            LabelReply::Answered { answer, state } => Ok((answer.0, state)),
            other => Err(unexpected(&other)),
        }
    }

    /// Reads a label in the form of a request's project.
    ///
    /// # Errors
    /// `InvalidArgument`: it does not fit the form, with why.
    pub(crate) async fn label_of(&self, request: LabelRequestId, label: &Value) -> Result<Label, Status> {
        let view = self.view().await?;
        let (project, _) = view.state.labels.request(request).ok_or_else(|| no_such_request(request))?;
        Label::from_json(&project.spec.form, label).map_err(|why| bad_label(&project.spec.name, &why))
    }

    /// Sends commands together, so that they share a commit.
    ///
    /// # Errors
    /// The first refusal; the others are done all the same.
    pub(crate) async fn all_done(&self, commands: impl Iterator<Item = LabelCommand>) -> Result<(), Status> {
        let mut answers = Vec::new();
        for command in commands {
            let answer = self.writer.submit(Command::Label(command)).await;
            answers.push(answer.map_err(|refusal| from_refusal(&refusal))?);
        }
        let mut all = Ok(());
        for answer in answers {
            let answer = answer.await.unwrap_or(Err(Refusal::Stopping));
            all = all.and(answer.map(drop).map_err(|refusal| from_refusal(&refusal)));
        }
        all
    }

    /// Sends a command that is answered with no more than that it was done.
    ///
    /// # Errors
    /// As the core refuses.
    pub(crate) async fn done(&self, command: LabelCommand) -> Result<(), Status> {
        self.command(command).await.map(drop)
    }

    /// Sends a command.
    ///
    /// # Errors
    /// As the core refuses.
    pub(crate) async fn command(&self, command: LabelCommand) -> Result<LabelReply, Status> {
        match self.writer.command(Command::Label(command)).await.map_err(|refusal| from_refusal(&refusal))? {
            Reply::Label(reply) => Ok(reply),
            other => Err(Status::internal(format!("unexpected answer {other:?}"))),
        }
    }
}

pub(crate) fn unexpected(reply: &LabelReply) -> Status {
    Status::internal(format!("unexpected answer {reply:?}"))
}

pub(crate) fn no_such_request(id: LabelRequestId) -> Status {
    status(tonic::Code::NotFound, format!("there is no label request {id}"), Some("`hone label requests` lists them".to_owned()))
}

fn bad_label(project: &str, why: &str) -> Status {
    let hint = format!("`hone label show {project}` tells the form of its labels");
    status(tonic::Code::InvalidArgument, format!("label: {why}"), Some(hint))
}
