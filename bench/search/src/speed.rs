//! How long a suggestion takes against histories of growing length: ten mixed parameters, one objective.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hone_search::{
    Columns, Distribution, Hints, History, Outcome, Params, Row, SamplerCache, SamplerConfig, Space, SuggestRequest, suggest,
    suggest_cached,
};

use crate::drive::{Searcher, Told};
use crate::keep::COMMAND;
use crate::peer::Program;
use crate::stats::quantile;
use crate::task::{Family, Task, always, float, log_float, log_int, options};

/// Rows that share one sealed chunk.
const CHUNK: usize = 65_536;

/// Samplers that take longer for one suggestion are not asked for a thousand at once.
const BATCH_LIMIT_US: f64 = 5_000.0;

/// What shall be timed.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Hone's samplers, by kind.
    #[arg(long, value_delimiter = ',', default_value = "tpe,random")]
    pub samplers: Vec<String>,
    /// Others, timed in the same run; `none` for none.
    #[arg(long, value_delimiter = ',', default_value = "optuna-tpe,rustuna-tpe")]
    pub peers: Vec<String>,
    /// Numbers of finished trials.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000, 100_000])]
    pub sizes: Vec<usize>,
    /// Suggestions timed at each size, as far as they fit into `--seconds`.
    #[arg(long, default_value_t = 200)]
    pub repeats: usize,
    /// Time for each size of each sampler.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// The program that is driven through ask and tell.
    #[arg(long, default_value = COMMAND)]
    pub command: String,
    /// Where the figures are written.
    #[arg(long, default_value = "target/search-bench/speed.csv")]
    pub out: PathBuf,
}

/// Times all, prints a table with growth exponents and writes it.
pub fn run(options: &Options) -> Result<()> {
    let task = ten_mixed();
    let mut lines = Vec::new();
    for kind in options.samplers.iter().filter(|kind| *kind != "none") {
        let config = crate::compare::sampler(kind)?;
        let single = options.sizes.iter().map(|&size| hone_us(&config, &task, size, options)).collect::<Result<Vec<_>>>()?;
        let batch = |(&size, &single): (&usize, &f64)| (single < BATCH_LIMIT_US).then(|| hone_batch_us(&config, &task, size));
        let batches = options.sizes.iter().zip(&single).map(batch).collect();
        lines.push((format!("hone-{kind}"), single.into_iter().map(Some).collect()));
        lines.push((format!("hone-{kind}, 1,000 at once"), batches));
    }
    for name in options.peers.iter().filter(|name| *name != "none") {
        lines.push((name.clone(), peer_line(name, &task, options)?));
    }
    print(&lines, options);
    write(&lines, options)
}

/// Four floats, two on logarithmic scales, two ints, two sets of options.
fn ten_mixed() -> Task {
    let floats = (0..4).map(|i| always(format!("x{i}"), float(-5.0, 5.0)));
    let logs = (0..2).map(|i| always(format!("l{i}"), log_float(1e-6, 1.0)));
    let even = Distribution::Int { low: 0, high: 40, log: false, step: 2 };
    let ints = [always("n0", log_int(1, 1024)), always("n1", even)];
    let choices = (0..2).map(|i| always(format!("c{i}"), options(4)));
    let space = Space { parameters: floats.chain(logs).chain(ints).chain(choices).collect() };
    let objective = |params: &[f64]| params.iter().map(|value| value * value).sum::<f64>().into();
    Task::new("ten-mixed", Family::Mixed, 1, space, Box::new(objective))
}

fn random_rows(task: &Task, count: usize) -> Vec<(Params, Vec<f64>)> {
    let request = request(task, History::default(), 0, count);
    let points = suggest(&SamplerConfig::Random, &request).into_iter().map(|suggestion| suggestion.params);
    points.map(|params| (params.clone(), task.run(0, &params).values)).collect()
}

fn request<'a>(task: &'a Task, history: History<'a>, first_number: u32, count: usize) -> SuggestRequest<'a> {
    SuggestRequest {
        space: &task.space,
        directions: &[],
        history,
        pending: &[],
        seed: task.seed,
        first_number,
        count,
        hints: Hints::default(),
    }
}

fn row(number: usize, params: Params, values: Vec<f64>) -> Row {
    let (outcome, last_value) = (Outcome::Complete, f64::NAN);
    Row { number: number as u32, outcome, params, values, violation: 0.0, last_step: None, last_value }
}

