//! Answers the coordinator's requests to read predictions, one after the other and beside everything else that this worker
//! does.

use std::{collections::BTreeMap, sync::Arc};

use hone_data::{
    Hash,
    acquisition::{Acquisition, Noise},
    predictions::{Beside, Excluded, PredictionError, PredictionFile, Wish, member_sketches, rows, sketches},
};
use hone_proto::worker::{
    FromWorker, Predictions, RowsTask, ScoreAnswer, ScorePiece, ScoreRequest, SketchTask, from_worker, score_request::Task,
};
use prost::Message as _;
use tokio::{
    sync::{Semaphore, mpsc},
    task::AbortHandle,
};

use super::{Pinned, Shelf};
use crate::transfer::{Blobs, chain, hash_from_bytes};

/// In one message.
const PIECE_BYTES: usize = 256 << 10;
/// Samples of a request at most, in bytes.
const LARGEST_LIST: u64 = 1 << 30;

/// The scorings of one connection.
#[derive(Debug)]
pub(crate) struct Scorings {
    open: BTreeMap<u64, Open>,
    /// One file is read at a time, with all processors.
    turn: Arc<Semaphore>,
}

impl Default for Scorings {
    fn default() -> Self {
        Self { open: BTreeMap::new(), turn: Arc::new(Semaphore::new(1)) }
    }
}

#[derive(Debug, Default)]
struct Open {
    tasks: Vec<AbortHandle>,
    /// Its files stay until it is over.
    _pins: Vec<Pinned>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Scorings {
    /// Begins to answer a request.
    pub(crate) fn on_request(&mut self, request: ScoreRequest, shelf: &Shelf, blobs: &Blobs, to: &mpsc::Sender<FromWorker>) {
        let open = self.open.entry(request.scoring).or_default();
        let hashes = request.members.iter().flat_map(|member| [&member.file, &member.ids, &member.embeddings]);
        open._pins.push(shelf.pin(hashes.filter_map(|hash| hash_from_bytes(hash)).collect()));
        let (turn, shelf, blobs, to) = (Arc::clone(&self.turn), shelf.clone(), blobs.clone(), to.clone());
        let answering = async move {
            let id = request.request;
            let Ok(turn) = turn.acquire_owned().await else { return };
            let answer = answer(request, shelf, blobs, turn).await;
            send(id, answer, &to).await;
        };
        open.tasks.push(tokio::spawn(answering).abort_handle());
    }

    /// A scoring is over.
    pub(crate) fn on_release(&mut self, scoring: u64) {
        self.open.remove(&scoring);
    }

    /// The connection is gone.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}

/// Why there is no answer.
#[derive(Debug, PartialEq)]
struct Refused {
    /// Whose file is at fault.
    member: String,
    message: String,
}

impl Refused {
    fn new(message: impl Into<String>) -> Self {
        Self { member: String::new(), message: message.into() }
    }
}

impl From<PredictionError> for Refused {
    fn from(error: PredictionError) -> Self {
        Self { member: error.file.clone(), message: chain(&error) }
    }
}

type Answer = Result<Vec<u8>, Refused>;

/// Fetches what a request names and does what it says. The turn is held until the work is over, even if nobody waits for it.
async fn answer(request: ScoreRequest, shelf: Shelf, blobs: Blobs, turn: tokio::sync::OwnedSemaphorePermit) -> Answer {
    let list = match &request.task {
        Some(Task::Sketch(task)) => (&task.excluded, task.excluded_bytes),
        Some(Task::Rows(task)) => (&task.ids, task.ids_bytes),
        None => return Err(Refused::new("this worker does not know what is wanted; upgrade it")),
    };
    let list = fetch(&blobs, list.0, list.1).await?;
    let work = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work(&request, &shelf, &list)
    });
    work.await.map_err(|error| Refused::new(format!("reading the predictions broke off: {error}")))?
}

async fn fetch(blobs: &Blobs, hash: &[u8], size: u64) -> Result<Vec<u8>, Refused> {
    if hash.is_empty() {
        return Ok(Vec::new());
    }
    let hash = hash_from_bytes(hash).filter(|_| size <= LARGEST_LIST);
    let hash = hash.ok_or_else(|| Refused::new("the coordinator named an unusable list of samples"))?;
    blobs.read(&hash, size).await.map_err(|error| Refused::new(chain(&error)))
}

