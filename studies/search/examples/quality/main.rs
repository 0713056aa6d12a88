//! Compares samplers by the regret they reach on functions with known minima, paired by seed.
//!
//! `cargo run --release -p hone-search --example quality -- [seeds] [part of a function's or family's name]`

mod functions;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use functions::{FUNCTIONS, Function, Instance};
use hone_search::{
    Columns, Direction, Hints, History, Outcome, Row, SamplerCache, SamplerConfig, SuggestRequest, TpeConfig, suggest_cached,
};

/// Trials at which regrets are taken.
const MARKS: [usize; 3] = [50, 100, 200];
/// Regrets below this share of the median random point's are as good as none.
const FLOOR: f64 = 1e-5;
/// The same where there are only so many points.
const FINITE_FLOOR: f64 = 1e-2;

type Regrets = [f64; MARKS.len()];

fn samplers() -> Vec<(&'static str, SamplerConfig)> {
    vec![
        ("random", SamplerConfig::Random),
        ("exact", SamplerConfig::Tpe(TpeConfig { kernels: None, ..TpeConfig::default() })),
        ("tpe", SamplerConfig::default()),
    ]
}

/// Plays one study; returns the noiseless regret of the trial that looked best, at each mark.
fn play(function: &Function, config: &SamplerConfig, seed: u64) -> Regrets {
    let (space, instance) = ((function.space)(), Instance::new(seed));
    let (mut history, mut cache) = (Columns::default(), SamplerCache::default());
    let (mut regrets, mut best) = ([0.0; MARKS.len()], (f64::INFINITY, f64::INFINITY));
    for number in 0..MARKS[MARKS.len() - 1] as u32 {
        let request = SuggestRequest {
            space: &space,
            directions: &[Direction::Minimize],
            history: History { chunks: &[], tail: Some(&history) },
            pending: &[],
            seed,
            first_number: number,
            count: 1,
            hints: Hints::default(),
        };
        let suggestion = suggest_cached(config, &request, &mut cache).remove(0);
        let regret = (function.value)(&suggestion.params, &instance);
        let seen = regret + function.noise * instance.normal(10_000 + u64::from(number));
        if seen < best.0 {
            best = (seen, regret);
        }
        let values = vec![seen];
        history.push(Row {
            number,
            outcome: Outcome::Complete,
            params: suggestion.params,
            values,
            violation: 0.0,
            last_step: None,
            last_value: f64::NAN,
        });
        if let Some(mark) = MARKS.iter().position(|&mark| mark == number as usize + 1) {
            regrets[mark] = best.1;
        }
    }
    regrets
}

/// Returns the median value of random points, to measure regrets by.
fn scale(function: &Function, seed: u64) -> f64 {
    let (space, instance) = ((function.space)(), Instance::new(seed));
    let request = SuggestRequest {
        space: &space,
        directions: &[],
        history: History::default(),
        pending: &[],
        seed: seed ^ 0x5ca1e,
        first_number: 0,
        count: 101,
        hints: Hints::default(),
    };
    let points = hone_search::suggest(&SamplerConfig::Random, &request);
    let mut values: Vec<f64> = points.iter().map(|point| (function.value)(&point.params, &instance)).collect();
    values.sort_by(f64::total_cmp);
    values[50].max(1e-12)
}

/// Logarithms of normalised regrets by function and sampler, one entry per seed.
type Table = BTreeMap<(usize, usize), Vec<(u64, Regrets)>>;

