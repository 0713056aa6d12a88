//! The simulator over many seeds, and proofs that it would find what it looks for.
//!
//! `HONE_SIM_SEEDS` sets how many seeds are run.

use hone_tests::sim::{self, Plant};

/// Seeds that are run unless told otherwise, and within which the planted bugs must be found.
const SEEDS: u64 = 2_000;
const THREADS: usize = 2;

fn seeds() -> u64 {
    std::env::var("HONE_SIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS)
}

#[test]
fn no_seed_breaks_a_promise_and_every_cell_is_met() {
    let sweep = sim::sweep(0, seeds(), THREADS, Plant::Nothing);
    assert!(sweep.failures.is_empty(), "{sweep}");
    assert!(sweep.compared > seeds() / 4, "{sweep}");
    // Fewer seeds than these cannot meet everything.
    if sweep.seeds >= SEEDS {
        assert_eq!(sweep.coverage.gaps(), Vec::<String>::new(), "{sweep}");
    }
}

#[test]
fn results_of_replaced_attempts_are_found_out() {
    let sweep = sim::sweep(0, 200, THREADS, Plant::NoFencing);
    let told = sweep.failures.iter().flat_map(|(_, violations)| violations).any(|violation| violation.starts_with("P2"));
    assert!(told, "{sweep}");
}

#[test]
fn answers_before_the_disk_are_found_out() {
    let sweep = sim::sweep(0, 20, THREADS, Plant::AckBeforeSync);
    let told: Vec<&String> = sweep.failures.iter().flat_map(|(_, violations)| violations).collect();
    assert!(told.iter().any(|violation| violation.starts_with("P1")), "{sweep}");
    // Of those who label, too.
    assert!(told.iter().any(|violation| violation.ends_with("was acknowledged and is gone")), "{sweep}");
}

#[test]
fn a_seed_repeats_exactly_whatever_runs_beside_it() {
    for seed in 0..20 {
        let (first, second) = (sim::run(seed, Plant::Nothing, false), sim::run(seed, Plant::Nothing, true));
        assert_eq!((first.trace, first.happenings), (second.trace, second.happenings), "seed {seed}");
    }
    let (alone, together) = (sim::sweep(0, 30, 1, Plant::Nothing), sim::sweep(0, 30, 3, Plant::Nothing));
    assert_eq!(alone.trace, together.trace);
    assert_eq!(alone.coverage, together.coverage);
}
