//! What this machine offers: processors, memory and GPUs, as far as this process may use them.

use std::{collections::BTreeSet, fs, path::Path, str::FromStr, thread};

use hone_proto::worker::{Capacity, Gpu};
use nvml_wrapper::Nvml;

/// What the operator says instead of what is found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// `--cpus`, in thousandths of a processor.
    pub cpus_milli: Option<u32>,
    /// `--memory`, in bytes.
    pub memory_bytes: Option<u64>,
    /// `--gpus`
    pub gpus: Option<GpuChoice>,
    /// `--slots`: at most so many attempts at once.
    pub slots: Option<u32>,
}

/// Which GPUs to offer: `none`, a number, or indices such as `0,2` (one index alone: `0,`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GpuChoice {
    /// None at all.
    None,
    /// The first so many.
    Count(usize),
    /// Those with these indices.
    Indices(BTreeSet<u32>),
}

/// Text that chooses no GPUs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` chooses no GPUs; write `none`, a number such as `2`, or indices such as `0,1`")]
pub struct ParseGpusError(String);

impl FromStr for GpuChoice {
    type Err = ParseGpusError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseGpusError(text.to_owned());
        if text == "none" {
            return Ok(Self::None);
        }
        if !text.contains(',') {
            return text.parse().map(Self::Count).map_err(|_| wrong());
        }
        let indices = text.trim_end_matches(',').split(',').map(|index| index.trim().parse());
        indices.collect::<Result<_, _>>().map(Self::Indices).map_err(|_| wrong())
    }
}

/// Why the operator's wish cannot be met.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DetectError {
    /// More GPUs than there are.
    #[error(
        "`--gpus {wanted}` asks for more GPUs than the {found} that this worker can see; check the driver and `CUDA_VISIBLE_DEVICES`"
    )]
    TooFewGpus {
        /// What was asked for.
        wanted: usize,
        /// What there is.
        found: usize,
    },
    /// An index that is not there.
    #[error("there is no GPU {index} that this worker can see; it can see {found:?}")]
    NoSuchGpu {
        /// What was asked for.
        index: u32,
        /// What there is.
        found: Vec<u32>,
    },
}

/// Looks at the machine, and lets the operator's wishes win.
///
/// # Errors
///
/// [`DetectError`] when the operator asks for GPUs that are not there.
pub fn capacity(overrides: &Overrides) -> Result<Capacity, DetectError> {
    let gpus = match overrides.gpus {
        Some(GpuChoice::None) => Vec::new(),
        Some(GpuChoice::Count(_) | GpuChoice::Indices(_)) | None => visible_gpus(),
    };
    Ok(Capacity {
        cpus_milli: overrides.cpus_milli.unwrap_or_else(cpus_milli),
        memory_bytes: overrides.memory_bytes.unwrap_or_else(memory_bytes),
        gpus: choose(gpus, overrides.gpus.as_ref())?,
        slots: overrides.slots.unwrap_or(0),
    })
}

fn choose(gpus: Vec<Gpu>, choice: Option<&GpuChoice>) -> Result<Vec<Gpu>, DetectError> {
    match choice {
        None => Ok(gpus),
        Some(GpuChoice::None) => Ok(Vec::new()),
        Some(GpuChoice::Count(wanted)) if *wanted > gpus.len() => {
            Err(DetectError::TooFewGpus { wanted: *wanted, found: gpus.len() })
        }
        Some(GpuChoice::Count(wanted)) => Ok(gpus.into_iter().take(*wanted).collect()),
        Some(GpuChoice::Indices(indices)) => {
            let found: Vec<u32> = gpus.iter().map(|gpu| gpu.index).collect();
            match indices.iter().find(|index| !found.contains(index)) {
                Some(index) => Err(DetectError::NoSuchGpu { index: *index, found }),
                None => Ok(gpus.into_iter().filter(|gpu| indices.contains(&gpu.index)).collect()),
            }
        }
    }
}

/// Processors that the affinity and the cgroup's quota leave.
fn cpus_milli() -> u32 {
    let count = thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(count).unwrap_or(u32::MAX / 1_000).saturating_mul(1_000)
}

/// The machine's memory or the limit of the cgroup, whichever is less; 0: nobody says.
fn memory_bytes() -> u64 {
    let total = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_of(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = groups.lines().flat_map(limits_of_group);
    limits.chain(total).min().unwrap_or(0)
}

fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1_024)
}

