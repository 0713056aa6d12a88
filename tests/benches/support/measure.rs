//! Processor time and memory of a process, sizes of folders, and quantiles.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// Ticks of `/proc/PID/stat` in a second, on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time of all threads of a process so far, in seconds; 0 when it is gone.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name stands in parentheses and may hold anything; user and system time are the 12th and 13th field after it.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

/// Processor time that this machine has spent on anything so far, in seconds.
pub fn machine_cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.lines().next().unwrap_or_default().split_whitespace().flat_map(str::parse).collect();
    // User, nice, system, idle, waiting, interrupts twice, stolen; what comes then is counted in the first two.
    let busy = fields.iter().take(8).enumerate().filter(|(at, _)| !matches!(at, 3 | 4)).map(|(_, ticks)| ticks);
    busy.sum::<f64>() / TICKS_PER_SECOND
}

/// A line of `/proc/PID/status` in bytes, such as `VmRSS` (now) or `VmHWM` (the most so far).
pub fn memory_bytes(pid: u32, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kibibytes = value.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1_024
}

/// What the files below a folder take on the disk, in bytes.
pub fn disk_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    });
    sizes.sum()
}

/// Weighted samples, to ask for quantiles.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<(f64, u64)>);

impl Samples {
    pub fn add(&mut self, value: f64, weight: u64) {
        self.0.push((value, weight));
    }

    pub fn join(&mut self, other: Samples) {
        self.0.extend(other.0);
    }

    /// The smallest value below which `share` of the weight lies; not a number when there are no samples.
    pub fn quantile(&mut self, share: f64) -> f64 {
        self.0.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: u64 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut left = (total as f64 * share) as i64;
        for (value, weight) in &self.0 {
            left -= *weight as i64;
            if left < 0 {
                return *value;
            }
        }
        self.0.last().map_or(f64::NAN, |(value, _)| *value)
    }
}
