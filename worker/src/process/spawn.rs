//! Starting processes from one thread that lives as long as this process.
//!
//! The kernel sends the parent-death signal when the *thread* that started a process ends, so a thread of a pool
//! must never start a trial.

use std::{
    io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt as _},
    process::ExitStatus,
    sync::{OnceLock, mpsc},
};

use rustix::process::{Pid, PidfdFlags, WaitOptions};
use tokio::{io::unix::AsyncFd, sync::oneshot};

pub use super::launch::{Launch, Pipes};
use super::{kill, launch::Launcher, proc::Process};

type Started = io::Result<(Child, Pipes)>;
type Reply = oneshot::Sender<Started>;

static SPAWNER: OnceLock<mpsc::Sender<(Launch, Reply)>> = OnceLock::new();

/// A process that leads a group of its own and dies with this one.
#[derive(Debug)]
pub struct Leader {
    child: Child,
    start_ticks: u64,
    ended: Option<AsyncFd<OwnedFd>>,
}

/// Starts a program as the leader of its own group.
///
/// # Errors
///
/// What the system said; [`io::ErrorKind::NotFound`] also when the working directory is not there.
pub async fn spawn(launch: Launch) -> io::Result<(Leader, Pipes)> {
    let (reply, started) = oneshot::channel();
    let gone = || io::Error::other("the thread that starts processes has ended");
    spawner()?.send((launch, reply)).map_err(|_| gone())?;
    let (child, pipes) = started.await.map_err(|_| gone())??;
    // Without process descriptors (Linux before 5.3) a thread waits instead.
    let descriptor = child.number().and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK).ok());
    // SAFETY: the descriptor is owned, and open for as long as the registration lives.
    let ended = descriptor.and_then(|descriptor| unsafe { AsyncFd::register(descriptor) }.ok());
    let start_ticks = Process::read(child.pid).map_or(0, |process| process.start_ticks);
    Ok((Leader { child, start_ticks, ended }, pipes))
}

fn spawner() -> io::Result<&'static mpsc::Sender<(Launch, Reply)>> {
    if let Some(sender) = SPAWNER.get() {
        return Ok(sender);
    }
    adopt_orphans();
    let mut launcher = Launcher::open()?;
    let (sender, requests) = mpsc::channel::<(Launch, Reply)>();
    let thread = std::thread::Builder::new().name("hone-spawn".to_owned());
    thread.spawn(move || {
        for (launch, reply) in requests {
            // An abandoned child ends when it is dropped with the reply.
            drop(reply.send(start(&mut launcher, &launch)));
        }
    })?;
    // A thread that lost the race ends when its sender is dropped; it has started nothing.
    Ok(SPAWNER.get_or_init(|| sender))
}

fn start(launcher: &mut Launcher, launch: &Launch) -> Started {
    let (pid, pipes) = kill::start_leader(|| {
        let (pid, pipes) = launcher.launch(launch)?;
        Ok((pid, (pid, pipes)))
    })?;
    Ok((Child { pid, status: None }, pipes))
}

/// Makes this process the parent of what its trials leave behind.
fn adopt_orphans() {
    // SAFETY: PR_SET_CHILD_SUBREAPER takes one integer and touches no memory.
    let result = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    if result != 0 {
        tracing::warn!("cannot adopt orphans of trials: {}", io::Error::last_os_error());
    }
}

impl Leader {
    /// The number of the process and of its group.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.child.pid
    }

    /// When it started, as [`Process::start_ticks`] has it; 0 where that is not told.
    #[must_use]
    pub fn start_ticks(&self) -> u64 {
        self.start_ticks
    }

    /// Waits for the end of the process itself, whatever its group does, and reaps it.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let Some(ended) = &self.ended else { return wait_by_asking(&mut self.child).await };
        let _readable = ended.readable().await?;
        // It has ended: this returns at once.
        let status = self.child.reap(WaitOptions::empty())?;
        status.ok_or_else(|| io::Error::other("the system says both that it has ended and that it has not"))
    }
}

async fn wait_by_asking(child: &mut Child) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.reap(WaitOptions::NOHANG)? {
            return Ok(status);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A started process; dropped while it runs, it is killed with its group.
#[derive(Debug)]
struct Child {
    pid: i32,
    /// It is reaped: its number may mean another process already.
    status: Option<ExitStatus>,
}

impl Child {
    fn number(&self) -> Option<Pid> {
        Pid::from_raw(self.pid)
    }

    /// Its end, if it has ended; otherwise waited for as `options` say.
    fn reap(&mut self, options: WaitOptions) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none()
            && let Some((_, status)) = rustix::io::retry_on_intr(|| rustix::process::waitpid(self.number(), options))?
        {
            self.status = Some(ExitStatus::from_raw(status.as_raw()));
            kill::remove_leader(self.pid);
        }
        Ok(self.status)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.reap(WaitOptions::NOHANG), Ok(None)) {
            kill::kill_group(self.pid);
            // It is killed: this returns at once, and an error means that it is gone.
            let _ = self.reap(WaitOptions::empty());
        }
        kill::remove_leader(self.pid);
    }
}
