//! One step of a scoring where the files are: on this host, or on a worker.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hone_data::{
    BlobError, BlobStore, Hash,
    blobs::{Pin, Stored},
    predictions::{Beside, PredictionError, PredictionFile, Rows, Sketch, Wish, member_sketches, rows, sketches},
};
use hone_proto::worker::{
    Predictions, RowsTask, ScoreAnswer, ScoreRelease, ScoreRequest, SketchTask, score_request::Task, to_worker,
};
use hone_studies::{FileRef, WorkerId};
use prost::Message as _;
use tokio::sync::Semaphore;

use super::{
    members::{Home, Member},
    pending::{Fault, Scored},
};
use crate::sessions::Sessions;

/// Where the steps of one scoring are done. What it holds on workers is let go when it is dropped.
pub(crate) struct Site {
    sessions: Sessions,
    blobs: BlobStore,
    /// Names the scoring to workers.
    scoring: u64,
    /// A member that takes longer for a step is given up.
    deadline: Duration,
    /// Files of this host are read one after the other, each with all processors.
    turn: Arc<Semaphore>,
    asked: Mutex<BTreeSet<WorkerId>>,
}

/// A list of samples that workers fetch.
pub(crate) struct List {
    stored: Option<Stored>,
    pub bytes: Arc<Vec<u8>>,
}

impl List {
    fn hash(&self) -> bytes::Bytes {
        self.stored.as_ref().map(|stored| stored.hash.as_bytes().to_vec().into()).unwrap_or_default()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in asked {
            self.sessions.send(worker, to_worker::Kind::ScoreRelease(ScoreRelease { scoring: self.scoring }));
        }
    }
}

impl Site {
    pub fn new(sessions: Sessions, blobs: BlobStore, deadline: Duration) -> Site {
        let scoring = sessions.next_id();
        Site { sessions, blobs, scoring, deadline, turn: Arc::new(Semaphore::new(1)), asked: Mutex::default() }
    }

