//! Some rows of a file in memory, and what must hold for each of them.

use super::{
    error::{At, Fault, Problem, shown},
    layout::{Kind, Layout, MAX_ID},
};

/// How far the probabilities of a row may be from adding up to one: what is left of them when they are written with three
/// digits or as half-precision numbers.
pub const SUM_TOLERANCE: f64 = 5e-3;

/// Rows of a file, one after the other.
#[derive(Debug, Default)]
pub struct Batch {
    /// Whether rows are told by lines (text, from 1) or by their number (binary files, from 0).
    by_line: bool,
    /// The row's number in its file, from 0; in text the number of lines between the header and it.
    numbers: Vec<u64>,
    /// Lines before row 0.
    header_lines: u64,
    id_bytes: Vec<u8>,
    id_ends: Vec<usize>,
    /// Row by row, as wide as the layout says.
    pub(super) values: Vec<f64>,
    /// Row by row; empty without embeddings.
    pub(super) embeddings: Vec<f32>,
    /// One a row; empty without costs.
    pub(super) costs: Vec<f64>,
}

/// A row of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<'a> {
    /// Its number in the file, from 0; in text the number of lines between the header and it.
    pub number: u64,
    /// Its sample.
    pub id: &'a str,
    /// Its prediction: probabilities of all classes, mean and standard deviation, or the score.
    pub values: &'a [f64],
    /// Its embedding; empty without one.
    pub embedding: &'a [f32],
    /// What a label costs.
    pub cost: Option<f64>,
}

impl Batch {
    /// Makes room for other rows of a binary file.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.id_bytes.clear();
        self.id_ends.clear();
        self.values.clear();
        self.embeddings.clear();
        self.costs.clear();
        self.by_line = false;
    }

    /// The same for rows of a text file, with so many lines before the first row.
    pub(super) fn clear_for_lines(&mut self, header_lines: u64) {
        self.clear();
        self.by_line = true;
        self.header_lines = header_lines;
    }

    /// Begins a row with room for its values.
    pub(super) fn begin(&mut self, number: u64, layout: &Layout) {
        self.numbers.push(number);
        self.values.resize(self.values.len() + layout.width(), f64::NAN);
        self.embeddings.resize(self.embeddings.len() + layout.embedding.unwrap_or(0), f32::NAN);
        self.costs.resize(self.costs.len() + usize::from(layout.has_cost), f64::NAN);
    }

    /// Adds so many rows of a binary file from a number on; values and ids are filled in by others.
    pub(super) fn number(&mut self, first: u64, count: usize) {
        self.numbers.extend(first..first + count as u64);
    }

    /// Sets the id of the next row without one.
    pub(super) fn push_id(&mut self, id: &[u8]) {
        self.id_bytes.extend_from_slice(id);
        self.id_ends.push(self.id_bytes.len());
    }

    /// Adds a copy of a row of another batch; of how rows are told, nothing is copied.
    pub(super) fn push(&mut self, row: &Row<'_>) {
        self.numbers.push(row.number);
        self.push_id(row.id.as_bytes());
        self.values.extend_from_slice(row.values);
        self.embeddings.extend_from_slice(row.embedding);
        self.costs.extend(row.cost);
    }

    /// The number of the first row; 0 without any.
    pub(super) fn first_number(&self) -> u64 {
        self.numbers.first().copied().unwrap_or(0)
    }

    /// All ids that were set.
    pub(super) fn ids(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.id_ends.len()).map(|at| self.id(at))
    }

    /// Rows that were begun.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The rows.
    pub fn rows<'a>(&'a self, layout: &Layout) -> impl Iterator<Item = Row<'a>> {
        let (width, embedding) = (layout.width(), layout.embedding.unwrap_or(0));
        (0..self.len()).map(move |at| self.row(at, width, embedding))
    }

    /// One of the rows.
    pub(super) fn get(&self, at: usize, layout: &Layout) -> Row<'_> {
        self.row(at, layout.width(), layout.embedding.unwrap_or(0))
    }

    fn row(&self, at: usize, width: usize, embedding: usize) -> Row<'_> {
        Row {
            number: self.numbers[at],
            // `check` has seen that it is UTF-8.
            id: std::str::from_utf8(self.id(at)).unwrap_or_default(),
            values: &self.values[at * width..(at + 1) * width],
            embedding: &self.embeddings[at * embedding..(at + 1) * embedding],
            cost: self.costs.get(at).copied(),
        }
    }

    fn id(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.id_ends[at - 1] };
        &self.id_bytes[start..self.id_ends[at]]
    }

    /// How messages tell a row.
    pub(super) fn place(&self, at: usize) -> At {
        place(self.numbers[at], self.by_line, self.header_lines)
    }

    /// Looks at every row.
    pub(super) fn check(&self, layout: &Layout) -> Result<(), Fault> {
        let width = layout.width();
        for at in 0..self.len() {
            id_fault(self.id(at)).map_err(|problem| Fault::at(self.place(at), problem).column("id"))?;
            let values = &self.values[at * width..(at + 1) * width];
            value_fault(values, layout).map_err(|(column, problem)| {
                let fault = Fault::at(self.place(at), problem);
                if let Some(column) = column { fault.column(layout.column(column)) } else { fault.column("probabilities") }
            })?;
        }
        if let Some(bad) = self.embeddings.iter().position(|number| !number.is_finite()) {
            let at = bad / layout.embedding.unwrap_or(1);
            let problem = Problem::NotFinite(f64::from(self.embeddings[bad]));
            return Err(Fault::at(self.place(at), problem).column("embedding"));
        }
        if let Some(at) = self.costs.iter().position(|cost| !cost.is_finite() || *cost <= 0.0) {
            return Err(Fault::at(self.place(at), Problem::Cost(self.costs[at])).column("cost"));
        }
        Ok(())
    }
}

