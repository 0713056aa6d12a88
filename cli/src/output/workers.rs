//! Workers for people.

use hone_proto::v1;

use super::{
    Cell, Column, Listing,
    values::{bytes_text, local_time, number_text, span_text, visible},
};

/// A clock that is further off than this is worth a word.
const CLOCK_TOLERANCE_US: i64 = 2_000_000;

/// Lists workers.
pub fn workers_listing(workers: &[v1::Worker]) -> Listing {
    let columns = [
        ("id", "ID"),
        ("name", "NAME"),
        ("host", "HOST"),
        ("state", "STATE"),
        ("running", "RUNNING"),
        ("ended_attempts", "ENDED"),
        ("cpus", "CPUS"),
        ("cpus_free", "FREE"),
        ("memory_bytes", "MEMORY"),
        ("gpus", "GPUS"),
        ("labels", "LABELS"),
        ("seen", "SEEN"),
    ];
    let columns = columns.map(|(name, title)| Column::new(name, title)).to_vec();
    let mut listing = Listing::new(columns, "no workers; `hone serve` prints the line that attaches one");
    for worker in workers {
        listing.push(row(worker));
    }
    listing
}

fn row(worker: &v1::Worker) -> Vec<Cell> {
    let labels = labels_text(worker);
    vec![
        Cell::Whole(worker.id),
        Cell::Text(worker.name.clone()),
        Cell::Text(worker.host.clone()),
        Cell::State(worker.state.clone()),
        Cell::Whole(worker.running.len() as u64),
        Cell::Whole(worker.ended_attempts),
        Cell::Number(f64::from(worker.cpus_milli) / 1000.0),
        Cell::Number(f64::from(worker.cpus_milli_free) / 1000.0),
        Cell::Bytes(worker.memory_bytes),
        if worker.gpus.is_empty() { Cell::Nothing } else { Cell::Whole(worker.gpus.len() as u64) },
        if labels.is_empty() { Cell::Nothing } else { Cell::Text(labels) },
        Cell::Time(worker.seen_us),
    ]
}

fn labels_text(worker: &v1::Worker) -> String {
    let mut labels: Vec<String> = worker.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    labels.sort();
    labels.join(" ")
}

/// Describes one worker in lines; `now_us` is the time that ages count from.
pub fn worker_text(worker: &v1::Worker, now_us: i64) -> String {
    let mut out = format!("{}  (worker {})\n\n", visible(&worker.name), worker.id);
    for (key, value) in facts(worker) {
        out += &format!("{key:<11}{value}\n");
    }
    for gpu in &worker.gpus {
        let free = f64::from(gpu.milli_free) / 10.0;
        let (name, memory) = (visible(&gpu.name), bytes_text(gpu.memory_bytes));
        out += &format!("gpu {:<7}{name}, {memory}, {} % free\n", gpu.index, number_text(free));
    }
    for running in &worker.running {
        let age = span_text(now_us - running.since_us);
        let (study, trial) = (visible(&running.study), running.trial);
        out += &format!("runs       trial {trial} of {study}, attempt {}, since {age}\n", running.attempt);
    }
    out
}

fn facts(worker: &v1::Worker) -> Vec<(&'static str, String)> {
    let cpus = |milli: u32| number_text(f64::from(milli) / 1000.0);
    let mut facts = vec![
        ("state", worker.state.clone()),
        ("host", visible(&worker.host)),
        ("cpus", format!("{}, {} free", cpus(worker.cpus_milli), cpus(worker.cpus_milli_free))),
        ("memory", format!("{}, {} free", bytes_text(worker.memory_bytes), bytes_text(worker.memory_bytes_free))),
    ];
    if worker.slots > 0 {
        facts.push(("slots", worker.slots.to_string()));
    }
    let labels = labels_text(worker);
    if !labels.is_empty() {
        facts.push(("labels", visible(&labels)));
    }
    facts.push(("joined", local_time(worker.joined_us)));
    facts.push(("seen", local_time(worker.seen_us)));
    facts.push(("ended", format!("{} attempts", worker.ended_attempts)));
    facts.push(("build", visible(&worker.build)));
    if worker.clock_ahead_us.abs() > CLOCK_TOLERANCE_US {
        let way = if worker.clock_ahead_us > 0 { "ahead" } else { "behind" };
        facts.push(("clock", format!("{} {way} of the coordinator's", span_text(worker.clock_ahead_us.abs()))));
    }
    facts
}
