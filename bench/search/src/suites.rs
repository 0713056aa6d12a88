//! Which problems belong together, how long they are searched, and by how many workers.

use std::path::Path;

use anyhow::{Result, anyhow};

use crate::functions;
use crate::several;
use crate::tables::Table;
use crate::task::Task;

/// Numbers of ended trials after which the regret is taken.
pub const CHECKPOINTS: [u32; 5] = [25, 50, 100, 200, 400];

/// Problems that are searched and reported together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Suite {
    /// Functions with known optima.
    Functions,
    /// Tables of trained models.
    Tables,
    /// Several objectives.
    Several,
    /// Functions with many trials at once.
    Parallel,
}

impl Suite {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Functions, Self::Tables, Self::Several, Self::Parallel];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Functions => "functions",
            Self::Tables => "tables",
            Self::Several => "several",
            Self::Parallel => "parallel",
        }
    }

    /// The suite called `name`.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name).ok_or_else(|| anyhow!("there is no suite `{name}`"))
    }

    /// How many workers run at once.
    pub fn workers(self) -> &'static [usize] {
        match self {
            Self::Functions | Self::Tables | Self::Several => &[1],
            Self::Parallel => &[8, 64],
        }
    }
}

/// One problem of a suite, before its seed is chosen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Its suite.
    pub suite: Suite,
    /// Its name.
    pub name: String,
    /// Whether it belongs to the part that slow samplers are measured on.
    pub core: bool,
}

/// All problems, and what is needed to make them.
pub struct Library {
    tables: Vec<Table>,
}

impl Library {
    /// Reads the tables.
    pub fn open(tables: &Path) -> Result<Self> {
        Ok(Self { tables: Table::read_all(tables)? })
    }

    /// The tables with a value for each epoch.
    pub fn curves(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|table| table.epochs() > 1)
    }

    /// The problems of a suite.
    pub fn problems(&self, suite: Suite) -> Vec<Problem> {
        let problem = |name: &str, core| Problem { suite, name: name.to_owned(), core };
        let functions = || functions::ALL.iter().map(|named| problem(named.name, named.core));
        match suite {
            Suite::Functions => functions().collect(),
            Suite::Parallel => functions().filter(|problem| problem.core).collect(),
            Suite::Tables => self.tables.iter().map(|table| problem(&table.name, false)).collect(),
            Suite::Several => several::ALL.iter().map(|name| problem(name, false)).collect(),
        }
    }

    /// The instance of a problem.
    pub fn task(&self, suite: Suite, name: &str, seed: u64) -> Result<Task> {
        let found = match suite {
            Suite::Functions | Suite::Parallel => functions::ALL.iter().find(|f| f.name == name).map(|f| f.task(seed)),
            Suite::Tables => self.tables.iter().find(|table| table.name == name).map(|table| table.task(seed)),
            Suite::Several => several::task(name, seed),
        };
        found.ok_or_else(|| anyhow!("suite `{}` has no problem `{name}`; `functions` lists them", suite.name()))
    }
}