/// Sealed chunks, and the part that still grows.
fn columns(task: &Task, size: usize) -> (Vec<Arc<Columns>>, Columns) {
    let (mut chunks, mut tail) = (Vec::new(), Columns::default());
    for (number, (params, values)) in random_rows(task, size).into_iter().enumerate() {
        tail.push(row(number, params, values));
        if tail.len() == CHUNK {
            chunks.push(Arc::new(std::mem::take(&mut tail)));
        }
    }
    (chunks, tail)
}

/// Ask and tell in turn; the first suggestion, which learns the history, is not counted.
fn hone_us(config: &SamplerConfig, task: &Task, size: usize, options: &Options) -> Result<f64> {
    let (chunks, mut tail) = columns(task, size);
    let mut cache = SamplerCache::default();
    let mut times = Vec::new();
    let start = Instant::now();
    for number in size..=size + options.repeats {
        let begin = Instant::now();
        let history = History { chunks: &chunks, tail: Some(&tail) };
        let suggestion = suggest_cached(config, &request(task, history, number as u32, 1), &mut cache).pop();
        times.push(begin.elapsed().as_secs_f64() * 1e6);
        let params = suggestion.context("no more points")?.params;
        let values = task.run(number as u32, &params).values;
        tail.push(row(number, params, values));
        if times.len() > 2 && start.elapsed().as_secs_f64() > options.seconds {
            break;
        }
    }
    Ok(quantile(&times[1..], 0.5))
}

/// A thousand suggestions in one call, with what was learnt of the history kept from a call before; per suggestion.
fn hone_batch_us(config: &SamplerConfig, task: &Task, size: usize) -> f64 {
    let (chunks, tail) = columns(task, size);
    let history = History { chunks: &chunks, tail: Some(&tail) };
    let mut cache = SamplerCache::default();
    std::hint::black_box(suggest_cached(config, &request(task, history, size as u32, 1), &mut cache));
    let begin = Instant::now();
    std::hint::black_box(suggest_cached(config, &request(task, history, size as u32, 1_000), &mut cache));
    begin.elapsed().as_secs_f64() * 1e3
}

/// As for Hone, with the time that the program itself measures, so without the way to it and back.
fn peer_line(name: &str, task: &Task, options: &Options) -> Result<Vec<Option<f64>>> {
    let mut program = Program::open(&options.command)?;
    options.sizes.iter().map(|&size| peer_us(&mut program, name, task, size, options)).collect()
}

fn peer_us(program: &mut Program, name: &str, task: &Task, size: usize, options: &Options) -> Result<Option<f64>> {
    let trials = (size + options.repeats) as u32 + 1;
    let Some(mut searcher) = program.start(name, task, trials, 1)? else { return Ok(None) };
    searcher.add(&random_rows(task, size)).with_context(|| format!("{name} with {size} trials"))?;
    let start = Instant::now();
    for number in size as u32..trials {
        let params = searcher.ask(number)?;
        let values = task.run(number, &params).values;
        searcher.tell(&Told { number, values, constraints: Vec::new(), is_pruned: false })?;
        if searcher.seconds.len() > 2 && start.elapsed() > Duration::from_secs_f64(options.seconds) {
            break;
        }
    }
    Ok(Some(quantile(&searcher.seconds[1..], 0.5) * 1e6))
}

fn print(lines: &[(String, Vec<Option<f64>>)], options: &Options) {
    println!(
        "\n## time of a suggestion\n\nMicroseconds, median; ten mixed parameters; growth: the exponent of the history's length over the last two sizes.\n"
    );
    print!("{:28}", "sampler");
    options.sizes.iter().for_each(|size| print!(" {size:>12}"));
    println!(" {:>8}", "growth");
    for (name, times) in lines {
        print!("{name:28}");
        times.iter().for_each(|time| print!(" {:>12}", time.map_or_else(|| "-".to_owned(), |time| format!("{time:.1}"))));
        println!(" {:>8}", growth(&options.sizes, times).map_or_else(|| "-".to_owned(), |growth| format!("{growth:.2}")));
    }
}

fn growth(sizes: &[usize], times: &[Option<f64>]) -> Option<f64> {
    let ([.., before, after], [.., Some(first), Some(last)]) = (sizes, times) else { return None };
    Some((last / first).ln() / (*after as f64 / *before as f64).ln())
}

fn write(lines: &[(String, Vec<Option<f64>>)], options: &Options) -> Result<()> {
    let mut text = "sampler;finished;microseconds\n".to_owned();
    for (name, times) in lines {
        for (size, time) in options.sizes.iter().zip(times) {
            text += &time.map_or_else(String::new, |time| format!("{name};{size};{time:.2}\n"));
        }
    }
    options.out.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    Ok(std::fs::write(&options.out, text)?)
}
