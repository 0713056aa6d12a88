//! Many seeds, over threads; the result does not depend on how many.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use hone_studies::label::LabelState;

use super::{
    coverage::{Coverage, Meets, Standing, Turn, impossible},
    label_coverage::{LabelCoverage, LabelMeets},
    scenario::Fault,
    world::{Plant, run},
};

/// Failing seeds that are told in full.
const TOLD: usize = 10;

/// What a range of seeds came to.
#[derive(Debug, Default)]
pub struct Sweep {
    pub seeds: u64,
    /// Failing seeds in order, with what went wrong.
    pub failures: Vec<(u64, Vec<String>)>,
    pub coverage: Coverage,
    /// One number for all traces.
    pub trace: u64,
    pub happenings: u64,
    pub virtual_us: i64,
    /// Studies that were compared with an undisturbed run.
    pub compared: u64,
    pub took: Duration,
}

/// Runs `count` seeds from `start` on.
pub fn sweep(start: u64, count: u64, threads: usize, plant: Plant) -> Sweep {
    let begun = Instant::now();
    let next = AtomicU64::new(start);
    let end = start + count;
    let work = || {
        let mut part = Sweep::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return part;
            }
            part.add(seed, plant);
        }
    };
    let mut whole = Sweep::default();
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        for part in parts {
            whole.merge(part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    whole.failures.sort();
    whole.took = begun.elapsed();
    whole
}

impl Sweep {
    fn add(&mut self, seed: u64, plant: Plant) {
        let verdict = run(seed, plant, false);
        self.seeds += 1;
        self.happenings += verdict.happenings;
        self.virtual_us += verdict.virtual_us;
        self.compared += verdict.compared;
        // Added up, so that the order in which threads come does not matter.
        self.trace = self.trace.wrapping_add(super::dice::mix(seed ^ verdict.trace));
        self.coverage.merge(&verdict.coverage);
        if !verdict.violations.is_empty() {
            self.failures.push((seed, verdict.violations));
        }
    }

    fn merge(&mut self, part: Sweep) {
        self.seeds += part.seeds;
        self.happenings += part.happenings;
        self.virtual_us += part.virtual_us;
        self.compared += part.compared;
        self.trace = self.trace.wrapping_add(part.trace);
        self.coverage.merge(&part.coverage);
        self.failures.extend(part.failures);
    }

    /// Seeds per second.
    pub fn rate(&self) -> f64 {
        self.seeds as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.virtual_us as f64 / 3.6e9;
        let (seeds, seconds, rate) = (self.seeds, self.took.as_secs_f64(), self.rate());
        writeln!(f, "{seeds} seeds in {seconds:.1} s ({rate:.0}/s), {} events, {hours:.0} simulated hours", self.happenings)?;
        writeln!(f, "{} studies compared with an undisturbed run, trace {:016x}", self.compared, self.trace)?;
        write_cells(f, &self.coverage)?;
        writeln!(f, "\nfaults")?;
        for fault in Fault::ALL {
            writeln!(f, "  {:<18}{:>10}", format!("{fault:?}"), self.coverage.fault(fault))?;
        }
        writeln!(f, "\nheld trials")?;
        for turn in Turn::ALL {
            writeln!(f, "  {:<18}{:>10}", format!("{turn:?}"), self.coverage.turn(turn))?;
        }
        writeln!(f, "\nlabel requests")?;
        write_label_cells(f, &self.coverage.labels)?;
        for (seed, violations) in self.failures.iter().take(TOLD) {
            writeln!(f, "seed {seed}: {}", violations.join("\n    "))?;
        }
        writeln!(f, "{} seeds failed", self.failures.len())
    }
}

fn write_label_cells(f: &mut fmt::Formatter<'_>, coverage: &LabelCoverage) -> fmt::Result {
    write!(f, "{:<20}", "")?;
    for state in LabelState::ALL {
        write!(f, "{:>11}", state.name())?;
    }
    writeln!(f)?;
    for meets in LabelMeets::ALL {
        write!(f, "{:<20}", format!("{meets:?}"))?;
        for state in LabelState::ALL {
            match (coverage.cell(state, meets), LabelCoverage::is_expected(state, meets)) {
                (0, false) => write!(f, "{:>11}", "–")?,
                (count, _) => write!(f, "{count:>11}")?,
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

fn write_cells(f: &mut fmt::Formatter<'_>, coverage: &Coverage) -> fmt::Result {
    write!(f, "\n{:<20}", "")?;
    for standing in Standing::ALL {
        write!(f, "{:>11}", standing.name())?;
    }
    writeln!(f)?;
    for meets in Meets::ALL {
        write!(f, "{:<20}", format!("{meets:?}"))?;
        for standing in Standing::ALL {
            match (coverage.cell(standing, meets), impossible(standing, meets)) {
                (0, Some(_)) => write!(f, "{:>11}", "–")?,
                (count, _) => write!(f, "{count:>11}")?,
            }
        }
        writeln!(f)?;
    }
    Ok(())
}
