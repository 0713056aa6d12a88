//! A stack for a process that borrows the memory of this one.

use std::{ffi::c_void, io, ptr};

/// More than a few system calls need; a page is touched when it is used.
const STACK_BYTES: usize = 64 << 10;

/// Mapped memory with an inaccessible page below it: an overflow ends the process instead of corrupting it.
#[derive(Debug)]
pub(super) struct Stack {
    start: *mut c_void,
    bytes: usize,
}

// SAFETY: the mapping belongs to this value alone and is not tied to a thread.
unsafe impl Send for Stack {}

impl Stack {
    /// Maps a stack.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(super) fn map() -> io::Result<Self> {
        let guard_bytes = rustix::param::page_size();
        let bytes = guard_bytes + STACK_BYTES;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        // SAFETY: a new mapping where the system likes touches nothing that exists.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Self { start, bytes };
        // SAFETY: the first page of the mapping above.
        match unsafe { libc::mprotect(start, guard_bytes, libc::PROT_NONE) } {
            0 => Ok(stack),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Its upper end, where a stack begins; aligned to a page.
    pub(super) fn top(&mut self) -> *mut c_void {
        // SAFETY: one past the end of the mapping.
        unsafe { self.start.byte_add(self.bytes) }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody uses it any more.
        unsafe { libc::munmap(self.start, self.bytes) };
    }
}