    /// Makes a list of samples that workers can fetch; one that is empty is none.
    pub async fn list(&self, bytes: Vec<u8>) -> Result<List, BlobError> {
        if bytes.is_empty() {
            return Ok(List { stored: None, bytes: Arc::default() });
        }
        let blobs = self.blobs.clone();
        let work = tokio::task::spawn_blocking(move || {
            let stored = blobs.put(&mut bytes.as_slice())?;
            Ok(List { stored: Some(stored), bytes: Arc::new(bytes) })
        });
        work.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// Why a member cannot be read, as far as that is known without asking.
    pub fn missing(&self, member: &Member) -> Option<String> {
        match member.home() {
            None => Some("its files lie in different places".to_owned()),
            Some(Home::Store) => {
                let gone = member.pool.files().any(|file| !self.blobs.contains(&hash_of(file)));
                gone.then(|| "its file is not in the store any more; `keep.outputs` says whose are kept".to_owned())
            }
            Some(Home::Worker(worker)) if !self.sessions.has(worker) => Some("its worker is not connected".to_owned()),
            Some(Home::Worker(worker)) => {
                let gone = member.pool.files().any(|file| self.sessions.keeps(worker, &hash_of(file)) == Some(false));
                gone.then(|| "its worker does not have the file any more (`--predictions-cache`)".to_owned())
            }
        }
    }

    /// Phase one of members that are in one place: of one, or `joint`ly of the committee as a whole.
    pub async fn sketches(
        &self,
        home: &Home,
        members: &[&Member],
        wish: &Arc<Wish>,
        excluded: &List,
    ) -> Result<Vec<Sketch>, Fault> {
        let joint = members.len() > 1;
        match home {
            Home::Store => {
                let wish = Arc::clone(wish);
                self.here(members, move |files| match files {
                    [file] => member_sketches(file, &wish),
                    files => sketches(files, &wish),
                })
                .await
            }
            Home::Worker(worker) => {
                let task = Task::Sketch(sketch_task(wish, excluded, joint));
                let parts = self.ask(*worker, members, task).await?;
                parts.iter().map(|part| Sketch::decode(part).map_err(|error| unreadable(members, &error))).collect()
            }
        }
    }

    /// Phase two of one member: the rows of these samples.
    pub async fn rows(&self, home: &Home, member: &Member, ids: &Arc<Vec<String>>, list: &List) -> Result<Rows, Fault> {
        match home {
            Home::Store => {
                let ids = Arc::clone(ids);
                self.here(&[member], move |files| rows(&files[0], &ids)).await
            }
            Home::Worker(worker) => {
                let task = Task::Rows(RowsTask { ids: list.hash(), ids_bytes: list.bytes.len() as u64 });
                let parts = self.ask(*worker, &[member], task).await?;
                let part = parts.first().ok_or_else(|| Fault::new("its worker answered with nothing"))?;
                Rows::decode(part).map_err(|error| unreadable(&[member], &error))
            }
        }
    }

    /// Reads blobs of this host.
    async fn here<T: Send + 'static>(
        &self,
        members: &[&Member],
        work: impl FnOnce(&[PredictionFile]) -> Result<T, PredictionError> + Send + 'static,
    ) -> Result<T, Fault> {
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else { return Err(Fault::new("it was given up")) };
        let blobs = self.blobs.clone();
        let members: Vec<Member> = members.iter().map(|member| (*member).clone()).collect();
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let _pins: Vec<Pin> =
                members.iter().flat_map(|member| member.pool.files()).map(|file| blobs.pin(&hash_of(file))).collect();
            let files = members.iter().map(|member| open(&blobs, member)).collect::<Result<Vec<_>, _>>()?;
            work(&files)
        });
        match tokio::time::timeout(self.deadline, reading).await {
            Ok(Ok(read)) => read.map_err(|error| fault_of(&error)),
            Ok(Err(error)) => Err(Fault::new(format!("reading its predictions broke off: {error}"))),
            Err(_) => Err(self.late()),
        }
    }

    /// Asks a worker and waits for its answer.
    async fn ask(&self, worker: WorkerId, members: &[&Member], task: Task) -> Result<Vec<bytes::Bytes>, Fault> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(worker);
        let request = ScoreRequest {
            request: self.sessions.next_id(),
            scoring: self.scoring,
            members: members.iter().map(|member| predictions(member)).collect(),
            task: Some(task),
        };
        let answer = self.sessions.request_score(worker, request);
        let bytes: Scored = match tokio::time::timeout(self.deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Fault::new("its worker lost the connection")),
            Err(_) => Err(self.late()),
        };
        let answer = ScoreAnswer::decode(bytes?.as_slice());
        answer.map(|answer| answer.parts).map_err(|_| Fault::new("its worker's answer is damaged"))
    }

    fn late(&self) -> Fault {
        Fault::new(format!("it took longer than {} s (`--patience`)", self.deadline.as_secs_f64()))
    }
}

fn sketch_task(wish: &Wish, excluded: &List, joint: bool) -> SketchTask {
    SketchTask {
        acquisitions: wish.acquisitions.iter().map(ToString::to_string).collect(),
        seed: wish.noise.seed,
        beta: wish.noise.beta,
        candidates: wish.candidates as u64,
        sample: wish.sample as u64,
        excluded: excluded.hash(),
        excluded_bytes: excluded.bytes.len() as u64,
        joint,
    }
}

fn hash_of(file: &FileRef) -> Hash {
    Hash::from_bytes(file.blob.0)
}

fn predictions(member: &Member) -> Predictions {
    let hash = |file: &FileRef| bytes::Bytes::from(file.blob.0.to_vec());
    let beside = |file: &Option<FileRef>| file.as_ref().map(hash).unwrap_or_default();
    let pool = &member.pool;
    Predictions {
        name: member.name.clone(),
        file: hash(&pool.file),
        ids: beside(&pool.ids),
        embeddings: beside(&pool.embeddings),
    }
}

fn open(blobs: &BlobStore, member: &Member) -> Result<PredictionFile, PredictionError> {
    let path = |file: &FileRef| blobs.path(&hash_of(file));
    let pool = &member.pool;
    let beside = Beside { ids: pool.ids.as_ref().map(path), embeddings: pool.embeddings.as_ref().map(path) };
    PredictionFile::open_as(&path(&pool.file), &member.name, &beside)
}

fn unreadable(members: &[&Member], error: &hone_data::predictions::WireError) -> Fault {
    let member = match members {
        [member] => member.name.clone(),
        _ => String::new(),
    };
    Fault { member, message: format!("its worker's answer cannot be used: {error}") }
}

/// A fault of a file; the file's name is that of the member.
pub(crate) fn fault_of(error: &PredictionError) -> Fault {
    Fault { member: error.file.clone(), message: error.to_string() }
}
