//! One column of a Parquet file, read some rows at a time into a batch.

use parquet::{
    basic::{LogicalType, Type},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type},
    schema::types::ColumnDescriptor,
};

use super::{Into, Source, damaged, in_row};
use crate::predictions::{
    batch::{Batch, Real},
    error::{Fault, Problem},
    layout::{Layout, Target},
};

/// A column and how far it is read.
pub(super) struct Column {
    name: String,
    into: Into,
    /// Definition level of a value that is there.
    whole: i16,
    reader: Values,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

/// A reader by the type of its values, with room for them.
enum Values {
    Float(ColumnReaderImpl<FloatType>, Vec<f32>),
    Double(ColumnReaderImpl<DoubleType>, Vec<f64>),
    Int(ColumnReaderImpl<Int32Type>, Vec<i32>, bool),
    Long(ColumnReaderImpl<Int64Type>, Vec<i64>, bool),
    Text(ColumnReaderImpl<ByteArrayType>, Vec<ByteArray>),
}

impl Column {
    /// Takes a reader over, if its type fits what the column is for.
    pub fn new(source: &Source, descriptor: &ColumnDescriptor, reader: ColumnReader) -> Result<Self, Fault> {
        let is_id = source.into == Into::One(Target::Id);
        let is_signed = !matches!(descriptor.logical_type_ref(), Some(LogicalType::Integer(kind)) if !kind.is_signed);
        let reader = match reader {
            ColumnReader::FloatColumnReader(reader) if !is_id => Values::Float(reader, Vec::new()),
            ColumnReader::DoubleColumnReader(reader) if !is_id => Values::Double(reader, Vec::new()),
            ColumnReader::Int32ColumnReader(reader) if is_plain(descriptor) => Values::Int(reader, Vec::new(), is_signed),
            ColumnReader::Int64ColumnReader(reader) if is_plain(descriptor) => Values::Long(reader, Vec::new(), is_signed),
            ColumnReader::ByteArrayColumnReader(reader) if is_id => Values::Text(reader, Vec::new()),
            _ => {
                let wanted = if is_id { "texts or whole numbers" } else { "32-bit or 64-bit numbers" };
                let message = format!("its type is {}; write {wanted}", type_text(descriptor));
                return Err(Fault::file(Problem::Columns(message)).column(&*source.name));
            }
        };
        Ok(Self {
            name: source.name.clone(),
            into: source.into,
            whole: descriptor.max_def_level(),
            reader,
            definitions: Vec::new(),
            repetitions: Vec::new(),
        })
    }

    /// Passes over so many rows.
    pub fn skip(&mut self, count: usize) -> Result<(), Fault> {
        let skipped = match &mut self.reader {
            Values::Float(reader, _) => reader.skip_records(count),
            Values::Double(reader, _) => reader.skip_records(count),
            Values::Int(reader, ..) => reader.skip_records(count),
            Values::Long(reader, ..) => reader.skip_records(count),
            Values::Text(reader, _) => reader.skip_records(count),
        };
        match skipped.map_err(|error| damaged(&error))? {
            skipped if skipped == count => Ok(()),
            _ => Err(self.too_short()),
        }
    }

    /// Reads so many rows into a batch of as many, the first of which has this number.
    pub fn read(&mut self, count: usize, layout: &Layout, batch: &mut Batch, first: u64) -> Result<(), Fault> {
        let levels = self.decode(count)?;
        match self.into {
            Into::One(Target::Id) => {
                self.no_gaps(levels, first)?;
                self.ids(batch);
                Ok(())
            }
            Into::One(Target::Value(place)) => {
                self.no_gaps(levels, first)?;
                self.scatter(&mut batch.values, layout.width(), place)
            }
            Into::One(Target::Embedding(place)) => {
                self.no_gaps(levels, first)?;
                self.scatter(&mut batch.embeddings, layout.embedding.unwrap_or(0), place)
            }
            Into::One(Target::Cost) => {
                self.no_gaps(levels, first)?;
                self.scatter(&mut batch.costs, 1, 0)
            }
            Into::Values => {
                self.even(levels, count, layout.width(), first)?;
                self.scatter(&mut batch.values, 1, 0)
            }
            Into::Embedding => {
                self.even(levels, count, layout.embedding.unwrap_or(0), first)?;
                self.scatter(&mut batch.embeddings, 1, 0)
            }
        }
    }

    /// How many numbers the list of the next row has, whose number this is.
    pub fn list_width(&mut self, row: u64) -> Result<usize, Fault> {
        let levels = self.decode(1)?;
        self.no_gaps(levels, row)?;
        Ok(levels)
    }

