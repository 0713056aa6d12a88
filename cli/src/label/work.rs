//! `hone label work`: a command that labels, one process for each sample.
//!
//! ```text
//!   NextLabel ─► COMMAND: the task on its standard input, the label on its output ─► SubmitLabel
//!                   └── RenewLabels while it runs; what is not answered at the end is given back
//! ```

use std::{
    collections::BTreeMap,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use hone_proto::v1;
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{as_label, fetch_project, name};
use crate::{
    args::WorkArgs,
    connect::Client,
    errors::{Failure, Kind, Result},
    output::{LabelTaskDocument, print_line, remark},
    signals::Stop,
};

/// Between two questions for a sample when there was none.
const IDLE: Duration = Duration::from_secs(2);
/// Between two signs of life; leases last seconds at least.
const RENEW: Duration = Duration::from_secs(1);
/// Failures one after the other until nobody believes any more that the next sample will do.
const FAILURES: u32 = 3;
/// What is read of a command's output, in bytes: far more than any label has.
const MAX_OUTPUT: usize = 4 << 20;

/// What a command said of a sample.
#[derive(Debug)]
enum Said {
    Label(String),
    Skip(String),
    Failed(String),
}

/// A sample on its way through the command.
struct Done {
    request: u64,
    said: Said,
    took: Duration,
}

/// Labels with a command until nothing is left, or, with `--follow`, until it is stopped.
///
/// # Errors
/// No such project, a command that cannot be started or fails again and again, whatever the coordinator answers.
pub async fn work(client: &Client, args: &WorkArgs) -> Result<()> {
    let stop = Stop::listen()?;
    let project = fetch_project(client, args.project.clone()).await?;
    let annotator = name(&args.annotator)?;
    let mut shift =
        Shift { client, args, project, annotator, held: BTreeMap::new(), running: JoinSet::new(), answers: 0, failures: 0 };
    let ended = shift.work(&stop).await;
    shift.running.shutdown().await;
    shift.give_back().await;
    if shift.answers > 0 {
        remark(&format!("{} answers as {}", shift.answers, crate::output::visible(&shift.annotator)));
    }
    ended
}

/// An annotator at work.
struct Shift<'a> {
    client: &'a Client,
    args: &'a WorkArgs,
    project: v1::LabelProject,
    annotator: String,
    /// What is before the command, since when.
    held: BTreeMap<u64, Instant>,
    running: JoinSet<Result<Done>>,
    answers: u64,
    /// One after the other.
    failures: u32,
}

