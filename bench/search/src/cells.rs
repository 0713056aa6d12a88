//! Results: one cell for a sampler, a problem, a seed and a number of workers; kept in one file for each sampler.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::suites::{CHECKPOINTS, Suite};

/// What was searched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The suite.
    pub suite: Suite,
    /// The problem's name.
    pub problem: String,
    /// The seed of instance and sampler.
    pub seed: u64,
    /// Simulated workers.
    pub workers: usize,
}

/// Regrets at [`CHECKPOINTS`]; `None` where the budget ended before.
pub type Regrets = Vec<Option<f64>>;

/// All cells of one sampler.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    /// The sampler's name and its version.
    pub sampler: String,
    /// Regrets by what was searched.
    pub cells: BTreeMap<Key, Regrets>,
}

impl Cells {
    /// Cells of a sampler, none yet.
    pub fn new(sampler: impl Into<String>) -> Self {
        Self { sampler: sampler.into(), cells: BTreeMap::new() }
    }

    /// Reads `SAMPLER.csv`; no file is no cells.
    pub fn read(path: &Path) -> Result<Self> {
        let mut cells = Self::new(path.file_stem().unwrap_or_default().to_string_lossy());
        if !path.exists() {
            return Ok(cells);
        }
        let text = std::fs::read_to_string(path)?;
        for line in text.lines().skip(1) {
            let (key, regrets) = parse(line).with_context(|| format!("`{}`: line `{line}`", path.display()))?;
            cells.cells.insert(key, regrets);
        }
        Ok(cells)
    }

    /// Reads every `*.csv` of a folder, in order of their names.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>> {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// Writes `SAMPLER.csv` into `folder`, through a temporary file.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}.csv", self.sampler));
        let temporary = folder.join(format!("{}.csv.part", self.sampler));
        std::fs::write(&temporary, self.text())?;
        std::fs::rename(&temporary, &path)?;
        Ok(path)
    }

    fn text(&self) -> String {
        let columns: Vec<String> = CHECKPOINTS.iter().map(u32::to_string).collect();
        let mut text = format!("suite,problem,seed,workers,{}\n", columns.join(","));
        for (key, regrets) in &self.cells {
            let regrets: Vec<String> = regrets.iter().map(|regret| regret.map_or_else(String::new, short)).collect();
            let Key { suite, problem, seed, workers } = key;
            let _ = writeln!(text, "{},{problem},{seed},{workers},{}", suite.name(), regrets.join(","));
        }
        text
    }
}

/// Six significant digits.
fn short(regret: f64) -> String {
    if regret == 0.0 { "0".to_owned() } else { format!("{regret:.5e}") }
}

fn parse(line: &str) -> Result<(Key, Regrets)> {
    let cells: Vec<&str> = line.split(',').collect();
    ensure!(cells.len() == 4 + CHECKPOINTS.len(), "expected {} columns", 4 + CHECKPOINTS.len());
    let key =
        Key { suite: Suite::parse(cells[0])?, problem: cells[1].to_owned(), seed: cells[2].parse()?, workers: cells[3].parse()? };
    let regret = |cell: &&str| if cell.is_empty() { Ok(None) } else { cell.parse().map(Some).context("not a regret") };
    Ok((key, cells[4..].iter().map(regret).collect::<Result<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_as_they_were_written() {
        let mut cells = Cells::new("some-1.0");
        let key = Key { suite: Suite::Parallel, problem: "branin-2".into(), seed: 3, workers: 8 };
        cells.cells.insert(key.clone(), vec![Some(1.5), Some(0.25), Some(0.0), None, None]);
        let folder = tempfile::tempdir().expect("a folder");
        let path = cells.write(folder.path()).expect("written");
        let read = Cells::read(&path).expect("read");
        assert_eq!((read.sampler, &read.cells[&key]), ("some-1.0".to_owned(), &cells.cells[&key]));
    }
}
