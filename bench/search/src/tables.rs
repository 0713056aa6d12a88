//! Tables of models that were really trained: a trial is answered by the nearest row.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use hone_search::{Choice, Condition, Distribution, Parameter, Space};
use serde::Deserialize;

use crate::task::{Answer, Family, Task, to_unit};

#[derive(Deserialize)]
struct Description {
    task: String,
    space: serde_json::Map<String, serde_json::Value>,
    columns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Kind {
    Float { low: f64, high: f64, log: bool },
    Int { low: i64, high: i64, log: bool },
    Cat { choices: Vec<Choice> },
}

#[derive(Deserialize)]
struct Described {
    #[serde(flatten)]
    kind: Kind,
    #[serde(default)]
    when: BTreeMap<String, Vec<Choice>>,
}

/// The rows of one table.
#[derive(Clone)]
pub struct Table {
    /// The task's name.
    pub name: String,
    /// What was drawn from.
    pub space: Space,
    /// Points on the scale of [`to_unit`]; NaN where absent.
    units: Vec<Vec<f64>>,
    /// Losses by epoch; a single one where there are no epochs.
    losses: Vec<Vec<f64>>,
}

impl Table {
    /// Reads `NAME.json` and `NAME.csv` of a folder, in order of their names.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>> {
        let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read the tables in `{}`", folder.display()))?;
        let mut paths: Vec<_> =
            entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path).with_context(|| format!("table `{}`", path.display()))).collect()
    }

    fn read(path: &Path) -> Result<Self> {
        let description: Description = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        let parameters = description.space.into_iter().map(|(name, value)| parameter(name, value)).collect::<Result<Vec<_>>>()?;
        let mut table = Self { name: description.task, space: Space { parameters }, units: Vec::new(), losses: Vec::new() };
        let text = std::fs::read_to_string(path.with_extension("csv"))?;
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().context("no header")?.split(',').collect();
        let place = |name: &str| header.iter().position(|column| *column == name).with_context(|| format!("no column `{name}`"));
        let inputs = table.space.parameters.iter().map(|p| place(&p.name)).collect::<Result<Vec<_>>>()?;
        let outputs = description.columns.iter().map(|name| place(name)).collect::<Result<Vec<_>>>()?;
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            ensure!(cells.len() == header.len(), "`{line}` has not {} cells", header.len());
            let units = table.space.parameters.iter().zip(&inputs).map(|(p, &at)| cell_unit(p, cells[at]));
            table.units.push(units.collect::<Result<_>>()?);
            let losses = outputs.iter().map(|&at| cells[at].parse().context("not a loss"));
            table.losses.push(losses.collect::<Result<_>>()?);
        }
        Ok(table)
    }

    /// Number of epochs, 1 where there are none.
    pub fn epochs(&self) -> usize {
        self.losses.first().map_or(0, Vec::len)
    }

    /// The least last loss.
    pub fn best(&self) -> f64 {
        self.losses.iter().filter_map(|losses| losses.last().copied()).fold(f64::INFINITY, f64::min)
    }

    fn nearest(&self, params: &[f64]) -> &[f64] {
        let wanted: Vec<f64> = self.space.parameters.iter().zip(params).map(|(p, &v)| to_unit(&p.distribution, v)).collect();
        let categorical: Vec<bool> =
            self.space.parameters.iter().map(|p| matches!(p.distribution, Distribution::Categorical { .. })).collect();
        let distances = self.units.iter().map(|row| distance(&categorical, &wanted, row));
        let (row, _) = distances.enumerate().fold((0, f64::INFINITY), |best, (row, d)| if d < best.1 { (row, d) } else { best });
        &self.losses[row]
    }

    /// The table as a task; the seed changes the samplers only.
    pub fn task(&self, seed: u64) -> Task {
        let (table, optimum) = (self.clone(), self.best());
        let objective = move |params: &[f64]| {
            let curve = table.nearest(params).to_vec();
            Answer { values: curve.last().copied().into_iter().collect(), constraints: Vec::new(), curve }
        };
        Task {
            optimum,
            epochs: self.epochs(),
            ..Task::new(&self.name, Family::Table, seed, self.space.clone(), Box::new(objective))
        }
    }
}

/// Squared distance: along each range from 0 to 1, and 1 for another option or for being there or not.
fn distance(categorical: &[bool], a: &[f64], b: &[f64]) -> f64 {
    let part = |index: usize| match (a[index].is_nan(), b[index].is_nan()) {
        (true, true) => 0.0,
        (true, false) | (false, true) => 1.0,
        (false, false) if categorical[index] => f64::from(u8::from(a[index] != b[index])),
        (false, false) => (a[index] - b[index]).powi(2),
    };
    (0..a.len()).map(part).sum()
}

fn parameter(name: String, value: serde_json::Value) -> Result<Parameter> {
    let described: Described = serde_json::from_value(value).with_context(|| format!("parameter `{name}`"))?;
    let distribution = match described.kind {
        Kind::Float { low, high, log } => Distribution::Float { low, high, log, step: None },
        Kind::Int { low, high, log } => Distribution::Int { low, high, log, step: 1 },
        Kind::Cat { choices } => Distribution::Categorical { choices },
    };
    let when = described.when.into_iter().map(|(parameter, values)| Condition { parameter, values }).collect();
    Ok(Parameter { name, distribution, when })
}

fn cell_unit(parameter: &Parameter, cell: &str) -> Result<f64> {
    if cell.is_empty() {
        return Ok(f64::NAN);
    }
    let value = match &parameter.distribution {
        Distribution::Categorical { .. } => parameter.distribution.to_internal(&cell.into())?,
        Distribution::Float { .. } | Distribution::Int { .. } => cell.parse()?,
    };
    Ok(to_unit(&parameter.distribution, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> Vec<Table> {
        Table::read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tables")).expect("the tables")
    }

    #[test]
    fn random_points_get_losses_of_the_table_and_none_beats_the_best() {
        for table in tables() {
            let task = table.task(1);
            assert!(table.space.validate().is_empty(), "{}", table.name);
            let plan = table.space.plan();
            for point in 0..50 {
                let unit = |index: usize| f64::from((point * 7 + index as u32 * 13) % 50) / 50.0;
                let params = plan.fill(|index, _| table.space.parameters[index].distribution.from_unit(unit(index)));
                let shown = task.run(0, &params);
                assert_eq!((shown.values.len(), shown.curve.len()), (1, table.epochs()), "{}", table.name);
                assert!(shown.values[0] >= task.optimum && table.losses.contains(&shown.curve), "{}", table.name);
            }
        }
    }

    #[test]
    fn other_options_and_missing_numbers_are_a_whole_range_apart() {
        assert_eq!(distance(&[false, true], &[0.25, 1.0], &[0.75, 2.0]), 1.25);
        assert_eq!(distance(&[false, false], &[f64::NAN, f64::NAN], &[0.75, f64::NAN]), 1.0);
    }
}