/// The limits of a line of `/proc/self/cgroup` and of the groups around it. `max`, and the huge number that
/// stands for it in version 1, are no limits.
fn limits_of_group(line: &str) -> Vec<u64> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { return Vec::new() };
    let (root, file) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        list if list.split(',').any(|name| name == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return Vec::new(),
    };
    let group = Path::new(root).join(group.trim_start_matches('/'));
    // Within a container the path is the host's, and the root is the container's own group.
    let folders = group.ancestors().take_while(|folder| folder.starts_with(root));
    folders.filter_map(|folder| fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()).collect()
}

/// The GPUs that the driver shows and `CUDA_VISIBLE_DEVICES` of this worker leaves.
fn visible_gpus() -> Vec<Gpu> {
    let gpus = driver_gpus();
    match std::env::var("CUDA_VISIBLE_DEVICES") {
        Ok(visible) => filter_visible(gpus, &visible),
        Err(_) => gpus,
    }
}

/// Without a driver there are none; that is no error.
fn driver_gpus() -> Vec<Gpu> {
    let Ok(nvml) = Nvml::init() else { return Vec::new() };
    let count = nvml.device_count().unwrap_or(0);
    (0..count).filter_map(|index| describe(&nvml, index)).collect()
}

fn describe(nvml: &Nvml, index: u32) -> Option<Gpu> {
    let device = nvml.device_by_index(index).ok()?;
    Some(Gpu {
        index,
        name: device.name().unwrap_or_default(),
        memory_bytes: device.memory_info().map_or(0, |memory| memory.total),
        uuid: device.uuid().unwrap_or_default(),
    })
}

/// Entries are indices or beginnings of UUIDs; everything from the first unknown one on is invisible, as CUDA
/// has it.
fn filter_visible(gpus: Vec<Gpu>, visible: &str) -> Vec<Gpu> {
    let mut chosen = Vec::new();
    for entry in visible.split(',').map(str::trim) {
        let matches = |gpu: &&Gpu| match entry.parse::<u32>() {
            Ok(index) => gpu.index == index,
            Err(_) => !entry.is_empty() && gpu.uuid.starts_with(entry),
        };
        let Some(gpu) = gpus.iter().find(matches) else { break };
        chosen.push(gpu.clone());
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpus(count: u32) -> Vec<Gpu> {
        let gpu = |index| Gpu { index, uuid: format!("GPU-{index}f"), ..Gpu::default() };
        (0..count).map(gpu).collect()
    }

    fn indices(gpus: &[Gpu]) -> Vec<u32> {
        gpus.iter().map(|gpu| gpu.index).collect()
    }

    #[test]
    fn this_machine_has_something_to_offer() {
        let found = capacity(&Overrides::default()).expect("a capacity");
        assert!(found.cpus_milli >= 1_000 && found.memory_bytes > 1 << 20, "{found:?}");
        println!("{found:?}");
    }

    #[test]
    fn the_operator_wins() {
        let gpus = Some(GpuChoice::None);
        let overrides = Overrides { cpus_milli: Some(500), memory_bytes: Some(7), gpus, slots: Some(3) };
        let found = capacity(&overrides).expect("a capacity");
        assert_eq!(found, Capacity { cpus_milli: 500, memory_bytes: 7, gpus: vec![], slots: 3 });
    }

    #[test]
    fn gpus_are_chosen_by_number_or_index() {
        let choose = |text: &str| choose(gpus(4), Some(&text.parse().expect(text)));
        assert_eq!(indices(&choose("2").expect("two")), vec![0, 1]);
        assert_eq!(indices(&choose("3,1").expect("two")), vec![1, 3]);
        assert_eq!(indices(&choose("2,").expect("one")), vec![2]);
        assert!(choose("none").expect("none").is_empty());
        assert_eq!(choose("5"), Err(DetectError::TooFewGpus { wanted: 5, found: 4 }));
        assert_eq!(choose("0,9"), Err(DetectError::NoSuchGpu { index: 9, found: vec![0, 1, 2, 3] }));
        assert!("many".parse::<GpuChoice>().is_err() && "1,x".parse::<GpuChoice>().is_err());
    }

    #[test]
    fn the_workers_own_cuda_visible_devices_limits_what_it_offers() {
        for (visible, expected) in [("1,0", vec![1, 0]), ("", vec![]), ("GPU-2", vec![2]), ("0,-1,1", vec![0]), ("7,0", vec![])] {
            assert_eq!(indices(&filter_visible(gpus(3), visible)), expected, "`{visible}`");
        }
    }

    #[test]
    fn memory_is_read_in_kibibytes() {
        assert_eq!(total_of("MemTotal:       24576 kB\nMemFree: 1 kB\n"), Some(24_576 << 10));
    }
}
