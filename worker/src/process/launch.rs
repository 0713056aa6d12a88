//! Starting a program without copying this process first.
//!
//! A fork copies the page tables of the whole worker, and every page that one of its threads touches afterwards is
//! copied on its fault; a program that runs for a millisecond costs more to fork than to run. Here the new process
//! borrows the memory of this one until it executes its program, and the thread that started it waits for that.
//!
//! ```text
//! parent thread                         child, on a stack of its own, in the same memory
//! prepare strings, pipes, block signals
//! clone(CLONE_VM | CLONE_VFORK) ──────► default handlers, group, death signal, descriptors, folder,
//!   suspended                           empty signal mask, execve
//! ◄──────────────────────────────────── executed, or failed: the reason is in the plan, then `_exit`
//! restore signals, read the reason
//! ```
//!
//! Everything that allocates happens in the parent. The child only makes system calls.

use std::{
    collections::BTreeMap,
    ffi::{CStr, CString, OsStr, OsString, c_char, c_int, c_void},
    fs::File,
    io,
    mem::MaybeUninit,
    os::{
        fd::{AsRawFd as _, OwnedFd, RawFd},
        unix::ffi::{OsStrExt as _, OsStringExt as _},
    },
    path::PathBuf,
    ptr,
};

use rustix::process::{Pid, WaitOptions};

use super::{proc, stack::Stack};

/// Where a program is looked for without a `PATH`, as execvp(3) does.
const DEFAULT_PATH: &str = "/bin:/usr/bin";
/// What runs a script without a first line that names its interpreter.
const SHELL: &CStr = c"/bin/sh";
/// The highest number of a signal on Linux.
const LAST_SIGNAL: c_int = 64;
/// The size of a set of signals, as the system has it.
const SIGNAL_SET_BYTES: usize = 8;
/// What a shell gives as well when it could not execute something; nobody reads it here.
const NOT_EXECUTED: c_int = 127;

/// A program to start.
#[derive(Clone, Debug)]
pub struct Launch {
    /// A path, or a name that is looked for on the `PATH` of `environment`.
    pub program: OsString,
    /// What follows the program's name.
    pub arguments: Vec<OsString>,
    /// All variables; none is inherited.
    pub environment: BTreeMap<OsString, OsString>,
    /// The working directory.
    pub folder: PathBuf,
}

/// The reading ends of what a process writes.
#[derive(Debug)]
pub struct Pipes {
    /// Its standard output.
    pub output: OwnedFd,
    /// Its standard error.
    pub errors: OwnedFd,
}

/// Starts programs, one after the other, from the thread that owns it.
#[derive(Debug)]
pub(super) struct Launcher {
    stack: Stack,
    nothing: OwnedFd,
}

impl Launcher {
    /// Opens what all starts share.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(super) fn open() -> io::Result<Self> {
        let nothing = above_standard(File::open("/dev/null")?.into())?;
        Ok(Self { stack: Stack::map()?, nothing })
    }

    /// Starts a program as the leader of a group of its own: its input is empty, its output and errors are pipes,
    /// no signal is blocked or ignored, and it is killed when the calling thread ends.
    ///
    /// # Errors
    ///
    /// What the system said; not found also when the working directory is not there.
    pub(super) fn launch(&mut self, launch: &Launch) -> io::Result<(i32, Pipes)> {
        let (output, output_end) = pipe()?;
        let (errors, errors_end) = pipe()?;
        let strings = Strings::of(launch)?;
        let mut plan = strings.plan([self.nothing.as_raw_fd(), output_end.as_raw_fd(), errors_end.as_raw_fd()]);
        let pid = self.run(&mut plan)?;
        if plan.error == 0 {
            return Ok((pid, Pipes { output, errors }));
        }
        // It has told its reason and ended; an error means that it is reaped already.
        let _ = rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::empty());
        Err(io::Error::from_raw_os_error(plan.error))
    }

    /// Returns when the child has executed its program or ended.
    fn run(&mut self, plan: &mut Plan<'_>) -> io::Result<i32> {
        let _blocked = SignalsBlocked::all()?;
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        let plan: *mut Plan<'_> = plan;
        // SAFETY: the child runs `child_main` on the stack, which is mapped, large enough and used by nobody else
        // (`&mut self`). It shares this memory, but CLONE_VFORK suspends this thread until the child has executed a
        // program or ended, so the plan, what it points to and this thread's `errno` are the child's alone
        // meanwhile. It takes no lock and does not allocate, so what other threads hold does not matter. Signals
        // are blocked, so no handler of this process runs in the child: it sets them all to their defaults, in a
        // table of its own (no CLONE_SIGHAND), before it opens the mask. Descriptors are a copy as well
        // (no CLONE_FILES): its dup2 changes nothing here.
        let pid = unsafe { libc::clone(child_main, self.stack.top(), flags, plan.cast::<c_void>()) };
        if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid) }
    }
}

