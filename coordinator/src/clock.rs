//! The coordinator's two clocks: the wall to write down, and one that never jumps to measure deadlines with.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hone_studies::Now;

/// Reads both clocks together.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Now { wall: micros(wall), mono: micros(self.start.elapsed()) }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