impl Shift<'_> {
    async fn work(&mut self, stop: &Stop) -> Result<()> {
        let mut renewals = interval(RENEW);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let nothing = self.fill().await?;
            if let (Some(reason), true) = (&nothing, self.running.is_empty() && !self.args.follow) {
                return print_line(&format!("nothing to label: {reason}"));
            }
            tokio::select! {
                Some(done) = self.running.join_next() => {
                    let done = done.map_err(|_| Failure::new(Kind::Internal, "a command's task ended unexpectedly"))??;
                    self.take(done).await?;
                }
                _ = renewals.tick(), if !self.held.is_empty() => self.renew().await?,
                () = tokio::time::sleep(IDLE), if nothing.is_some() => {}
                () = stop.wanted() => return Err(Failure::new(Kind::Interrupted, "stopped")),
            }
        }
    }

    /// Starts commands for as many samples as may run at once. Answers why there are no more.
    async fn fill(&mut self) -> Result<Option<String>> {
        while self.running.len() < self.args.parallel as usize {
            let request = v1::NextLabelRequest {
                project: self.project.id.to_string(),
                annotator: self.annotator.clone(),
                holding: self.held.keys().copied().collect(),
                request: 0,
                by_command: false,
            };
            let answer = self.client.labels().next_label(request).await?.into_inner();
            let Some(task) = answer.task else { return Ok(Some(answer.reason)) };
            let child = self.start(&task)?;
            let input = format!("{}\n", self.document(&task)?);
            self.held.insert(task.request, Instant::now());
            self.running.spawn(run(child, input, task.request));
        }
        Ok(None)
    }

    fn start(&self, task: &v1::LabelTask) -> Result<Child> {
        let Some((program, arguments)) = self.args.command.split_first() else {
            return Err(Failure::usage("no command is named").hint("write it after `--`"));
        };
        let mut command = Command::new(program);
        command.args(arguments).env("HONE_LABEL_REQUEST", task.request.to_string()).env("HONE_LABEL_SAMPLE", &task.sample);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        command
            .spawn()
            .map_err(|error| Failure::new(Kind::NotFound, format!("`{}` cannot be started: {error}", program.display())))
    }

    /// The task with the question, on one line.
    fn document(&self, task: &v1::LabelTask) -> Result<Value> {
        let form = self.project.form.clone().unwrap_or_default();
        let task = serde_json::to_value(LabelTaskDocument::from(task))
            .map_err(|error| Failure::new(Kind::Internal, error.to_string()))?;
        Ok(json!({
            "project": self.project.name,
            "instructions": self.project.instructions,
            "form": {"kind": form.kind, "classes": form.classes, "min": form.min, "max": form.max},
            "task": task,
        }))
    }

    async fn take(&mut self, done: Done) -> Result<()> {
        let Done { request, said, took } = done;
        let annotator = self.annotator.clone();
        match said {
            Said::Label(label) => {
                let form = self.project.form.clone().unwrap_or_default();
                let message = v1::SubmitLabelRequest {
                    request,
                    annotator,
                    label_json: as_label(&form, &label).inspect_err(|_| remark(&format!("request {request} is not answered")))?,
                    took_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
                    request_id: uuid::Uuid::new_v4().as_bytes().to_vec().into(),
                    by_command: false,
                };
                self.client.labels().submit_label(message).await?;
                self.answers += 1;
            }
            Said::Skip(reason) => {
                let message = v1::SkipLabelRequest { request, annotator, reason, by_command: false };
                self.client.labels().skip_label(message).await?;
            }
            Said::Failed(why) => return self.failed(request, &why).await,
        }
        // What was refused is given back at the end.
        self.held.remove(&request);
        self.failures = 0;
        Ok(())
    }

    /// Gives the sample back. It is asked again, of whoever comes next, so the command has to be stopped if it fails always.
    async fn failed(&mut self, request: u64, why: &str) -> Result<()> {
        remark(&format!("request {request} is given back: {why}"));
        self.client.labels().release_label(v1::ReleaseLabelRequest { request, annotator: self.annotator.clone() }).await?;
        self.held.remove(&request);
        self.failures += 1;
        if self.failures < FAILURES {
            return Ok(());
        }
        let failure = Failure::new(Kind::Refused, format!("the command has failed {FAILURES} times, one after the other: {why}"));
        Err(failure.hint("it prints a label and returns 0; docs/labels.md tells how"))
    }

    async fn renew(&mut self) -> Result<()> {
        let requests = self.held.keys().copied().collect();
        self.client.labels().renew_labels(v1::RenewLabelsRequest { annotator: self.annotator.clone(), requests }).await?;
        Ok(())
    }

    /// What is not answered is for others at once. Whoever cannot be told takes it back when the lease is over.
    async fn give_back(&mut self) {
        for request in std::mem::take(&mut self.held).into_keys() {
            let message = v1::ReleaseLabelRequest { request, annotator: self.annotator.clone() };
            if let Err(status) = self.client.labels().release_label(message).await {
                tracing::debug!(request, %status, "a sample could not be given back");
            }
        }
    }
}

async fn run(mut child: Child, input: String, request: u64) -> Result<Done> {
    let begun = Instant::now();
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read what it is asked is none the worse for it.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await;
    let output = output.map_err(|error| Failure::new(Kind::Internal, format!("the command cannot be waited for: {error}")))?;
    Ok(Done { request, said: said(output.status, &output.stdout), took: begun.elapsed() })
}

/// Reads what a command printed: a label, or `{"skip": "why"}`.
fn said(status: ExitStatus, output: &[u8]) -> Said {
    if !status.success() {
        return Said::Failed(format!("the command ended with {status}"));
    }
    if output.len() > MAX_OUTPUT {
        return Said::Failed(format!("the command printed {} bytes, which is no label", output.len()));
    }
    let Ok(text) = std::str::from_utf8(output) else { return Said::Failed("what it printed is not UTF-8".to_owned()) };
    let text = text.trim();
    if text.is_empty() {
        return Said::Failed("the command printed nothing".to_owned());
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(fields)) if fields.len() == 1 && fields.contains_key("skip") => {
            Said::Skip(fields["skip"].as_str().unwrap_or_default().to_owned())
        }
        Ok(_) | Err(_) => Said::Label(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn a_command_says_a_label_or_why_there_is_none() {
        let good = ExitStatus::from_raw(0);
        assert!(matches!(said(good, b"cat\n"), Said::Label(label) if label == "cat"));
        assert!(matches!(said(good, b"[\"cat\"]"), Said::Label(label) if label == "[\"cat\"]"));
        assert!(matches!(said(good, b"{\"skip\": \"too dark\"}"), Said::Skip(reason) if reason == "too dark"));
        assert!(matches!(said(good, b" \n"), Said::Failed(_)));
        assert!(matches!(said(good, &[0xff]), Said::Failed(_)));
        assert!(matches!(said(ExitStatus::from_raw(256), b"cat"), Said::Failed(_)));
    }
}