fn measure(chosen: &[usize], seeds: u64) -> Table {
    let samplers = samplers();
    let jobs: Vec<(usize, usize, u64)> = chosen
        .iter()
        .flat_map(|&function| (0..seeds).flat_map(move |seed| (0..3).map(move |sampler| (function, sampler, seed))))
        .collect();
    let (next, table) = (AtomicUsize::new(0), Mutex::new(Table::new()));
    let work = || {
        while let Some(&(function, sampler, seed)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let scale = scale(&FUNCTIONS[function], seed);
            let key = format!("/tmp/qbase/{}-{sampler}-{seed}", FUNCTIONS[function].name);
            let known = (sampler < 2).then(|| std::fs::read_to_string(&key).ok()).flatten();
            let known: Option<Vec<f64>> = known.map(|t| t.split_whitespace().map(|w| w.parse().unwrap()).collect());
            let regrets =
                if let Some(k) = known { [k[0], k[1], k[2]] } else { play(&FUNCTIONS[function], &samplers[sampler].1, seed) };
            if sampler < 2 {
                std::fs::write(&key, format!("{} {} {}", regrets[0], regrets[1], regrets[2])).unwrap();
            }
            let floor = if (FUNCTIONS[function].space)().cardinality().is_some() { FINITE_FLOOR } else { FLOOR };
            let logs = regrets.map(|regret| (regret / scale).max(floor).ln());
            let mut table = table.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            table.entry((function, sampler)).or_default().push((seed, logs));
        }
    };
    std::thread::scope(|scope| {
        (0..2).for_each(|_| {
            scope.spawn(work);
        });
    });
    let mut table = table.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    table.values_mut().for_each(|runs| runs.sort_by_key(|&(seed, _)| seed));
    table
}

fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.fold((0.0, 0.0), |(sum, count), number| (sum + number, count + 1.0));
    sum / count
}

/// Prints geometric means over seeds, as shares of random search's.
fn print(chosen: &[usize], table: &Table) {
    let samplers = samplers();
    let mut families: BTreeMap<&str, Vec<Vec<f64>>> = BTreeMap::new();
    println!("{:>16}  {:>28}  {:>28}   seeds won against exact", "share of random", samplers[1].0, samplers[2].0);
    for &function in chosen {
        let at = |sampler: usize, mark: usize| mean(table[&(function, sampler)].iter().map(|(_, logs)| logs[mark]));
        let shares: Vec<f64> =
            (1..3).flat_map(|sampler| (0..3).map(move |mark| (sampler, mark))).map(|(s, m)| at(s, m) - at(0, m)).collect();
        let wins: Vec<f64> = (0..3).map(|mark| won(table, function, mark)).collect();
        print_line(FUNCTIONS[function].name, &shares, &wins);
        for family in [FUNCTIONS[function].family, "~all"] {
            families.entry(family).or_default().push(shares.iter().chain(&wins).copied().collect());
        }
    }
    println!();
    for (family, rows) in families {
        let column = |index: usize| mean(rows.iter().map(|row| row[index]));
        let all: Vec<f64> = (0..9).map(column).collect();
        print_line(family, &all[..6], &all[6..]);
    }
}

/// Returns the share of seeds on which the last sampler beat the exact form; ties count half.
fn won(table: &Table, function: usize, mark: usize) -> f64 {
    let pairs = table[&(function, 1)].iter().zip(&table[&(function, 2)]);
    mean(pairs.map(|((_, exact), (_, tpe))| match tpe[mark].total_cmp(&exact[mark]) {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 0.0,
    }))
}

fn print_line(name: &str, shares: &[f64], wins: &[f64]) {
    let shown: Vec<String> = shares.iter().map(|share| format!("{:>8.4}", share.exp())).collect();
    let wins: Vec<String> = wins.iter().map(|win| format!("{:>4.0} %", 100.0 * win)).collect();
    println!("{name:>16}  {}  {}  {}", shown[..3].join("  "), shown[3..].join("  "), wins.join(" "));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seeds = arguments.first().and_then(|text| text.parse().ok()).unwrap_or(20);
    let wanted = arguments.get(1).map_or("", String::as_str);
    let is_chosen = |&index: &usize| FUNCTIONS[index].name.contains(wanted) || FUNCTIONS[index].family.contains(wanted);
    let chosen: Vec<usize> = (0..FUNCTIONS.len()).filter(is_chosen).collect();
    print(&chosen, &measure(&chosen, seeds));
}
