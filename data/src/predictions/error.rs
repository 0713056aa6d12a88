//! What is wrong with a file of predictions, where, and the way out.

use std::{error::Error, fmt, io};

/// Bytes of a value of a file that a message shows at most.
const SHOWN: usize = 80;

/// Why a file of predictions cannot be used.
#[derive(Debug)]
pub struct PredictionError {
    /// The file, as its reader was told to call it.
    pub file: String,
    /// Where in the file.
    pub at: At,
    /// The column, field or part, where one is to blame.
    pub column: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The file as a whole, or its header.
    File,
    /// A line of a text file, from 1.
    Line(u64),
    /// A row of a binary file, from 0.
    Row(u64),
}

/// What is wrong. Each message ends with the way out.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The operating system refused.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// Keys of the ids found so far did not fit into memory, and not on the disk either.
    #[error("ids cannot be put aside in the folder for temporary files; make room there or set TMPDIR")]
    Temporary(#[source] io::Error),
    /// Nothing is in it, or nothing but a header.
    #[error("it has no rows; write one for each sample of the pool")]
    Empty,
    /// A JSON document that is no sequence of lines.
    #[error("it is one JSON array; write one object a line, without brackets and commas around them")]
    JsonArray,
    /// The file ends within a line or before its last rows.
    #[error("{0}; its writer did not finish, or it was copied only in part: write it anew")]
    Unfinished(String),
    /// Text that is not UTF-8.
    #[error("it is not UTF-8; write it with that encoding")]
    Encoding,
    /// A line beyond all measure.
    #[error("the line is longer than {0} bytes; write one row a line")]
    LongLine(usize),
    /// A quoted field with a line break in it.
    #[error("a quoted field does not end on its line; close the quote, and write ids with line breaks as JSON lines")]
    OpenQuote,
    /// What the parser of JSON or Parquet says, or the shape of an array.
    #[error("{0}")]
    Malformed(String),
    /// A column or field that no reader knows.
    #[error("there is no such column; {0}")]
    UnknownColumn(String),
    /// A column or field that is there twice.
    #[error("it is there twice; keep one")]
    Twice,
    /// A column or field that must be there.
    #[error("it is missing; {0}")]
    Missing(&'static str),
    /// A field of the first row that this row lacks.
    #[error("the row lacks it, and the first row has it; write the same fields in every row")]
    Lacking,
    /// A field that the first row does not have.
    #[error("the first row has no such field; write the same fields in every row")]
    Unexpected,
    /// Columns that contradict each other.
    #[error("{0}")]
    Columns(String),
    /// More or fewer values than the first row or the header has.
    #[error("it has {found} values, not {expected} as the {origin}; write the same number in every row")]
    Ragged {
        /// In this row.
        found: usize,
        /// Before.
        expected: usize,
        /// What says so: `header` or `first row`.
        origin: &'static str,
    },
    /// More classes, numbers of an embedding or bytes of an id than there may be.
    #[error("{found} {what} are more than the {limit} that are supported")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// As many.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Something else where a number belongs.
    #[error("`{}` is no number", shown(.0))]
    NoNumber(String),
    /// NaN or an infinity.
    #[error("`{0}` is not finite; find out why the model answers so, and leave such rows out")]
    NotFinite(f64),
    /// No value, as in an empty cell or a null.
    #[error("the value is empty; fill it, or leave the row out")]
    Null,
    /// Outside of 0 to 1.
    #[error("`{0}` is no probability; if these are logits, write their softmax")]
    NoProbability(f64),
    /// Probabilities of a row that are not those of one distribution.
    #[error("the probabilities add up to {0}, not 1; write the softmax over all classes, with enough digits")]
    Sum(f64),
    /// A spread below zero.
    #[error("`{0}` is below zero; write the standard deviation")]
    Spread(f64),
    /// A cost that is no cost.
    #[error("`{0}` is no cost; write a number above zero")]
    Cost(f64),
    /// An id that is none.
    #[error("{0}")]
    Id(String),
    /// Two rows with one id.
    #[error("the id `{}` is that of {first} already; give each sample one row", shown(.id))]
    DoubleId {
        /// The id.
        id: String,
        /// Where it was before.
        first: At,
    },
    /// A sample that another member of the committee has no prediction for.
    #[error("`{other}` has no row for the sample `{}`; write one in each file of the committee, or in none", shown(.id))]
    NoPartner {
        /// The sample.
        id: String,
        /// The file without it.
        other: String,
    },
    /// A member without what an acquisition function or another member needs.
    #[error("{0}")]
    Unfit(String),
}

/// A fault whose file is not yet named.
#[derive(Debug)]
pub(super) struct Fault {
    pub at: At,
    pub column: Option<String>,
    pub problem: Problem,
}

impl Fault {
    /// A fault of the file as a whole.
    pub fn file(problem: Problem) -> Self {
        Self { at: At::File, column: None, problem }
    }

    /// A fault at a place.
    pub fn at(at: At, problem: Problem) -> Self {
        Self { at, column: None, problem }
    }

    /// The same fault, of a column.
    #[must_use]
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }

    /// The error, with the file named.
    pub fn of(self, file: &str) -> PredictionError {
        PredictionError { file: file.to_owned(), at: self.at, column: self.column, problem: self.problem }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::file(Problem::Io(error))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("the file"),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

impl fmt::Display for PredictionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.file)?;
        if self.at != At::File {
            write!(f, ", {}", self.at)?;
        }
        if let Some(column) = &self.column {
            write!(f, ", `{}`", shown(column))?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl Error for PredictionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// A text of a file as messages show it: short, and without characters that could move the cursor.
pub(super) fn shown(text: &str) -> String {
    let mut end = text.len().min(SHOWN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let dots = if end < text.len() { "…" } else { "" };
    let plain = text[..end].chars().map(|at| if at.is_control() { '\u{fffd}' } else { at });
    plain.collect::<String>() + dots
}