fn work(request: &ScoreRequest, shelf: &Shelf, list: &[u8]) -> Answer {
    let files = request.members.iter().map(|member| open(member, shelf)).collect::<Result<Vec<_>, _>>()?;
    let parts = match (&request.task, files.as_slice()) {
        (Some(Task::Sketch(task)), files) if task.joint => encoded(&sketches(files, &wish(task, list)?)?),
        (Some(Task::Sketch(task)), [file]) => encoded(&member_sketches(file, &wish(task, list)?)?),
        (Some(Task::Rows(RowsTask { .. })), [file]) => vec![rows(file, &ids(list)?)?.encode().into()],
        _ => return Err(Refused::new("the coordinator wants several files at once")),
    };
    Ok(ScoreAnswer { parts }.encode_to_vec())
}

fn encoded(sketches: &[hone_data::predictions::Sketch]) -> Vec<bytes::Bytes> {
    sketches.iter().map(|sketch| sketch.encode().into()).collect()
}

fn open(member: &Predictions, shelf: &Shelf) -> Result<PredictionFile, Refused> {
    let find = |hash: &[u8]| {
        let refused = |message: String| Refused { member: member.name.clone(), message };
        let hash: Hash = hash_from_bytes(hash).ok_or_else(|| refused("its hash is not 32 bytes long".to_owned()))?;
        shelf.find(&hash).map_err(|error| refused(error.to_string()))
    };
    let beside = |hash: &bytes::Bytes| if hash.is_empty() { Ok(None) } else { find(hash).map(Some) };
    let beside = Beside { ids: beside(&member.ids)?, embeddings: beside(&member.embeddings)? };
    Ok(PredictionFile::open_as(&find(&member.file)?, &member.name, &beside)?)
}

fn wish(task: &SketchTask, excluded: &[u8]) -> Result<Wish, Refused> {
    let acquisitions = task.acquisitions.iter().map(|name| Acquisition::parse(name)).collect::<Result<Vec<_>, _>>();
    let small = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    Ok(Wish {
        acquisitions: acquisitions.map_err(|error| Refused::new(format!("{error}; upgrade this worker")))?,
        noise: Noise { seed: task.seed, beta: task.beta },
        candidates: small(task.candidates),
        sample: small(task.sample),
        excluded: Excluded::from_bytes(excluded).ok_or_else(|| Refused::new("the list of samples to pass over is damaged"))?,
    })
}

