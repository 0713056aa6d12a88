//! Rows under columns: a table for people, CSV for programs.

use std::borrow::Cow;

use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, Table};

use super::{
    Look,
    values::{bytes_text, local_time, number_text, rfc3339, span_text, visible},
};

/// One value of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// There is none.
    Nothing,
    /// Any text.
    Text(String),
    /// A word out of a fixed set, coloured by what it means.
    State(String),
    /// A whole number.
    Whole(u64),
    /// A measured number.
    Number(f64),
    /// Microseconds since the epoch; 0: never.
    Time(i64),
    /// A duration in microseconds; in CSV in seconds.
    Span(i64),
    /// A size.
    Bytes(u64),
}

/// A column: how programs and people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// In CSV; never changes, unit last.
    pub name: Cow<'static, str>,
    /// In tables; empty: not shown there.
    pub title: Cow<'static, str>,
}

impl Column {
    /// A column of ours.
    pub const fn new(name: &'static str, title: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), title: Cow::Borrowed(title) }
    }

    /// A column that the user named, as a parameter or metric.
    pub fn named(name: String, title: &str) -> Self {
        Self { name: Cow::Owned(name), title: Cow::Owned(visible(title)) }
    }
}

/// A list, ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    /// What a table without rows says.
    empty: &'static str,
}

impl Listing {
    /// A list without rows; `empty` is what people read then.
    pub fn new(columns: Vec<Column>, empty: &'static str) -> Self {
        Self { columns, rows: Vec::new(), empty }
    }

    /// Adds a row with one cell per column.
    pub fn push(&mut self, row: Vec<Cell>) {
        assert_eq!(row.len(), self.columns.len(), "one cell per column");
        self.rows.push(row);
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Writes an aligned table without lines; columns that are empty throughout are left out.
    pub fn table(&self, look: Look) -> String {
        if self.rows.is_empty() {
            return format!("{}\n", self.empty);
        }
        let used: Vec<usize> = (0..self.columns.len()).filter(|at| self.is_used(*at)).collect();
        let mut table = blank_table(look);
        table.set_header(used.iter().map(|at| header(&self.columns[*at].title)));
        for row in &self.rows {
            table.add_row(used.iter().map(|at| table_cell(&row[*at])));
        }
        for (at, column) in table.column_iter_mut().enumerate() {
            // No space before the first column; two between the others.
            column.set_padding((if at == 0 { 0 } else { 2 }, 0));
        }
        table.trim_fmt() + "\n"
    }

    fn is_used(&self, at: usize) -> bool {
        !self.columns[at].title.is_empty() && self.rows.iter().any(|row| row[at] != Cell::Nothing)
    }

    /// Writes a header line and one line per row, as RFC 4180 has it but with plain line ends.
    pub fn csv(&self) -> String {
        let mut out = csv_line(self.columns.iter().map(|column| column.name.to_string()));
        for row in &self.rows {
            out += &csv_line(row.iter().map(csv_cell));
        }
        out
    }

    /// Writes the rows without the header, to go on with a list that is written in parts.
    pub fn csv_rows(&self) -> String {
        self.rows.iter().map(|row| csv_line(row.iter().map(csv_cell))).collect()
    }
}

fn blank_table(look: Look) -> Table {
    let mut table = Table::new();
    if look.fitted {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    if look.colours {
        table.enforce_styling();
    } else if !look.fitted {
        table.force_no_tty();
    }
    table.load_style(comfy_table::presets::NOTHING);
    table
}

fn header(title: &str) -> comfy_table::Cell {
    comfy_table::Cell::new(title).add_attribute(Attribute::Bold)
}

fn table_cell(cell: &Cell) -> comfy_table::Cell {
    let shown = comfy_table::Cell::new(people(cell));
    match cell {
        Cell::State(state) => match state_colour(state) {
            Some(colour) => shown.fg(colour),
            None => shown,
        },
        Cell::Whole(_) | Cell::Number(_) | Cell::Span(_) | Cell::Bytes(_) => shown.set_alignment(CellAlignment::Right),
        Cell::Nothing | Cell::Text(_) | Cell::Time(_) => shown,
    }
}

fn people(cell: &Cell) -> String {
    match cell {
        Cell::Nothing => String::new(),
        Cell::Text(text) | Cell::State(text) => visible(text),
        Cell::Whole(number) => number.to_string(),
        Cell::Number(number) => number_text(*number),
        Cell::Time(micros) => local_time(*micros),
        Cell::Span(micros) => span_text(*micros),
        Cell::Bytes(bytes) => bytes_text(*bytes),
    }
}

fn state_colour(state: &str) -> Option<Color> {
    match state {
        "active" | "running" | "connected" | "leased" => Some(Color::Cyan),
        "complete" | "finished" | "resolved" => Some(Color::Green),
        "failed" | "lost" | "disconnected" | "conflict" => Some(Color::Red),
        "pruned" | "paused" | "stopping" | "draining" | "cordoned" | "preempted" => Some(Color::Yellow),
        "cancelled" | "gone" | "stale" | "withdrawn" | "expired" | "closed" => Some(Color::DarkGrey),
        _ => None,
    }
}

fn csv_cell(cell: &Cell) -> String {
    match cell {
        Cell::Nothing => String::new(),
        Cell::Text(text) | Cell::State(text) => text.clone(),
        Cell::Whole(number) => number.to_string(),
        Cell::Number(number) => number_exact(*number),
        Cell::Time(micros) => rfc3339(*micros).unwrap_or_default(),
        Cell::Span(micros) => (*micros as f64 / 1e6).to_string(),
        Cell::Bytes(bytes) => bytes.to_string(),
    }
}

/// The shortest text that is read as the same double.
pub(super) fn number_exact(value: f64) -> String {
    if value.is_finite() { format!("{value:?}") } else { number_text(value) }
}

fn csv_line(cells: impl Iterator<Item = String>) -> String {
    let quoted: Vec<String> = cells.map(csv_quoted).collect();
    quoted.join(",") + "\n"
}

fn csv_quoted(text: String) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
