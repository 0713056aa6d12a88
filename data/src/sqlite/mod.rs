//! Reads the tables of an SQLite file: enough to take data over, and nothing else.
//!
//! Rows of ordinary tables come in order of their row ids, whole; there are no queries, indexes or writes. Nothing in the
//! file is trusted: a damaged one is an error, never a panic or an endless loop. A file that another program has not
//! finished writing (a hot journal or a write-ahead log beside it) is refused. The format is SQLite's, version 3.

mod pages;
mod record;
mod schema;

use std::{fs, io, path::Path};

use pages::Pages;

pub use record::Value;

/// The first bytes of every SQLite file.
pub const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Why a file or a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// It does not begin as such a file does.
    #[error("it is no SQLite file")]
    NotSqlite,
    /// Another program has not finished with it.
    #[error("`{beside}` lies beside it, so its newest changes are not in it; close the program that writes it first")]
    Unfinished {
        /// Name of the file beside it.
        beside: String,
    },
    /// It is well formed, but of a kind that is not read here.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// It contradicts itself.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// There is no such table.
    #[error("it has no table `{0}`")]
    NoTable(String),
    /// The table lacks a column.
    #[error("its table `{table}` has no column `{column}`")]
    NoColumn {
        /// Name of the table.
        table: String,
        /// Name of the column.
        column: String,
    },
}

/// An SQLite file, read into memory as it was when it was opened.
#[derive(Debug)]
pub struct Database {
    pages: Pages,
    tables: Vec<Table>,
}

#[derive(Debug)]
struct Table {
    name: String,
    root: u32,
    columns: Vec<schema::Column>,
}

impl Database {
    /// Reads a file whole.
    ///
    /// # Errors
    /// The file cannot be read, is not finished, or is none.
    pub fn open(path: &Path) -> Result<Self, SqliteError> {
        for suffix in ["-journal", "-wal"] {
            let mut beside = path.as_os_str().to_owned();
            beside.push(suffix);
            if fs::metadata(&beside).is_ok_and(|found| found.len() > 0) {
                return Err(SqliteError::Unfinished { beside: beside.to_string_lossy().into_owned() });
            }
        }
        Self::parse(fs::read(path)?)
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// They are no such file.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, SqliteError> {
        let mut database = Self { pages: Pages::new(bytes)?, tables: Vec::new() };
        let mut tables = Vec::new();
        database.pages.each_row(1, &mut |_, values| {
            tables.extend(schema::table(&values));
            Ok(())
        })?;
        database.tables = tables.into_iter().map(|(name, root, columns)| Table { name, root, columns }).collect();
        Ok(database)
    }

    /// Whether there is a table of this name.
    pub fn has_table(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.name == name)
    }

    /// Calls `visit` with the values of `columns` for every row of a table, in order of the row ids.
    ///
    /// # Errors
    /// The table or a column is not there, the file is damaged, or whatever `visit` answers.
    pub fn each_row<const N: usize>(
        &self,
        table: &str,
        columns: [&str; N],
        mut visit: impl FnMut([Value; N]),
    ) -> Result<(), SqliteError> {
        let table = self.tables.iter().find(|known| known.name == table).ok_or_else(|| SqliteError::NoTable(table.to_owned()))?;
        let places = columns.map(|column| table.columns.iter().position(|known| known.name == column));
        if let Some(missing) = places.iter().position(Option::is_none) {
            return Err(SqliteError::NoColumn { table: table.name.clone(), column: columns[missing].to_owned() });
        }
        self.pages.each_row(table.root, &mut |row_id, mut values| {
            visit(places.map(|place| {
                let place = place.unwrap_or_default();
                // Columns that were added later are missing from older rows; the row id is not stored twice.
                let value = values.get_mut(place).map_or(Value::Null, std::mem::take);
                if value == Value::Null && table.columns[place].is_row_id { Value::Int(row_id) } else { value }
            }));
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