    /// Reads so many rows; answers how many levels they have.
    fn decode(&mut self, count: usize) -> Result<usize, Fault> {
        self.definitions.clear();
        self.repetitions.clear();
        let levels = (&mut self.definitions, &mut self.repetitions);
        let read = match &mut self.reader {
            Values::Float(reader, values) => decode(reader, count, levels, values),
            Values::Double(reader, values) => decode(reader, count, levels, values),
            Values::Int(reader, values, _) => decode(reader, count, levels, values),
            Values::Long(reader, values, _) => decode(reader, count, levels, values),
            Values::Text(reader, values) => decode(reader, count, levels, values),
        };
        match read.map_err(|error| damaged(&error))? {
            (rows, levels) if rows == count => Ok(levels),
            _ => Err(self.too_short()),
        }
    }

    fn values(&self) -> usize {
        match &self.reader {
            Values::Float(_, values) => values.len(),
            Values::Double(_, values) => values.len(),
            Values::Int(_, values, _) => values.len(),
            Values::Long(_, values, _) => values.len(),
            Values::Text(_, values) => values.len(),
        }
    }

    /// Whether there is a value at each level.
    fn no_gaps(&self, levels: usize, first: u64) -> Result<(), Fault> {
        if self.values() == levels {
            return Ok(());
        }
        let gap = self.definitions.iter().position(|level| *level != self.whole).unwrap_or_default();
        let row = if self.repetitions.is_empty() {
            gap
        } else {
            self.repetitions[..=gap].iter().filter(|level| **level == 0).count() - 1
        };
        Err(in_row(first + row as u64, &self.name, Problem::Null))
    }

    /// Whether each of the lists has as many numbers as the first row's.
    fn even(&self, levels: usize, count: usize, expected: usize, first: u64) -> Result<(), Fault> {
        let starts = self.repetitions.iter().enumerate().filter(|(_, level)| **level == 0).map(|(at, _)| at);
        let ends = starts.clone().skip(1).chain([levels]);
        for (row, (start, end)) in starts.zip(ends).take(count).enumerate() {
            let is_empty = end == start + 1 && self.definitions[start] != self.whole;
            let found = if is_empty { 0 } else { end - start };
            if found != expected {
                let problem = Problem::Ragged { found, expected, origin: "first row" };
                return Err(in_row(first + row as u64, &self.name, problem));
            }
        }
        self.no_gaps(levels, first)
    }

    fn ids(&self, batch: &mut Batch) {
        let mut number = |digits: String| batch.push_id(digits.as_bytes());
        match &self.reader {
            Values::Int(_, values, true) => values.iter().for_each(|id| number(id.to_string())),
            Values::Int(_, values, false) => values.iter().for_each(|id| number((*id as u32).to_string())),
            Values::Long(_, values, true) => values.iter().for_each(|id| number(id.to_string())),
            Values::Long(_, values, false) => values.iter().for_each(|id| number((*id as u64).to_string())),
            Values::Text(_, values) => values.iter().for_each(|id| batch.push_id(id.data())),
            // `new` has refused them.
            Values::Float(..) | Values::Double(..) => {}
        }
    }

    /// Puts the values at a place of each row.
    fn scatter<T: Real>(&self, into: &mut [T], width: usize, place: usize) -> Result<(), Fault> {
        let places = into.iter_mut().skip(place).step_by(width);
        match &self.reader {
            Values::Float(_, values) => places.zip(values).for_each(|(to, value)| *to = T::of_f32(*value)),
            Values::Double(_, values) => places.zip(values).for_each(|(to, value)| *to = T::of_f64(*value)),
            Values::Int(_, values, _) => places.zip(values).for_each(|(to, value)| *to = T::of_f64((*value).into())),
            Values::Long(_, values, _) => places.zip(values).for_each(|(to, value)| *to = T::of_f64(*value as f64)),
            Values::Text(..) => return Err(self.too_short()),
        }
        Ok(())
    }

    fn too_short(&self) -> Fault {
        let what = "it has fewer rows than the file says".to_owned();
        Fault::file(Problem::Unfinished(what)).column(&*self.name)
    }
}

/// Rows and levels that were read.
fn decode<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    count: usize,
    (definitions, repetitions): (&mut Vec<i16>, &mut Vec<i16>),
    values: &mut Vec<T::T>,
) -> parquet::errors::Result<(usize, usize)> {
    values.clear();
    let (rows, _, levels) = reader.read_records(count, Some(definitions), Some(repetitions), values)?;
    Ok((rows, levels))
}

/// Whole numbers, and not days, times or decimals that are stored as such.
fn is_plain(descriptor: &ColumnDescriptor) -> bool {
    matches!(descriptor.logical_type_ref(), None | Some(LogicalType::Integer(_)))
}

fn type_text(descriptor: &ColumnDescriptor) -> String {
    let physical: Type = descriptor.physical_type();
    match descriptor.logical_type_ref() {
        Some(logical) => format!("{logical:?}"),
        None => physical.to_string(),
    }
}
