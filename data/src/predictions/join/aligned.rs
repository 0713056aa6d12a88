//! Members whose files have the same samples in the same order: read once, side by side.
//!
//! ```text
//!  file A ─ thread ─▶ batches ─┐
//!  file B ─ thread ─▶ batches ─┼─▶ as many rows as all have: same ids? ─▶ rated by all threads
//!  file C ─ thread ─▶ batches ─┘
//! ```
//!
//! A thread is at most [`AHEAD`] batches ahead of the slowest one.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use super::{Join, Place, kept_copy};
use crate::predictions::{
    batch::Batch,
    error::{Fault, PredictionError, Problem},
    file::PredictionFile,
    layout::Layout,
};

/// Batches of a file that wait to be rated.
const AHEAD: usize = 2;
/// Members that have a thread and batches of their own at most; larger committees meet by ids.
pub(super) const MEMBERS: usize = 64;

type Delivery = Result<Batch, PredictionError>;

/// Rates a committee row by row. `false`: the files have other samples, or another order, and nothing that was found counts.
pub(super) fn aligned(join: &mut Join<'_>) -> Result<bool, PredictionError> {
    if join.files.len() > MEMBERS {
        return Ok(false);
    }
    let (files, layouts) = (join.files, join.layouts.clone());
    thread::scope(|scope| {
        let mut members = Vec::new();
        for (file, layout) in files.iter().zip(&layouts) {
            let (into, from) = sync_channel(AHEAD);
            let name = format!("read {}", members.len());
            let started = thread::Builder::new().name(name).spawn_scoped(scope, move || deliver(file, layout, &into));
            started.map_err(|error| file.error(error.into()))?;
            members.push(Member { from, batch: Batch::default(), at: 0, is_over: false });
        }
        follow(join, &mut members)
        // Dropped with the members, the channels end the threads.
    })
}

/// What has come of a file.
struct Member {
    from: Receiver<Delivery>,
    batch: Batch,
    /// Rows of the batch that are rated.
    at: usize,
    is_over: bool,
}

impl Member {
    /// Waits for rows, unless there are some.
    fn fill(&mut self) -> Result<(), PredictionError> {
        while !self.is_over && self.at == self.batch.len() {
            match self.from.recv() {
                Ok(batch) => (self.batch, self.at) = (batch?, 0),
                Err(_) => self.is_over = true,
            }
        }
        Ok(())
    }
}

fn follow(join: &mut Join<'_>, members: &mut [Member]) -> Result<bool, PredictionError> {
    loop {
        for member in members.iter_mut() {
            member.fill()?;
        }
        match members.iter().filter(|member| member.is_over).count() {
            0 => {}
            over => return Ok(over == members.len()),
        }
        let count = members.iter().map(|member| member.batch.len() - member.at).min().unwrap_or(0);
        let starts: Vec<usize> = members.iter().map(|member| member.at).collect();
        let gathered: Vec<Vec<Batch>> = members.iter_mut().map(|member| vec![std::mem::take(&mut member.batch)]).collect();
        let place = |member: usize, row: usize| -> Place { (0, (starts[member] + row) as u32) };
        let is_same = |row: usize| {
            let id = |member| join.row(&gathered, member, place(member, row)).id;
            (1..starts.len()).all(|member| id(member) == id(0))
        };
        if !(0..count).all(is_same) {
            return Ok(false);
        }
        let rows: Vec<Vec<Place>> = (0..count).map(|row| (0..starts.len()).map(|member| place(member, row)).collect()).collect();
        join.rate_all(&gathered, &rows)?;
        for (member, batches) in members.iter_mut().zip(gathered) {
            member.batch = batches.into_iter().next().unwrap_or_default();
            member.at += count;
        }
    }
}

/// Reads a file from its first to its last row, as long as somebody takes it.
fn deliver(file: &PredictionFile, kept: &Layout, into: &SyncSender<Delivery>) {
    let mut batch = Batch::default();
    let read = |batch: &mut Batch| -> Result<(), Fault> {
        let mut parts = file.parts(1)?;
        while let Some(part) = parts.next()? {
            file.read(&part, None, batch, &mut |batch| {
                let unheard = |_| Fault::file(Problem::Unfit("nobody reads on".to_owned()));
                into.send(Ok(kept_copy(batch, file.layout(), kept))).map_err(unheard)
            })?;
        }
        Ok(())
    };
    if let Err(fault) = read(&mut batch) {
        // When nobody listens, nobody wants to know.
        let _ = into.send(Err(file.error(fault)));
    }
}