/// A pipe whose ends are not inherited, and none of which stands where standard input, output and error will.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = io::pipe()?;
    Ok((read.into(), above_standard(write.into())?))
}

/// A worker may run without one of the standard descriptors, whose number is then given out again.
fn above_standard(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    if descriptor.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(descriptor);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(&descriptor, libc::STDERR_FILENO + 1)?)
}

/// A [`Launch`] as the system takes it.
struct Strings {
    candidates: Vec<CString>,
    arguments: Vec<CString>,
    variables: Vec<CString>,
    folder: CString,
}

impl Strings {
    fn of(launch: &Launch) -> io::Result<Self> {
        let words = std::iter::once(&launch.program).chain(&launch.arguments);
        let variables = launch.environment.iter().map(|(name, value)| {
            let mut text = name.clone();
            text.push("=");
            text.push(value);
            CString::new(text.into_vec())
        });
        Ok(Self {
            candidates: candidates(&launch.program, launch.environment.get(OsStr::new("PATH")))?,
            arguments: words.map(|word| CString::new(word.as_bytes())).collect::<Result<_, _>>()?,
            variables: variables.collect::<Result<_, _>>()?,
            folder: CString::new(launch.folder.as_os_str().as_bytes())?,
        })
    }

    fn plan(&self, descriptors: [RawFd; 3]) -> Plan<'_> {
        // The shell's: its own name, the script (filled in when it is known), then the program's arguments.
        let mut shell_arguments = vec![SHELL.as_ptr(), ptr::null()];
        shell_arguments.extend(pointers(self.arguments.get(1..).unwrap_or_default()));
        Plan {
            candidates: &self.candidates,
            arguments: pointers(&self.arguments),
            shell_arguments,
            variables: pointers(&self.variables),
            folder: &self.folder,
            descriptors,
            parent: proc::own_pid(),
            error: 0,
        }
    }
}

/// The pointers to strings, and the null that ends them.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// Where the program may be, in the order of execvp(3).
fn candidates(program: &OsStr, path: Option<&OsString>) -> io::Result<Vec<CString>> {
    let name = program.as_bytes();
    if name.is_empty() {
        return Err(io::Error::from_raw_os_error(libc::ENOENT));
    }
    if name.contains(&b'/') {
        return Ok(vec![CString::new(name)?]);
    }
    let path = path.map_or(OsStr::new(DEFAULT_PATH), OsString::as_os_str);
    let below = |folder: &[u8]| {
        let folder = if folder.is_empty() { b"." } else { folder };
        CString::new([folder, b"/", name].concat())
    };
    Ok(path.as_bytes().split(|byte| *byte == b':').map(below).collect::<Result<_, _>>()?)
}

/// Everything that the child needs, prepared; every list of pointers ends with null.
struct Plan<'a> {
    candidates: &'a [CString],
    arguments: Vec<*const c_char>,
    shell_arguments: Vec<*const c_char>,
    variables: Vec<*const c_char>,
    folder: &'a CStr,
    /// What becomes standard input, output and error; all above those.
    descriptors: [RawFd; 3],
    parent: i32,
    /// Why the child ended without executing anything; 0: it has executed.
    error: i32,
}

