//! What happened, for people (only when asked) and as one number that tells two runs apart.

use hone_studies::Micros;

use super::dice::mix;

#[derive(Debug, Default)]
pub struct Timeline {
    trace: u64,
    lines: Option<Vec<String>>,
}

impl Timeline {
    pub fn new(wanted: bool) -> Timeline {
        Timeline { trace: 0, lines: wanted.then(Vec::new) }
    }

    /// Mixes numbers into the trace.
    pub fn trace(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.trace = mix(self.trace.rotate_left(7) ^ number);
        }
    }

    /// Adds a line, which is only made when somebody reads it.
    pub fn note(&mut self, now: Micros, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.6}  {}", now as f64 / 1e6, line()));
        }
    }

    pub fn hash(&self) -> u64 {
        self.trace
    }

    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
