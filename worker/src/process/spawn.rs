//! Starting processes from one thread that lives as long as this process.
//!
//! The kernel sends the parent-death signal when the *thread* that forked ends, so a thread of a pool must
//! never fork a trial.

use std::{
    io,
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    process::{Child, Command, ExitStatus},
    sync::{OnceLock, mpsc},
};

use rustix::process::{Pid, PidfdFlags};
use tokio::{io::unix::AsyncFd, sync::oneshot};

use super::{kill, proc};

type Reply = oneshot::Sender<io::Result<Child>>;

static SPAWNER: OnceLock<mpsc::Sender<(Command, Reply)>> = OnceLock::new();

/// A process that leads a group of its own and dies with this one.
#[derive(Debug)]
pub struct Leader {
    child: Child,
    ended: Option<AsyncFd<OwnedFd>>,
}

/// Starts a command as the leader of its own group.
///
/// # Errors
///
/// What the system said; [`io::ErrorKind::NotFound`] also when the working directory is not there.
pub async fn spawn(mut command: Command) -> io::Result<Leader> {
    command.process_group(0);
    die_with_parent(&mut command);
    let (reply, started) = oneshot::channel();
    let gone = || io::Error::other("the thread that starts processes has ended");
    spawner()?.send((command, reply)).map_err(|_| gone())?;
    let child = started.await.map_err(|_| gone())??;
    let pid = Pid::from_child(&child);
    // Without process descriptors (Linux before 5.3) a thread waits instead.
    let descriptor = rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK).ok();
    // SAFETY: the descriptor is owned, and open for as long as the registration lives.
    let ended = descriptor.and_then(|descriptor| unsafe { AsyncFd::register(descriptor) }.ok());
    Ok(Leader { child, ended })
}

fn spawner() -> io::Result<&'static mpsc::Sender<(Command, Reply)>> {
    if let Some(sender) = SPAWNER.get() {
        return Ok(sender);
    }
    adopt_orphans();
    let (sender, requests) = mpsc::channel::<(Command, Reply)>();
    let thread = std::thread::Builder::new().name("hone-spawn".to_owned());
    thread.spawn(move || {
        for (mut command, reply) in requests {
            let started = kill::start_leader(&mut command);
            if let Err(Ok(abandoned)) = reply.send(started) {
                end_abandoned(abandoned);
            }
        }
    })?;
    // A thread that lost the race ends when its sender is dropped; it has forked nothing.
    Ok(SPAWNER.get_or_init(|| sender))
}

/// Nobody waits for this process any more.
fn end_abandoned(mut child: Child) {
    let pid = child.id().cast_signed();
    kill::kill_group(pid);
    // It is killed: this returns at once, and an error means that it is gone.
    let _ = child.wait();
    kill::remove_leader(pid);
}

/// Makes this process the parent of what its trials leave behind.
fn adopt_orphans() {
    // SAFETY: PR_SET_CHILD_SUBREAPER takes one integer and touches no memory.
    let result = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    if result != 0 {
        tracing::warn!("cannot adopt orphans of trials: {}", io::Error::last_os_error());
    }
}

fn die_with_parent(command: &mut Command) {
    let parent = proc::own_pid();
    let set_up = move || {
        // SAFETY: both calls are async-signal-safe and touch no memory.
        let failed = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0;
        if failed {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: as above. The parent may have died before the signal was asked for.
        if unsafe { libc::getppid() } != parent {
            return Err(io::Error::from_raw_os_error(libc::ECHILD));
        }
        Ok(())
    };
    // SAFETY: the closure only makes async-signal-safe calls and does not allocate.
    unsafe { command.pre_exec(set_up) };
}

impl Leader {
    /// The number of the process and of its group.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// The pipes and the like that were asked for.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for the end of the process itself, whatever its group does, and reaps it.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = match &self.ended {
            Some(ended) => {
                let _readable = ended.readable().await?;
                self.child.wait()
            }
            None => wait_by_asking(&mut self.child).await,
        }?;
        kill::remove_leader(self.pid());
        Ok(status)
    }
}

async fn wait_by_asking(child: &mut Child) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            kill::kill_group(self.pid());
            // It is killed: this returns at once, and an error means that it is gone.
            let _ = self.child.wait();
        }
        kill::remove_leader(self.pid());
    }
}