fn ids(list: &[u8]) -> Result<Vec<String>, Refused> {
    let text = std::str::from_utf8(list).map_err(|_| Refused::new("the list of samples is damaged"))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Sends an answer piece by piece; the connection may be gone.
async fn send(request: u64, answer: Answer, to: &mpsc::Sender<FromWorker>) {
    let piece = |piece: ScorePiece| FromWorker { kind: Some(from_worker::Kind::Score(ScorePiece { request, ..piece })) };
    match answer {
        Err(Refused { member, message }) => {
            let _ = to.send(piece(ScorePiece { last: true, error: message, member, ..ScorePiece::default() })).await;
        }
        Ok(bytes) => {
            let bytes = bytes::Bytes::from(bytes);
            for chunk in bytes.chunks(PIECE_BYTES) {
                let data = bytes.slice_ref(chunk);
                if to.send(piece(ScorePiece { data, ..ScorePiece::default() })).await.is_err() {
                    return;
                }
            }
            let _ = to.send(piece(ScorePiece { last: true, ..ScorePiece::default() })).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use hone_data::predictions::{Rows, Sketch};
    use tokio::sync::watch;

    use super::*;

    const POOL: &str = "id,p_0,p_1\na,0.5,0.5\nb,1,0\nc,0.75,0.25\n";

    /// A shelf with room for one file and a half.
    struct Bench {
        folder: tempfile::TempDir,
        shelf: Shelf,
        blobs: Blobs,
        scorings: Scorings,
        to: (mpsc::Sender<FromWorker>, mpsc::Receiver<FromWorker>),
        _connection: watch::Sender<Option<tonic::transport::Channel>>,
    }

    impl Bench {
        fn new() -> Bench {
            let folder = tempfile::tempdir().expect("a folder");
            let limit = POOL.len() as u64 * 3 / 2;
            let shelf = Shelf::open(&folder.path().join("shelf"), limit).expect("a shelf");
            let (connection, connected) = watch::channel(None);
            let blobs = Blobs::open(&folder.path().join("cache"), connected).expect("a cache");
            Bench { folder, shelf, blobs, scorings: Scorings::default(), to: mpsc::channel(4), _connection: connection }
        }

        fn put(&self, text: &str) -> Hash {
            put(&self.shelf, self.folder.path(), text)
        }

        fn ask(&mut self, scoring: u64, file: &Hash, task: Task) {
            let member = Predictions { name: "m".to_owned(), file: file.as_bytes().to_vec().into(), ..Predictions::default() };
            let request = ScoreRequest { request: 9, scoring, members: vec![member], task: Some(task) };
            self.scorings.on_request(request, &self.shelf, &self.blobs, &self.to.0);
        }

        async fn answer(&mut self) -> Result<Vec<bytes::Bytes>, ScorePiece> {
            let mut bytes = Vec::new();
            loop {
                let Some(from_worker::Kind::Score(piece)) = self.to.1.recv().await.expect("a message").kind else { panic!() };
                assert_eq!(piece.request, 9);
                bytes.extend_from_slice(&piece.data);
                match (piece.last, piece.error.is_empty()) {
                    (true, true) => return Ok(ScoreAnswer::decode(bytes.as_slice()).expect("an answer").parts),
                    (true, false) => return Err(piece),
                    (false, _) => {}
                }
            }
        }
    }

    fn put(shelf: &Shelf, folder: &Path, text: &str) -> Hash {
        let (path, hash) = (folder.join("file"), Hash::of(text.as_bytes()));
        fs::write(&path, text).expect("a file");
        shelf.take(&path, hash, text.len() as u64).expect("taken");
        hash
    }

    fn sketch_task() -> Task {
        let acquisitions = ["margin", "bald", "random"].map(str::to_owned).into();
        Task::Sketch(SketchTask { acquisitions, candidates: 1, sample: 2, beta: 1.0, ..SketchTask::default() })
    }

    #[tokio::test]
    async fn a_file_stays_from_the_first_request_of_a_scoring_to_its_release() {
        let mut bench = Bench::new();
        let file = bench.put(POOL);
        bench.ask(1, &file, sketch_task());
        let parts = bench.answer().await.expect("sketches");
        // Alone a member can only be unsure: `bald` is rated as `margin` is.
        let sketches: Vec<Sketch> = parts.iter().map(|part| Sketch::decode(part).expect("a sketch")).collect();
        let best = (sketches.len(), sketches[0].candidates[0].id.as_str(), sketches[0].sample.len(), sketches[1].sample.len());
        assert_eq!(best, (2, "a", 2, 0));
        bench.put(&POOL.replace("0.75,0.25", "0.25,0.75"));
        bench.ask(1, &file, Task::Rows(RowsTask::default()));
        let parts = bench.answer().await.expect("rows");
        assert!(Rows::decode(&parts[0]).expect("rows").is_empty(), "nothing was wanted");
        bench.scorings.on_release(1);
        bench.put(&POOL.replace("0.75,0.25", "0.5,0.5"));
        assert!(bench.shelf.find(&file).is_err(), "it was the oldest, and nobody held it any more");
    }

    #[tokio::test]
    async fn what_is_wrong_names_the_member_and_the_line() {
        let mut bench = Bench::new();
        let wrong = bench.put("id,p_0,p_1\na,0.5,0.5\nb,1,1\n");
        bench.ask(1, &wrong, sketch_task());
        let piece = bench.answer().await.expect_err("a fault");
        assert_eq!(piece.member, "m");
        assert!(piece.error.contains("`m`, line 3"), "{}", piece.error);
        bench.ask(2, &Hash::of(b"gone"), sketch_task());
        let piece = bench.answer().await.expect_err("gone");
        assert!(piece.member == "m" && piece.error.contains("does not have it any more"), "{piece:?}");
        bench.scorings.clear();
        bench.ask(3, &wrong, Task::Sketch(SketchTask { acquisitions: vec!["newer".to_owned()], ..SketchTask::default() }));
        let piece = bench.answer().await.expect_err("unknown");
        assert!(piece.member.is_empty() && piece.error.contains("upgrade this worker"), "{piece:?}");
    }
}
