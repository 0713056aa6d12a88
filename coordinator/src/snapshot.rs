//! Snapshots of the folded state: sealed segments once each, and the small rest as one body.
//!
//! Written off the writer's thread from a shared copy of the state, so a snapshot costs what has changed and holds
//! nobody up. The body is MessagePack with field names, which leaves room for fields to come.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
};

use hone_studies::{Segment, State, StudyId};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::journal::{
    Head, JournalError,
    snapshots::{SegmentId, SnapshotStore},
};

/// Why a snapshot cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the snapshot cannot be read by this version: {0}; upgrade hone, or restore a backup")]
    Decode(#[from] rmp_serde::decode::Error),
    #[error("the state cannot be written: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
}

#[derive(Serialize)]
struct BodyRef<'a> {
    state: &'a State,
    /// How many of the snapshot's segments belong to which study, in order.
    segments: Vec<(StudyId, u32)>,
}

#[derive(Deserialize)]
struct Body {
    state: State,
    segments: Vec<(StudyId, u32)>,
}

/// The snapshots of a store.
pub struct Snapshots {
    store: SnapshotStore,
    /// Names of segments that are written already; a study's segments only ever get more.
    written: Mutex<BTreeMap<StudyId, Vec<SegmentId>>>,
}

impl Snapshots {
    /// Opens the folder of snapshots.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn open(directory: &Path) -> Result<Snapshots, SnapshotError> {
        Ok(Snapshots { store: SnapshotStore::open(directory)?, written: Mutex::default() })
    }

    /// The newest whole snapshot and the event up to which it is folded.
    ///
    /// # Errors
    /// When it was written by a newer version. A damaged one is passed over, with a warning in the log.
    pub fn load(&self) -> Result<Option<(State, u64)>, SnapshotError> {
        let latest = self.store.latest_valid()?;
        for rejected in &latest.rejected {
            tracing::warn!(file = %rejected.file.display(), reason = %rejected.reason, "passed over a damaged snapshot");
        }
        let Some(snapshot) = latest.snapshot else { return Ok(None) };
        let body: Body = rmp_serde::from_slice(&snapshot.body)?;
        let segments: Vec<Arc<Segment>> =
            snapshot.segments.par_iter().map(|id| self.read_segment(*id)).collect::<Result<_, SnapshotError>>()?;
        let mut state = body.state;
        self.hand_out(&mut state, &body.segments, &snapshot.segments, segments);
        Ok(Some((state, snapshot.head.sequence)))
    }

    fn hand_out(&self, state: &mut State, owners: &[(StudyId, u32)], ids: &[SegmentId], segments: Vec<Arc<Segment>>) {
        let mut written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (mut segments, mut ids) = (segments.into_iter(), ids.iter().copied());
        for (study, count) in owners {
            let count = *count as usize;
            state.restore_segments(*study, segments.by_ref().take(count).collect());
            written.insert(*study, ids.by_ref().take(count).collect());
        }
    }

    fn read_segment(&self, id: SegmentId) -> Result<Arc<Segment>, SnapshotError> {
        Ok(Arc::new(rmp_serde::from_slice(&self.store.segment(id)?)?))
    }

    /// Writes the state as of an event; durable when it returns.
    ///
    /// # Errors
    /// A full disk or a failed write; older snapshots are untouched then.
    pub fn write(&self, state: &State, head: Head) -> Result<(), SnapshotError> {
        let mut owners = Vec::new();
        let mut ids = Vec::new();
        for (study, segments) in state.segments() {
            let of_study = self.write_segments(study, segments)?;
            owners.push((study, of_study.len() as u32));
            ids.extend(of_study);
        }
        let body = rmp_serde::to_vec_named(&BodyRef { state, segments: owners })?;
        self.store.write(head, &ids, &body)?;
        Ok(())
    }

    fn write_segments(&self, study: StudyId, segments: &[Arc<Segment>]) -> Result<Vec<SegmentId>, SnapshotError> {
        let mut written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = written.entry(study).or_default();
        for segment in &segments[known.len().min(segments.len())..] {
            known.push(self.store.put_segment(&rmp_serde::to_vec_named(&**segment)?)?);
        }
        Ok(known.clone())
    }
}

impl Snapshots {
    /// Reads every kept snapshot and its segments.
    ///
    /// # Errors
    /// The first damage.
    pub fn verify(&self) -> Result<(), SnapshotError> {
        self.store.verify()?;
        Ok(())
    }
}
