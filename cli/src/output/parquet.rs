//! Tables as Parquet files: typed columns, compressed, written in groups of rows as they come.

use std::{io::Write, sync::Arc};

use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};

/// Rows that are held until they are written together.
const GROUP_ROWS: usize = 16_384;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Real numbers.
    Float,
    /// Whole numbers.
    Int,
    /// `true` and `false`.
    Bool,
    /// UTF-8.
    Text,
    /// Instants in UTC, microseconds since the epoch.
    Time,
}

/// A value of a row. One of another kind than its column's is written as none.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// None.
    Nothing,
    /// For [`Kind::Float`].
    Float(f64),
    /// For [`Kind::Int`] and [`Kind::Time`].
    Int(i64),
    /// For [`Kind::Bool`].
    Bool(bool),
    /// For [`Kind::Text`].
    Text(String),
}

/// A file that is being written.
pub struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    rows: Vec<Vec<Datum>>,
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file with these columns, all of which may lack values.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn new(target: W, columns: &[(String, Kind)]) -> Result<Self, ParquetError> {
        let fields = columns.iter().map(|(name, kind)| field(name, *kind)).collect::<Result<Vec<_>, _>>()?;
        let schema = Type::group_type_builder("trials").with_fields(fields).build()?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        Ok(Self { file: SerializedFileWriter::new(target, Arc::new(schema), Arc::new(properties))?, rows: Vec::new() })
    }

    /// Adds a row with one value per column.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, row: Vec<Datum>) -> Result<(), ParquetError> {
        self.rows.push(row);
        if self.rows.len() == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self) -> Result<(), ParquetError> {
        if !self.rows.is_empty() {
            self.write_group()?;
        }
        self.file.close().map(drop)
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        let mut group = self.file.next_row_group()?;
        let mut at = 0;
        while let Some(mut column) = group.next_column()? {
            write_column(column.untyped(), &rows, at)?;
            column.close()?;
            at += 1;
        }
        group.close().map(drop)
    }
}

fn field(name: &str, kind: Kind) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match kind {
        Kind::Float => (Physical::DOUBLE, None),
        Kind::Int => (Physical::INT64, None),
        Kind::Bool => (Physical::BOOLEAN, None),
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
    };
    let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    builder.with_logical_type(logical).build().map(Arc::new)
}

fn write_column(column: &mut ColumnWriter<'_>, rows: &[Vec<Datum>], at: usize) -> Result<(), ParquetError> {
    match column {
        ColumnWriter::DoubleColumnWriter(writer) => {
            let (values, there) = present(rows, at, |datum| if let Datum::Float(value) = datum { Some(*value) } else { None });
            writer.write_batch(&values, Some(&there), None)?;
        }
        ColumnWriter::Int64ColumnWriter(writer) => {
            let (values, there) = present(rows, at, |datum| if let Datum::Int(value) = datum { Some(*value) } else { None });
            writer.write_batch(&values, Some(&there), None)?;
        }
        ColumnWriter::BoolColumnWriter(writer) => {
            let (values, there) = present(rows, at, |datum| if let Datum::Bool(value) = datum { Some(*value) } else { None });
            writer.write_batch(&values, Some(&there), None)?;
        }
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let text = |datum: &Datum| if let Datum::Text(text) = datum { Some(ByteArray::from(text.as_str())) } else { None };
            let (values, there) = present(rows, at, text);
            writer.write_batch(&values, Some(&there), None)?;
        }
        ColumnWriter::Int32ColumnWriter(_)
        | ColumnWriter::Int96ColumnWriter(_)
        | ColumnWriter::FloatColumnWriter(_)
        | ColumnWriter::FixedLenByteArrayColumnWriter(_) => unreachable!("`field` makes no such column"),
    }
    Ok(())
}

/// Returns the values that are there, and for each row whether it has one.
fn present<T>(rows: &[Vec<Datum>], at: usize, read: impl Fn(&Datum) -> Option<T>) -> (Vec<T>, Vec<i16>) {
    let cells = rows.iter().map(|row| row.get(at).and_then(&read));
    let there = cells.clone().map(|cell| i16::from(cell.is_some())).collect();
    (cells.flatten().collect(), there)
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::*;

    fn written(rows: usize) -> SerializedFileReader<std::fs::File> {
        let columns = [
            ("number".to_owned(), Kind::Int),
            ("params.rate".to_owned(), Kind::Float),
            ("params.kind".to_owned(), Kind::Text),
            ("params.flag".to_owned(), Kind::Bool),
            ("started".to_owned(), Kind::Time),
        ];
        let mut file = tempfile::tempfile().expect("a file");
        let mut writer = Writer::new(&mut file, &columns).expect("a schema");
        for number in 0..rows as i64 {
            let text = if number % 3 == 0 { Datum::Nothing } else { Datum::Text(format!("ä{number}")) };
            let row =
                vec![Datum::Int(number), Datum::Float(number as f64 / 8.0), text, Datum::Bool(number % 2 == 0), Datum::Int(7)];
            writer.push(row).expect("written");
        }
        writer.finish().expect("finished");
        SerializedFileReader::new(file).expect("a Parquet file")
    }

    #[test]
    fn rows_come_back_with_their_types_over_several_groups() {
        let reader = written(GROUP_ROWS + 5);
        assert_eq!(reader.metadata().num_row_groups(), 2);
        for (number, row) in (0..).zip(reader.get_row_iter(None).expect("rows")) {
            let fields: Vec<Field> = row.expect("a row").get_column_iter().map(|(_, field)| field.clone()).collect();
            let text = if number % 3 == 0 { Field::Null } else { Field::Str(format!("ä{number}")) };
            let expected = [Field::Long(number), Field::Double(number as f64 / 8.0), text, Field::Bool(number % 2 == 0)];
            assert_eq!((&fields[..4], &fields[4]), (&expected[..], &Field::TimestampMicros(7)));
        }
    }

    #[test]
    fn a_file_without_rows_has_its_columns() {
        let reader = written(0);
        let schema = reader.metadata().file_metadata().schema_descr();
        assert_eq!((reader.metadata().file_metadata().num_rows(), schema.num_columns()), (0, 5));
    }
}
