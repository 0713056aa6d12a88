//! Answers of workers that somebody waits for.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hone_proto::worker::ScorePiece;
use hone_studies::WorkerId;
use tokio::sync::oneshot;

/// Bytes of one answer at most.
const LARGEST_ANSWER: usize = 1 << 30;

/// The bytes of an answer, or why there is none.
pub type Scored = Result<Vec<u8>, Fault>;

/// Why predictions cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The member whose file is at fault, by its name; empty: none of them.
    pub member: String,
    /// What messages say.
    pub message: String,
}

impl Fault {
    /// One that no member is to blame for.
    pub fn new(message: impl Into<String>) -> Fault {
        Fault { member: String::new(), message: message.into() }
    }
}

#[derive(Debug)]
struct Expected {
    worker: WorkerId,
    bytes: Vec<u8>,
    waiting: oneshot::Sender<Scored>,
}

/// What was asked and is not answered yet, by the number of the request.
#[derive(Debug, Default)]
pub struct Pending(Mutex<BTreeMap<u64, Expected>>);

impl Pending {
    /// Waits for the answer of a worker.
    pub fn expect(&self, worker: WorkerId, request: u64) -> oneshot::Receiver<Scored> {
        let (waiting, answer) = oneshot::channel();
        let mut all = self.all();
        all.retain(|_, expected| !expected.waiting.is_closed());
        all.insert(request, Expected { worker, bytes: Vec::new(), waiting });
        answer
    }

    /// Waits no longer.
    pub fn forget(&self, request: u64) {
        self.all().remove(&request);
    }

    /// Adds a piece; an answer that nobody waits for, or of another worker, is dropped.
    pub fn deliver(&self, worker: WorkerId, piece: ScorePiece) {
        let mut all = self.all();
        let Some(expected) = all.get_mut(&piece.request).filter(|expected| expected.worker == worker) else { return };
        expected.bytes.extend_from_slice(&piece.data);
        let is_too_large = expected.bytes.len() > LARGEST_ANSWER;
        if !piece.last && !is_too_large && !expected.waiting.is_closed() {
            return;
        }
        let Some(Expected { bytes, waiting, .. }) = all.remove(&piece.request) else { return };
        let answer = match (piece.error.is_empty(), is_too_large) {
            (false, _) => Err(Fault { member: piece.member, message: piece.error }),
            (true, true) => Err(Fault::new(format!("its answer has more than {LARGEST_ANSWER} bytes; take fewer candidates"))),
            (true, false) => Ok(bytes),
        };
        // Nobody may wait any more.
        let _ = waiting.send(answer);
    }

    /// A worker is gone: those who wait for it learn that.
    pub fn lose(&self, worker: WorkerId) {
        self.all().retain(|_, expected| expected.worker != worker);
    }

    /// All workers are gone.
    pub fn lose_all(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Expected>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(request: u64, data: &'static [u8], last: bool) -> ScorePiece {
        ScorePiece { request, data: data.into(), last, ..ScorePiece::default() }
    }

    #[test]
    fn pieces_become_an_answer_and_lost_workers_are_told_of() {
        let (pending, one, two) = (Pending::default(), WorkerId(1), WorkerId(2));
        let (mut first, mut second) = (pending.expect(one, 7), pending.expect(two, 8));
        pending.deliver(one, piece(7, b"ab", false));
        pending.deliver(two, piece(7, b"--", true));
        assert!(first.try_recv().is_err(), "another worker answers for nobody");
        pending.deliver(one, piece(7, b"c", true));
        assert_eq!(first.try_recv(), Ok(Ok(b"abc".to_vec())));
        let error = ScorePiece { error: "no".to_owned(), member: "m".to_owned(), ..piece(8, b"", true) };
        pending.deliver(two, error);
        assert_eq!(second.try_recv(), Ok(Err(Fault { member: "m".to_owned(), message: "no".to_owned() })));
        let (lost, mut kept) = (pending.expect(one, 9), pending.expect(two, 10));
        pending.lose(one);
        assert!(lost.blocking_recv().is_err());
        assert_eq!(kept.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    }
}