/// The child. It must not allocate, lock, panic or return to anything of its parent.
extern "C" fn child_main(plan: *mut c_void) -> c_int {
    // SAFETY: `Launcher::run` passes its plan, and waits while it is used here.
    let plan = unsafe { &mut *plan.cast::<Plan<'_>>() };
    let failed = match plan.set_up() {
        Ok(()) => plan.execute(),
        Err(Errno(error)) => error,
    };
    plan.error = failed;
    // SAFETY: ends this process at once; nothing of the parent's is run or flushed.
    unsafe { libc::_exit(NOT_EXECUTED) }
}

/// A number of errno(3).
struct Errno(i32);

/// The reason of the last failed system call.
fn last_error() -> Errno {
    Errno(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL))
}

fn check(result: c_int) -> Result<(), Errno> {
    if result < 0 { Err(last_error()) } else { Ok(()) }
}

impl Plan<'_> {
    /// Runs in the child: system calls only.
    fn set_up(&self) -> Result<(), Errno> {
        default_handlers();
        // SAFETY: these take integers, or a string that the parent keeps.
        unsafe {
            check(libc::setpgid(0, 0))?;
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
            // The parent may have died before the signal was asked for.
            if libc::getppid() != self.parent {
                return Err(Errno(libc::ECHILD));
            }
            for (standard, descriptor) in (libc::STDIN_FILENO..).zip(self.descriptors) {
                check(libc::dup2(descriptor, standard))?;
            }
            check(libc::chdir(self.folder.as_ptr()))
        }?;
        open_mask()
    }

    /// Runs in the child: returns only when nothing could be executed, and why.
    fn execute(&mut self) -> i32 {
        let (mut denied, mut error) = (false, libc::ENOENT);
        for path in self.candidates {
            error = self.execute_one(path);
            match error {
                libc::EACCES => denied = true,
                // What execvp(3) takes for a program that is not there; the next folder may have it.
                libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                _ => return error,
            }
        }
        if denied { libc::EACCES } else { error }
    }

    fn execute_one(&mut self, path: &CStr) -> i32 {
        // SAFETY: the lists end with null, and they and their strings are the parent's, which waits.
        unsafe { libc::execve(path.as_ptr(), self.arguments.as_ptr(), self.variables.as_ptr()) };
        let Errno(error) = last_error();
        if error != libc::ENOEXEC {
            return error;
        }
        if let Some(script) = self.shell_arguments.get_mut(1) {
            *script = path.as_ptr();
        }
        // SAFETY: as above.
        unsafe { libc::execve(SHELL.as_ptr(), self.shell_arguments.as_ptr(), self.variables.as_ptr()) };
        last_error().0
    }
}

/// Runs in the child: a trial starts in a known state, however its worker was started. The C library would refuse
/// the two signals that it keeps for itself, which may be inherited as ignored, so the system is asked directly.
fn default_handlers() {
    let default = [0_u64; 4];
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: the system's `struct sigaction` is not larger than this, and all zero is the default action with an
        // empty mask; the table of handlers is the child's own. The two that cannot be changed are refused.
        unsafe {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), ptr::null::<u64>(), SIGNAL_SET_BYTES);
        }
    }
}

/// Runs in the child.
fn open_mask() -> Result<(), Errno> {
    let mut none = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` fills the set before it is used.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        check(libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut()))
    }
}

/// While this lives, no signal reaches the thread.
struct SignalsBlocked {
    former: libc::sigset_t,
}

impl SignalsBlocked {
    fn all() -> io::Result<Self> {
        let (mut all, mut former) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: `sigfillset` fills the one set; the other is filled when the call succeeds.
        let error = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), former.as_mut_ptr())
        };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        // SAFETY: the call has succeeded.
        Ok(Self { former: unsafe { former.assume_init() } })
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // SAFETY: the set was filled by the system. It cannot fail with a valid action.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.former, ptr::null_mut()) };
    }
}

#[cfg(test)]
#[path = "launch_tests.rs"]
mod tests;
