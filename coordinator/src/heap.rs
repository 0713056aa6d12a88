//! How the C library's allocator gives memory back.
//!
//! A million trials are sealed column by column; each sealed segment frees buffers of a few hundred KiB. glibc answers
//! such frees by raising the size from which it maps memory apart, up to 32 MiB, and from then on keeps what is freed
//! in its heaps. Fixed thresholds keep the resident memory at what is in use.

/// From this size on an allocation is a mapping of its own, and more than this at the top of a heap is given back.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const THRESHOLD_BYTES: libc::c_int = 128 << 10;

/// Fixes the thresholds for this process. Elsewhere than with glibc there is nothing to fix.
pub(crate) fn give_back_what_is_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for parameter in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: mallopt takes two integers and locks the allocator itself.
        let accepted = unsafe { libc::mallopt(parameter, THRESHOLD_BYTES) };
        if accepted == 0 {
            tracing::debug!("the allocator refuses parameter {parameter}");
        }
    }
}
