//! An annotator that a test plays: asks for samples, looks, answers, changes its mind, and keeps what was acknowledged.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use hone_proto::v1::{self, label_service_client::LabelServiceClient};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tonic::{Code, Response, Status, transport::Channel};

use crate::support::{client::Client, until, wait::LONG};

/// What an annotator was told that is durable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acknowledged {
    pub annotator: String,
    pub request: u64,
    pub answer: u64,
    pub label: String,
    /// It was taken back afterwards, which was acknowledged too.
    pub taken_back: bool,
}

/// Works on one project until there is nothing left for it.
pub struct Annotator {
    client: Client,
    name: String,
    project: &'static str,
    random: ChaCha8Rng,
    /// Acknowledged answers of all annotators, to time kills by.
    progress: Arc<AtomicU64>,
    acknowledged: Vec<Acknowledged>,
}

impl Annotator {
    pub fn new(socket: &Path, name: &str, project: &'static str, seed: u64, progress: Arc<AtomicU64>) -> Annotator {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Annotator { client: Client::new(socket), name: name.to_owned(), project, random, progress, acknowledged: Vec::new() }
    }

    /// Starts working on a thread of its own.
    pub fn start(
        socket: PathBuf,
        name: String,
        project: &'static str,
        seed: u64,
        progress: Arc<AtomicU64>,
    ) -> std::thread::JoinHandle<Vec<Acknowledged>> {
        std::thread::spawn(move || Annotator::new(&socket, &name, project, seed, progress).work())
    }

    fn work(mut self) -> Vec<Acknowledged> {
        while let Some(task) = self.next() {
            match self.random.random_range(0..20) {
                0 => drop(self.renew(task.request)),
                1 => {
                    self.release(task.request);
                    continue;
                }
                _ => {}
            }
            self.submit(task.request);
            if self.random.random_range(0..15) == 0 {
                self.take_back(task.request);
                self.submit(task.request);
            }
        }
        self.acknowledged
    }

    /// Sends again what got no answer: a killed coordinator answers nothing.
    fn patiently<T, F: Future<Output = Result<Response<T>, Status>>>(
        &self,
        call: impl Fn(LabelServiceClient<Channel>) -> F,
    ) -> Result<T, Status> {
        until("an answer", LONG, || match self.client.call(call(self.client.labels())) {
            Err(status) if matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled) => None,
            answer => Some(answer.map(Response::into_inner)),
        })
    }

    fn next(&self) -> Option<v1::LabelTask> {
        let request =
            v1::NextLabelRequest { project: self.project.to_owned(), annotator: self.name.clone(), ..Default::default() };
        let request = &request;
        let answer = self.patiently(|mut labels| async move { labels.next_label(request.clone()).await }).expect("an answer");
        answer.task
    }

    fn renew(&self, request: u64) -> v1::RenewLabelsResponse {
        let request = v1::RenewLabelsRequest { annotator: self.name.clone(), requests: vec![request] };
        let request = &request;
        self.patiently(|mut labels| async move { labels.renew_labels(request.clone()).await }).expect("an answer")
    }

    fn release(&self, request: u64) {
        let request = v1::ReleaseLabelRequest { annotator: self.name.clone(), request };
        let request = &request;
        self.patiently(|mut labels| async move { labels.release_label(request.clone()).await }).expect("an answer");
    }

    fn submit(&mut self, request: u64) {
        let label = if self.random.random_range(0..2) == 0 { "\"cat\"" } else { "\"dog\"" };
        let message = v1::SubmitLabelRequest {
            request,
            annotator: self.name.clone(),
            label_json: label.to_owned(),
            took_ms: 1,
            request_id: self.random.random::<[u8; 16]>().to_vec().into(),
            by_command: false,
        };
        let message = &message;
        let answer = self.patiently(|mut labels| async move { labels.submit_label(message.clone()).await }).expect("it is taken");
        self.acknowledged.push(Acknowledged {
            annotator: self.name.clone(),
            request,
            answer: answer.answer,
            label: label.to_owned(),
            taken_back: false,
        });
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    fn take_back(&mut self, request: u64) {
        let message = v1::UndoLabelRequest { request, annotator: self.name.clone() };
        let message = &message;
        self.patiently(|mut labels| async move { labels.undo_label(message.clone()).await }).expect("it is taken back");
        if let Some(last) = self.acknowledged.last_mut() {
            last.taken_back = true;
        }
    }
}
