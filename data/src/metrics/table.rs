//! Values as CSV: a header line, then lines with a step and values, of which any may be empty.

use super::{Names, Row, push, renamed};

/// What libraries call the column with the step, the most wanted first. None of these is a value.
const STEPS: [&str; 8] =
    ["step", "_step", "global_step", "trainer/global_step", "epoch", "training_iteration", "iteration", "iter"];
/// A longer line is none of values.
const LINE_LIMIT: usize = 1 << 20;
/// Written between cells; the first one is taken where the header has none.
const SEPARATORS: [u8; 3] = [b',', b'\t', b';'];

/// Reads a CSV piece by piece.
#[derive(Debug)]
pub struct Table {
    /// The column that was asked for.
    step: Option<String>,
    header: Option<Header>,
    /// What is not yet a whole line.
    pending: Vec<u8>,
    /// The first bytes of that are within quotes.
    quoted: bool,
    /// Of `pending`, so much was searched for an end.
    searched: usize,
    /// Lines of values so far.
    lines: u64,
    /// Nothing can be read.
    is_over: bool,
}

#[derive(Debug)]
struct Header {
    separator: u8,
    names: Vec<String>,
    step: Option<usize>,
}

impl Table {
    /// Starts with nothing read; `step` names the column with the step.
    #[must_use]
    pub fn new(step: Option<&str>) -> Self {
        let step = step.map(str::to_owned);
        Self { step, header: None, pending: Vec::new(), quoted: false, searched: 0, lines: 0, is_over: false }
    }

    /// Takes the next bytes of the file. The values of whole lines come into `rows`, and what makes no sense, for
    /// people, into `problems`. Half a line at the end waits for its rest.
    pub fn feed(&mut self, bytes: &[u8], names: &Names, rows: &mut Vec<Row>, problems: &mut Vec<String>) {
        if self.is_over {
            return;
        }
        self.pending.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(end) = self.next_end() {
            let line = self.pending[start..end].to_vec();
            self.line(&line, names, rows, problems);
            start = end;
        }
        self.pending.drain(..start);
        self.searched -= start;
        if self.pending.len() > LINE_LIMIT {
            self.is_over = true;
            self.pending = Vec::new();
            problems
                .push(format!("line {} is longer than {LINE_LIMIT} bytes, so nothing from there on can be read", self.number()));
        }
    }

    /// The file has ended: a last line without an end is one too.
    pub fn finish(&mut self, names: &Names, rows: &mut Vec<Row>, problems: &mut Vec<String>) {
        let line = std::mem::take(&mut self.pending);
        self.searched = 0;
        if !line.is_empty() {
            self.line(&line, names, rows, problems);
        }
    }

    /// The end of the next line that is not within quotes, behind what was searched.
    fn next_end(&mut self) -> Option<usize> {
        for (at, byte) in self.pending.iter().enumerate().skip(self.searched) {
            match byte {
                b'"' => self.quoted = !self.quoted,
                b'\n' if !self.quoted => {
                    self.searched = at + 1;
                    return Some(at + 1);
                }
                _ => {}
            }
        }
        self.searched = self.pending.len();
        None
    }

    /// The number of the line that comes next, from 1.
    fn number(&self) -> u64 {
        self.lines + 1 + u64::from(self.header.is_some())
    }

    fn line(&mut self, line: &[u8], names: &Names, rows: &mut Vec<Row>, problems: &mut Vec<String>) {
        if self.is_over || line.trim_ascii().is_empty() {
            return;
        }
        let number = self.number();
        let Some(header) = &self.header else {
            match Header::parse(line, self.step.as_deref()) {
                Ok(header) => self.header = Some(header),
                Err(problem) => {
                    self.is_over = true;
                    problems.push(problem);
                }
            }
            return;
        };
        let at = self.lines;
        self.lines += 1;
        let cells = cells(line, header.separator);
        match header.step_of(&cells, at) {
            Ok(Some(step)) => header.values(&cells, step, names, rows),
            Ok(None) => {}
            Err(problem) => problems.push(format!("line {number} is left out: {problem}")),
        }
    }
}

impl Header {
    /// Reads the first line of a file.
    fn parse(line: &[u8], wanted: Option<&str>) -> Result<Self, String> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let has = |separator: &&u8| line.contains(separator);
        let separator = SEPARATORS.iter().find(has).copied().unwrap_or(SEPARATORS[0]);
        let names = cells(line, separator);
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let step = match wanted {
            Some(wanted) => Some(place(wanted).ok_or_else(|| no_step(wanted, &names))?),
            None => STEPS.iter().find_map(|step| place(step)),
        };
        Ok(Self { separator, names, step })
    }

    /// The step of a line, `None` where its cell is empty; without a column the line's own number.
    fn step_of(&self, cells: &[String], line: u64) -> Result<Option<i64>, String> {
        let Some(at) = self.step else { return Ok(i64::try_from(line).ok()) };
        match cells.get(at).map(String::as_str).unwrap_or_default() {
            "" => Ok(None),
            text => whole(text).map(Some).ok_or_else(|| format!("its `{}` is `{text}`, not a whole number", self.names[at])),
        }
    }

    fn values(&self, cells: &[String], step: i64, names: &Names, rows: &mut Vec<Row>) {
        let mut line = Vec::new();
        for (at, (name, cell)) in self.names.iter().zip(cells).enumerate() {
            // Who asks for a column of steps by name wants it as a value too.
            let is_value = Some(at) != self.step && !STEPS.contains(&name.as_str());
            let wanted = renamed(name, names).filter(|_| is_value || names.contains_key(name));
            if let (Some(name), Ok(number)) = (wanted, cell.parse()) {
                push(&mut line, step, name, number);
            }
        }
        rows.append(&mut line);
    }
}

fn no_step(wanted: &str, names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("it has no column `{wanted}` for the step; it has {}", names.join(", "))
}

/// A whole number, also written as `3.0`.
fn whole(text: &str) -> Option<i64> {
    let float = || text.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && number.abs() < 1e15);
    text.parse().ok().or_else(|| float().map(|number| number as i64))
}

fn cells(line: &[u8], separator: u8) -> Vec<String> {
    let mut builder = csv::ReaderBuilder::new();
    let mut reader = builder.has_headers(false).flexible(true).delimiter(separator).trim(csv::Trim::All).from_reader(line);
    let mut record = csv::ByteRecord::new();
    match reader.read_byte_record(&mut record) {
        Ok(true) => record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect(),
        Ok(false) | Err(_) => Vec::new(),
    }
}