/// What numbers of a file are read into.
pub(super) trait Real: Copy {
    fn of_f32(number: f32) -> Self;
    fn of_f64(number: f64) -> Self;
}

impl Real for f64 {
    fn of_f32(number: f32) -> Self {
        number.into()
    }

    fn of_f64(number: f64) -> Self {
        number
    }
}

impl Real for f32 {
    fn of_f32(number: f32) -> Self {
        number
    }

    fn of_f64(number: f64) -> Self {
        number as Self
    }
}

/// The decimal digits of a number.
pub(super) fn digits(number: u64, room: &mut [u8; 20]) -> &[u8] {
    let (mut at, mut rest) = (room.len(), number);
    loop {
        at -= 1;
        room[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &room[at..];
        }
    }
}

/// How messages tell a row of a file.
pub(super) fn place(number: u64, by_line: bool, header_lines: u64) -> At {
    if by_line { At::Line(number + header_lines + 1) } else { At::Row(number) }
}

/// What is wrong with an id.
pub(super) fn id_fault(id: &[u8]) -> Result<(), Problem> {
    if id.is_empty() {
        return Err(Problem::Id("the id is empty; give each sample one".to_owned()));
    }
    if id.len() > MAX_ID {
        return Err(Problem::TooMany { what: "bytes of an id", found: id.len(), limit: MAX_ID });
    }
    if id.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    let Ok(text) = std::str::from_utf8(id) else { return Err(Problem::Encoding) };
    if text.contains(char::is_control) {
        let shown = shown(text);
        return Err(Problem::Id(format!("the id `{shown}` has a line break or another control character; take it out")));
    }
    Ok(())
}

fn value_fault(values: &[f64], layout: &Layout) -> Result<(), (Option<usize>, Problem)> {
    match &layout.kind {
        Kind::Probabilities(_) => probability_fault(values),
        Kind::Spread | Kind::Score => {
            if let Some(bad) = values.iter().position(|value| !value.is_finite()) {
                return Err((Some(bad), Problem::NotFinite(values[bad])));
            }
            match values.get(1) {
                Some(spread) if *spread < 0.0 => Err((Some(1), Problem::Spread(*spread))),
                Some(_) | None => Ok(()),
            }
        }
    }
}

fn probability_fault(values: &[f64]) -> Result<(), (Option<usize>, Problem)> {
    let sum: f64 = values.iter().sum();
    // Also where the sum is not finite.
    let adds_up = (sum - 1.0).abs() <= SUM_TOLERANCE;
    if adds_up && values.iter().all(|value| *value >= 0.0) {
        return Ok(());
    }
    if let Some(bad) = values.iter().position(|value| !value.is_finite()) {
        return Err((Some(bad), Problem::NotFinite(values[bad])));
    }
    if let Some(bad) = values.iter().position(|value| *value < 0.0 || *value > 1.0 + SUM_TOLERANCE) {
        return Err((Some(bad), Problem::NoProbability(values[bad])));
    }
    Err((None, Problem::Sum(sum)))
}
