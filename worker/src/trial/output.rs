//! Copies what a process writes into its log, and looks for values on the way.

use std::{io, os::fd::OwnedFd, sync::Arc, time::Duration};

use hone_proto::worker::Metric;
use tokio::{io::AsyncReadExt as _, net::unix::pipe, sync::mpsc, task::JoinSet, time::timeout};

use crate::process::{
    log::Log,
    pattern::{Found, Lines, Pattern},
    spawn::Pipes,
};

/// Read at once from a pipe at first; most trials write little.
const FIRST_BYTES: usize = 4 << 10;
/// Read at once from a pipe that is full; the size of a pipe.
const READ_BYTES: usize = 64 << 10;
/// When everything is dead a pipe is at its end; one that is not is held by something that escaped.
const DRAIN: Duration = Duration::from_secs(2);

/// Values of one line, with their step.
pub(crate) type Values = (Option<i64>, Vec<Metric>);

/// What standard output is searched for, and where the values go.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) pattern: Pattern,
    pub(crate) values: mpsc::Sender<Values>,
}

/// Begins to copy the pipes of a process.
pub(crate) fn copy_output(pipes: Pipes, log: &Arc<Log>, search: Option<Search>) -> JoinSet<()> {
    let mut copies = JoinSet::new();
    copies.spawn(copy(pipes.output, Arc::clone(log), false, search));
    copies.spawn(copy(pipes.errors, Arc::clone(log), true, None));
    copies
}

/// Waits until everything is copied that dead processes have written.
pub(crate) async fn finish_copies(mut copies: JoinSet<()>) {
    let rest = async { while copies.join_next().await.is_some() {} };
    if timeout(DRAIN, rest).await.is_err() {
        tracing::warn!("something that left its process group still holds the output of an ended trial");
    }
}

async fn copy(descriptor: OwnedFd, log: Arc<Log>, is_error: bool, search: Option<Search>) {
    if let Err(error) = copy_all(descriptor, &log, is_error, search).await {
        tracing::warn!("cannot read the output of a trial: {error}");
    }
}

async fn copy_all(descriptor: OwnedFd, log: &Log, is_error: bool, search: Option<Search>) -> io::Result<()> {
    let mut pipe = pipe::Receiver::from_owned_fd(descriptor)?;
    let mut buffer = vec![0; FIRST_BYTES];
    let mut lines = Lines::default();
    loop {
        let count = pipe.read(&mut buffer).await?;
        log.append(&buffer[..count], is_error);
        let Some(search) = &search else {
            if count == 0 {
                return Ok(());
            }
            grow(&mut buffer, count);
            continue;
        };
        let mut found = Vec::new();
        let look = |line: &str| found.extend(values_of(search.pattern.find(line)));
        if count == 0 {
            lines.end(look)
        } else {
            lines.feed(&buffer[..count], look)
        }
        for values in found {
            // Nobody wants them any more when the attempt is over.
            let _ = search.values.send(values).await;
        }
        if count == 0 {
            return Ok(());
        }
        grow(&mut buffer, count);
    }
}

/// Makes room for all of a pipe when a reading has filled the buffer.
fn grow(buffer: &mut Vec<u8>, count: usize) {
    if count == buffer.len() {
        buffer.resize(READ_BYTES, 0);
    }
}

/// Joins the values of a line by their steps.
fn values_of(found: impl Iterator<Item = Found>) -> Vec<Values> {
    let mut joined: Vec<Values> = Vec::new();
    for Found { step, metric } in found {
        match joined.last_mut().filter(|(last, _)| *last == step) {
            Some((_, metrics)) => metrics.push(metric),
            None => joined.push((step, vec![metric])),
        }
    }
    joined
}
