//! Predictions as CSV: a header line, then a row a line.

use csv::{ByteRecord, ReaderBuilder};

use super::{
    batch::Batch,
    error::{At, Fault, Problem},
    file::Wanted,
    layout::{Fields, Layout, Target},
    lines::{Chunk, is_unfinished},
};

/// What the columns of a file hold.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    names: Vec<String>,
    targets: Vec<Target>,
    id: usize,
}

/// Reads the header.
pub(super) fn header(line: &[u8]) -> Result<(Columns, Layout), Fault> {
    let mut record = ByteRecord::new();
    let mut reader = ReaderBuilder::new().has_headers(false).from_reader(line);
    reader.read_byte_record(&mut record).map_err(|error| malformed(1, &error))?;
    let mut names = Vec::new();
    for name in &record {
        let name = std::str::from_utf8(name).map_err(|_| Fault::at(At::Line(1), Problem::Encoding))?;
        names.push(name.trim().to_owned());
    }
    let mut fields = Fields::default();
    let targets = names.iter().map(|name| fields.flat(name)).collect::<Result<Vec<_>, _>>().map_err(in_header)?;
    let layout = fields.layout().map_err(in_header)?;
    let Some(id) = targets.iter().position(|target| *target == Target::Id) else {
        return Err(in_header(Fault::file(Problem::Missing("the header names the columns, one of them `id`")).column("id")));
    };
    Ok((Columns { names, targets, id }, layout))
}

fn in_header(fault: Fault) -> Fault {
    Fault { at: At::Line(1), ..fault }
}

/// Reads the rows of a chunk for which `wanted` holds, given their ids.
pub(super) fn parse(
    chunk: &Chunk,
    (columns, layout): (&Columns, &Layout),
    wanted: Wanted<'_>,
    batch: &mut Batch,
) -> Result<(), Fault> {
    batch.clear_for_lines(1);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&chunk.bytes[..]);
    let mut record = ByteRecord::new();
    let mut last = 0;
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(malformed(chunk.lines_before + 1, &error)),
        }
        let number = line_of(&record, chunk);
        last = number;
        if wanted.is_none_or(|wanted| wanted(record.get(columns.id).unwrap_or_default())) {
            row(&record, number, columns, layout, batch)?;
        }
    }
    if is_unfinished(chunk) && !chunk.bytes.is_empty() {
        let what = "the last line has no line end, so it may be cut off".to_owned();
        return Err(Fault::at(At::Line(last + 1), Problem::Unfinished(what)));
    }
    Ok(())
}

/// Lines of the file before a record.
fn line_of(record: &ByteRecord, chunk: &Chunk) -> u64 {
    chunk.lines_before + record.position().map_or(0, |position| position.line() - 1)
}

fn row(record: &ByteRecord, before: u64, columns: &Columns, layout: &Layout, batch: &mut Batch) -> Result<(), Fault> {
    let at = At::Line(before + 1);
    if record.as_slice().contains(&b'\n') {
        return Err(Fault::at(at, Problem::OpenQuote));
    }
    if record.len() != columns.targets.len() {
        let (found, expected) = (record.len(), columns.targets.len());
        return Err(Fault::at(at, Problem::Ragged { found, expected, origin: "header" }));
    }
    // The header is line 0 before any other.
    batch.begin(before - 1, layout);
    let (values, embeddings) = (batch.values.len() - layout.width(), batch.embeddings.len() - layout.embedding.unwrap_or(0));
    for (column, (field, target)) in record.iter().zip(&columns.targets).enumerate() {
        let fault = |problem| Fault::at(at, problem).column(columns.names[column].as_str());
        match target {
            Target::Id => batch.push_id(field),
            Target::Value(place) => batch.values[values + place] = number(field).map_err(fault)?,
            Target::Embedding(place) => batch.embeddings[embeddings + place] = number(field).map_err(fault)? as f32,
            Target::Cost => {
                let cost = number(field).map_err(fault)?;
                if let Some(last) = batch.costs.last_mut() {
                    *last = cost;
                }
            }
        }
    }
    Ok(())
}

/// Reads a number as other programs write it, blanks around it included.
fn number(field: &[u8]) -> Result<f64, Problem> {
    let Ok(text) = std::str::from_utf8(field) else { return Err(Problem::Encoding) };
    match text.trim().parse() {
        Ok(number) => Ok(number),
        Err(_) if text.trim().is_empty() => Err(Problem::Null),
        Err(_) => Err(Problem::NoNumber(text.to_owned())),
    }
}

fn malformed(line: u64, error: &csv::Error) -> Fault {
    Fault::at(At::Line(line), Problem::Malformed(format!("{error}; write it as CSV")))
}
