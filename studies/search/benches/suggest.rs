//! Prints how long a suggestion takes against histories of growing length, and how the time grows.
//!
//! `cargo bench -p hone-search`

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use hone_search::{
    Columns, Direction, Distribution, Hints, History, Outcome, Parameter, Pending, Row, SamplerCache, SamplerConfig, Space,
    SuggestRequest, TpeConfig, suggest, suggest_cached,
};

/// Lengths of histories.
const TRIALS: [u32; 4] = [100, 1_000, 10_000, 100_000];
/// Suggestions asked for in one call.
const BATCH: usize = 1_000;
/// A study plays on for so many trials, each suggested and finished.
const PLAYED: u32 = 200;
/// Trials under way in the row that measures them.
const PENDING: u32 = 64;
/// A row of the table ends before a cell would take longer than this.
const MOST_SECONDS: f64 = 10.0;

fn parameter(name: String, distribution: Distribution) -> Parameter {
    Parameter { name, distribution, when: Vec::new() }
}

/// Ten parameters: four floats, two logarithmic ones, two ints, two sets of options.
fn mixed_space() -> Space {
    let kind = |index: usize| match index {
        0..=3 => Distribution::Float { low: -5.0, high: 5.0, log: false, step: None },
        4..=5 => Distribution::Float { low: 1e-6, high: 1.0, log: true, step: None },
        6 => Distribution::Int { low: 1, high: 1024, log: true, step: 1 },
        7 => Distribution::Int { low: 0, high: 40, log: false, step: 2 },
        _ => Distribution::Categorical { choices: ["a", "b", "c", "d"].map(Into::into).to_vec() },
    };
    Space { parameters: (0..10).map(|index| parameter(format!("p{index}"), kind(index))).collect() }
}

/// A study at some point of its life.
struct Study {
    space: Space,
    chunks: Vec<Arc<Columns>>,
    tail: Columns,
    pending: Vec<Pending>,
    next: u32,
}

impl Study {
    fn new(trials: u32) -> Self {
        let mut study =
            Self { space: mixed_space(), chunks: Vec::new(), tail: Columns::default(), pending: Vec::new(), next: trials };
        let request = SuggestRequest { first_number: 0, ..study.request(trials as usize) };
        let points = suggest(&SamplerConfig::Random, &request);
        points.into_iter().for_each(|point| study.finish(point.number, point.params));
        study.chunks = vec![Arc::new(std::mem::take(&mut study.tail))];
        study
    }

    fn request(&self, count: usize) -> SuggestRequest<'_> {
        SuggestRequest {
            space: &self.space,
            directions: &[Direction::Minimize],
            history: History { chunks: &self.chunks, tail: Some(&self.tail) },
            pending: &self.pending,
            seed: 1,
            first_number: self.next,
            count,
            hints: Hints::default(),
        }
    }

    fn finish(&mut self, number: u32, params: Vec<f64>) {
        let value = params.iter().map(|value| value * value).sum();
        self.tail.push(Row {
            number,
            outcome: Outcome::Complete,
            params,
            values: vec![value],
            violation: 0.0,
            last_step: None,
            last_value: f64::NAN,
        });
    }

    fn with_pending(mut self) -> Self {
        let request = SuggestRequest { first_number: self.next, ..self.request(PENDING as usize) };
        let points = suggest(&SamplerConfig::Random, &request);
        self.pending = points.into_iter().map(|point| Pending { number: point.number, params: point.params }).collect();
        self.next += PENDING;
        self
    }
}

/// Returns the microseconds that one suggestion takes in a study that goes on, one trial after the other.
fn played(config: &SamplerConfig, mut study: Study) -> f64 {
    let mut cache = SamplerCache::default();
    suggest_cached(config, &study.request(1), &mut cache);
    let mut seconds = 0.0;
    let mut played = 0;
    while played < PLAYED && seconds < MOST_SECONDS {
        let start = Instant::now();
        let suggestion = suggest_cached(config, &study.request(1), &mut cache).remove(0);
        seconds += start.elapsed().as_secs_f64();
        study.finish(suggestion.number, suggestion.params);
        study.next += 1;
        played += 1;
    }
    seconds * 1e6 / f64::from(played)
}

/// Returns the microseconds that one suggestion takes in a call for many.
fn batched(config: &SamplerConfig, study: &Study) -> f64 {
    let mut cache = SamplerCache::default();
    suggest_cached(config, &study.request(1), &mut cache);
    let start = Instant::now();
    black_box(suggest_cached(config, &study.request(BATCH), &mut cache));
    start.elapsed().as_secs_f64() * 1e6 / BATCH as f64
}

/// Returns the microseconds that the first suggestion after a start takes.
fn cold(config: &SamplerConfig, study: &Study) -> f64 {
    let start = Instant::now();
    black_box(suggest(config, &study.request(1)));
    start.elapsed().as_secs_f64() * 1e6
}

/// Returns the slope of the logarithm of time over the logarithm of trials, by least squares.
fn exponent(times: &[f64]) -> f64 {
    let points: Vec<(f64, f64)> = TRIALS.iter().zip(times).map(|(&trials, time)| (f64::from(trials).ln(), time.ln())).collect();
    let count = points.len() as f64;
    let mean = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0 / count, sum.1 + point.1 / count));
    let slope = points.iter().map(|point| (point.0 - mean.0) * (point.1 - mean.1)).sum::<f64>();
    slope / points.iter().map(|point| (point.0 - mean.0).powi(2)).sum::<f64>()
}

fn print(name: &str, measure: impl Fn(u32) -> f64) {
    let mut times: Vec<f64> = Vec::new();
    for trials in TRIALS {
        if times.last().is_some_and(|last| last * 10.0 > MOST_SECONDS * 1e6) {
            break;
        }
        times.push(measure(trials));
    }
    let shown: Vec<String> = times.iter().map(|time| format!("{time:>12.1}")).collect();
    println!("{name:<24}{:<48}{:>10.2}", shown.concat(), exponent(&times));
}

fn main() {
    let header: Vec<String> = TRIALS.iter().map(|trials| format!("{trials:>12}")).collect();
    println!("microseconds a suggestion, by finished trials\n{:<24}{}{:>10}", "", header.concat(), "exponent");
    for kind in SamplerConfig::KINDS {
        let Some(config) = SamplerConfig::from_kind(kind) else { continue };
        if !config.validate(&mixed_space()).is_empty() || !(config.is_cheap() || *kind == "tpe") {
            continue;
        }
        print(kind, |trials| played(&config, Study::new(trials)));
    }
    let tpe = SamplerConfig::default();
    print("tpe, 64 under way", |trials| played(&tpe, Study::new(trials).with_pending()));
    print("tpe, 1,000 in a call", |trials| batched(&tpe, &Study::new(trials)));
    print("tpe, after a start", |trials| cold(&tpe, &Study::new(trials)));
    let exact = SamplerConfig::Tpe(TpeConfig { kernels: None, ..TpeConfig::default() });
    print("tpe, a kernel a trial", |trials| played(&exact, Study::new(trials)));
}
