//! Waiting for conditions. The only place where a test lets time pass.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(15);

/// Longer than anything takes on a busy machine of two cores.
pub const LONG: Duration = Duration::from_secs(60);

/// Waits until there is an answer; panics with `what` when there is none in time.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {} s: {what}", limit.as_secs());
        thread::sleep(LOOK);
    }
}

/// Lets time pass that is part of a fault: how long an outage lasts, when a random kill comes.
pub fn outage(length: Duration) {
    thread::sleep(length);
}

/// Whether a condition comes to hold in time.
pub fn within(limit: Duration, mut look: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !look() {
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(LOOK);
    }
    true
}
