//! What the simulated trials do: pure functions of parameters, step and attempt.

use std::collections::BTreeMap;

use hone_search::Params;

use super::dice::mix;

/// How the process of an attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Reports every step and returns 0.
    Finish,
    /// Returns 1 when it gets to this step.
    FailAt(i64),
    /// Reports NaN at its last step.
    NotANumber,
    /// Returns 0 and has reported nothing.
    Mute,
    /// Cannot be started.
    NoStart,
    /// Hangs at this step until somebody ends it.
    HangAt(i64),
}

/// How often the trials of a study go wrong, in per cent.
#[derive(Clone, Debug)]
pub struct Temper {
    pub seed: u64,
    /// Trials of which every attempt fails.
    pub doomed: u64,
    /// Attempts that fail by themselves.
    pub flaky: u64,
    /// Steps of a trial that goes well.
    pub steps: i64,
    /// Between two steps.
    pub step_us: i64,
    /// Saves a checkpoint at every second step, and when it is preempted, and starts from it.
    pub checkpoints: bool,
    /// Has a `timeout`, so that it may hang.
    pub hangs: bool,
    /// Goes on after TERM.
    pub stubborn: bool,
}

impl Temper {
    pub fn fate(&self, number: u32, attempt: u32) -> Fate {
        let of_trial = mix(self.seed ^ mix(u64::from(number) + 1));
        if of_trial % 100 < self.doomed {
            return self.failure(of_trial);
        }
        let of_attempt = mix(of_trial ^ mix(u64::from(attempt) << 32));
        if of_attempt % 100 < self.flaky { self.failure(of_attempt) } else { Fate::Finish }
    }

    fn failure(&self, chance: u64) -> Fate {
        let step = 1 + ((chance >> 20) % self.steps.unsigned_abs()).cast_signed();
        match (chance >> 8) % 8 {
            0 => Fate::NotANumber,
            1 => Fate::Mute,
            2 => Fate::NoStart,
            3 | 4 if self.hangs => Fate::HangAt(step),
            _ => Fate::FailAt(step),
        }
    }
}

/// The value that a trial with these parameters reports at a step. Smaller is better; falls with the steps.
pub fn loss(params: &Params, step: i64) -> f64 {
    let shape: f64 = params.iter().filter(|value| !value.is_nan()).map(|value| (value * 1.7).sin() + 1.5).sum();
    shape + 1.0 / (step as f64 + 1.0)
}

/// Parameters as a worker gets them: a JSON object of those that exist, in the order of the space's names.
pub fn params_from_json(text: &str) -> Params {
    let named: BTreeMap<String, f64> = serde_json::from_str(text).unwrap_or_default();
    named.into_values().collect()
}
