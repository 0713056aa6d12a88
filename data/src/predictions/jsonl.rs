//! Predictions as JSON lines: an object a line, with the same fields in all of them.

mod first;
mod row;

use serde::de::DeserializeSeed as _;

use self::row::{IdOnly, RowSeed};
use super::{
    batch::Batch,
    error::{At, Fault, Problem},
    file::Wanted,
    layout::Layout,
    lines::{Chunk, is_unfinished, lines},
};

/// What the rows of a file hold, by its first line.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// What every row has.
    pub layout: Layout,
    /// Whether `probabilities` are an object, with the names of classes; else a list.
    pub by_name: bool,
}

/// Reads the first line.
pub(super) fn shape(line: &[u8], before: u64) -> Result<Shape, Fault> {
    let at = At::Line(before + 1);
    let text = std::str::from_utf8(line).map_err(|_| Fault::at(at, Problem::Encoding))?;
    let mut fault = None;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let shape = first::FirstSeed { fault: &mut fault }.deserialize(&mut deserializer);
    match (fault, shape.and_then(|shape| deserializer.end().map(|()| shape))) {
        (Some(fault), _) => Err(Fault { at, ..fault }),
        (None, Ok(shape)) => Ok(shape),
        (None, Err(error)) => Err(malformed(at, text, &error)),
    }
}

/// Reads the rows of a chunk for which `wanted` holds, given their ids; all of them where it is `None`.
pub(super) fn parse(chunk: &Chunk, shape: &Shape, wanted: Wanted<'_>, batch: &mut Batch) -> Result<(), Fault> {
    batch.clear_for_lines(0);
    for (before, line) in lines(chunk) {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let at = At::Line(before + 1);
        let text = std::str::from_utf8(line).map_err(|_| Fault::at(at, Problem::Encoding))?;
        let is_last = is_unfinished(chunk) && std::ptr::eq(line.as_ptr_range().end, chunk.bytes.as_ptr_range().end);
        parse_line(text, (before, is_last), shape, wanted, batch)?;
    }
    Ok(())
}

fn parse_line(
    text: &str,
    (before, is_last): (u64, bool),
    shape: &Shape,
    wanted: Wanted<'_>,
    batch: &mut Batch,
) -> Result<(), Fault> {
    let at = At::Line(before + 1);
    if let Some(wanted) = wanted {
        match serde_json::from_str::<IdOnly>(text) {
            Ok(id) if !id.0.as_deref().is_some_and(wanted) => return Ok(()),
            // What is wrong with it shows below.
            Ok(_) | Err(_) => {}
        }
    }
    let mut fault = None;
    batch.begin(before, &shape.layout);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = RowSeed { shape, batch, fault: &mut fault }.deserialize(&mut deserializer);
    match (fault, read.and_then(|()| deserializer.end())) {
        (Some(fault), _) => Err(Fault { at, ..fault }),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) if is_last && error.is_eof() => {
            Err(Fault::at(at, Problem::Unfinished("the last line ends in the middle of its object".to_owned())))
        }
        (None, Err(error)) => Err(malformed(at, text, &error)),
    }
}

/// Python's `json` writes numbers that are not finite in a way that is no JSON.
fn malformed(at: At, text: &str, error: &serde_json::Error) -> Fault {
    let start = error.column().saturating_sub(1);
    let near = text.get(start.saturating_sub(1)..).unwrap_or_default().trim_start_matches([' ', ',', '[', ':']);
    for (word, number) in [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)] {
        if near.starts_with(word) || text.get(start.saturating_sub(word.len())..).is_some_and(|near| near.starts_with(word)) {
            return Fault::at(at, Problem::NotFinite(number));
        }
    }
    // The line is told already; the parser counts lines within it.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    let what = format!("{message} at character {}; write one JSON object a line", error.column());
    Fault::at(at, Problem::Malformed(what))
}
