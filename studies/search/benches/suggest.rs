//! Prints how long a suggestion takes against histories of growing length.
//!
//! `cargo bench -p hone-search`

use std::sync::Arc;
use std::time::Instant;

use hone_search::{
    Columns, Direction, Distribution, History, Outcome, Parameter, Row, SamplerConfig, Space, SuggestRequest, suggest,
};

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

fn request<'a>(space: &'a Space, chunks: &'a [Arc<Columns>], first_number: u32) -> SuggestRequest<'a> {
    SuggestRequest {
        space,
        directions: &[Direction::Minimize],
        history: History { chunks, tail: None },
        pending: &[],
        seed: 1,
        first_number,
        count: 1,
    }
}

fn history(space: &Space, trials: u32) -> Vec<Arc<Columns>> {
    let mut columns = Columns::default();
    for number in 0..trials {
        let suggestion = suggest(&SamplerConfig::Random, &request(space, &[], number)).remove(0);
        let value = suggestion.params.iter().map(|value| value * value).sum();
        columns.push(Row {
            number,
            outcome: Outcome::Complete,
            params: suggestion.params,
            values: vec![value],
            violation: 0.0,
            last_step: None,
            last_value: f64::NAN,
        });
    }
    vec![Arc::new(columns)]
}

fn main() {
    let space = mixed_space();
    println!("{:>8}  {:>10}  {:>12}", "trials", "sampler", "µs/trial");
    for trials in [100, 1_000, 10_000, 100_000] {
        let chunks = history(&space, trials);
        for kind in SamplerConfig::KINDS {
            let Some(config) = SamplerConfig::from_kind(kind) else { continue };
            if !config.validate(&space).is_empty() {
                continue;
            }
            let repeats = if config.is_cheap() { 10_000 } else { 1_000_000 / trials.max(10_000) };
            let start = Instant::now();
            for number in trials..trials + repeats {
                std::hint::black_box(suggest(&config, &request(&space, &chunks, number)));
            }
            let each = start.elapsed().as_secs_f64() * 1e6 / f64::from(repeats);
            println!("{trials:>8}  {kind:>10}  {each:>12.1}");
        }
    }
}
