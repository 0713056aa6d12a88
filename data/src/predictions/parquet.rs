//! Predictions as Parquet: flat columns as in CSV, or lists of numbers.

mod column;
mod file;

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use parquet::{
    basic::Compression,
    errors::ParquetError,
    file::{
        metadata::ParquetMetaData,
        reader::{FileReader as _, RowGroupReader},
        serialized_reader::SerializedFileReader,
    },
    schema::types::ColumnDescriptor,
};

use self::{column::Column, file::PositionedFile};
use super::{
    batch::Batch,
    error::{At, Fault, Problem},
    file::Wanted,
    layout::{Fields, Layout, Target, nearest},
};

/// Numbers that are read at once.
const BATCH_NUMBERS: usize = 1 << 18;
/// Rows that are read at once, at most.
const BATCH_ROWS: usize = 16_384;

/// A file of predictions.
pub(super) struct ParquetFile {
    reader: SerializedFileReader<PositionedFile>,
    columns: Vec<Source>,
}

/// A column that is read, and where its values go.
#[derive(Clone, Debug)]
struct Source {
    /// Its number in the file.
    leaf: usize,
    name: String,
    into: Into,
}

/// Where the values of a column go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Into {
    One(Target),
    /// A list, to all places of the prediction.
    Values,
    /// A list, to all places of the embedding.
    Embedding,
}

/// Some rows of a row group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    group: usize,
    /// Rows of the file before the group.
    group_first: u64,
    /// Rows of the group before these.
    skip: usize,
    count: usize,
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetFile").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl ParquetFile {
    /// Opens a file and reads what its columns are.
    pub fn open(path: &Path) -> Result<(Self, Layout), Fault> {
        let file = PositionedFile::new(File::open(path)?)?;
        unharmed(|| {
            let reader = SerializedFileReader::new(file).map_err(|error| damaged(&error))?;
            compressions(reader.metadata())?;
            let (columns, mut fields) = columns(reader.metadata())?;
            let file = Self { reader, columns };
            let Some(first) = file.pieces(1).into_iter().next() else { return Err(Fault::file(Problem::Empty)) };
            fields.list = file.list_width(Into::Values, first)?;
            fields.embedding_list = file.list_width(Into::Embedding, first)?;
            let layout = fields.layout()?;
            if !fields.has_id {
                return Err(Fault::file(Problem::Missing("each row names its sample")).column("id"));
            }
            Ok((file, layout))
        })
    }

    /// Rows of the file.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.reader.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Cuts the rows into pieces for so many threads.
    pub fn pieces(&self, threads: usize) -> Vec<Piece> {
        let metadata = self.reader.metadata();
        let per_group = (2 * threads).div_ceil(metadata.num_row_groups().max(1));
        let mut pieces = Vec::new();
        let mut group_first = 0;
        for (group, rows) in metadata.row_groups().iter().map(|group| group.num_rows()).enumerate() {
            let rows = usize::try_from(rows).unwrap_or(0);
            let count = rows.div_ceil(per_group).max(BATCH_ROWS);
            let parts = (0..rows).step_by(count);
            pieces.extend(parts.map(|skip| Piece { group, group_first, skip, count: count.min(rows - skip) }));
            group_first += rows as u64;
        }
        pieces
    }

    /// Reads the rows of a piece for which `wanted` holds, given their ids, and hands them on batch by batch.
    pub fn parse(
        &self,
        piece: Piece,
        layout: &Layout,
        wanted: Wanted<'_>,
        visit: &mut dyn FnMut(&mut Batch) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        unharmed(|| self.parse_piece(piece, layout, wanted, visit))
    }

    fn parse_piece(
        &self,
        piece: Piece,
        layout: &Layout,
        wanted: Wanted<'_>,
        visit: &mut dyn FnMut(&mut Batch) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let numbers = layout.width() + layout.embedding.unwrap_or(0);
        let step = (BATCH_NUMBERS / numbers).clamp(1, BATCH_ROWS);
        let mut columns = self.columns_at(piece)?;
        let (mut batch, mut scratch) = (Batch::default(), Batch::default());
        for skip in (0..piece.count).step_by(step) {
            let count = step.min(piece.count - skip);
            let first = piece.group_first + (piece.skip + skip) as u64;
            match wanted {
                None => {
                    begin(&mut batch, layout, first, count);
                    columns.iter_mut().try_for_each(|column| column.read(count, layout, &mut batch, first))?;
                    visit(&mut batch)?;
                }
                Some(wanted) => {
                    begin(&mut scratch, layout, first, count);
                    if read_wanted(&mut columns, count, layout, &mut scratch, wanted)? {
                        batch.clear();
                        scratch.rows(layout).filter(|row| wanted(row.id.as_bytes())).for_each(|row| batch.push(&row));
                        visit(&mut batch)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The columns, each of them at the first row of a piece; ids before all others.
    fn columns_at(&self, piece: Piece) -> Result<Vec<Column>, Fault> {
        let group = self.reader.get_row_group(piece.group).map_err(|error| damaged(&error))?;
        let columns = self.columns.iter().map(|source| self.column_at(source, &*group, piece.skip));
        columns.collect()
    }

    fn column_at(&self, source: &Source, group: &dyn RowGroupReader, skip: usize) -> Result<Column, Fault> {
        let descriptor = self.reader.metadata().file_metadata().schema_descr().column(source.leaf);
        let reader = group.get_column_reader(source.leaf).map_err(|error| damaged(&error))?;
        let mut column = Column::new(source, &descriptor, reader)?;
        column.skip(skip)?;
        Ok(column)
    }

    /// How many numbers the list of the first row has.
    fn list_width(&self, into: Into, first: Piece) -> Result<Option<usize>, Fault> {
        let Some(source) = self.columns.iter().find(|source| source.into == into) else { return Ok(None) };
        let group = self.reader.get_row_group(first.group).map_err(|error| damaged(&error))?;
        self.column_at(source, &*group, 0)?.list_width(first.group_first).map(Some)
    }
}

fn begin(batch: &mut Batch, layout: &Layout, first: u64, count: usize) {
    batch.clear();
    batch.number(first, count);
    batch.values.resize(count * layout.width(), f64::NAN);
    batch.embeddings.resize(count * layout.embedding.unwrap_or(0), f32::NAN);
    batch.costs.resize(count * usize::from(layout.has_cost), f64::NAN);
}

/// Reads ids, and all else only where one of them is wanted. Answers whether one is.
fn read_wanted(
    columns: &mut [Column],
    count: usize,
    layout: &Layout,
    batch: &mut Batch,
    wanted: &dyn Fn(&[u8]) -> bool,
) -> Result<bool, Fault> {
    let first = batch.first_number();
    let mut is_wanted = false;
    for (place, column) in columns.iter_mut().enumerate() {
        if place == 0 || is_wanted {
            column.read(count, layout, batch, first)?;
            is_wanted = is_wanted || batch.ids().any(wanted);
        } else {
            column.skip(count)?;
        }
    }
    Ok(is_wanted)
}

/// What the columns of a file are; ids come first.
fn columns(metadata: &ParquetMetaData) -> Result<(Vec<Source>, Fields), Fault> {
    let schema = metadata.file_metadata().schema_descr();
    let (mut columns, mut fields) = (Vec::<Source>::new(), Fields::default());
    for leaf in 0..schema.num_columns() {
        let descriptor = schema.column(leaf);
        let name = schema.get_column_root(leaf).name().to_owned();
        let into = match descriptor.path().parts().len() {
            1 if descriptor.max_rep_level() == 0 => Into::One(fields.flat(&name)?),
            _ => {
                let into = list(&name, &descriptor)?;
                if columns.iter().any(|known| known.into == into) {
                    return Err(Fault::file(Problem::Twice).column(name));
                }
                into
            }
        };
        let place = if into == Into::One(Target::Id) { 0 } else { columns.len() };
        columns.insert(place, Source { leaf, name, into });
    }
    Ok((columns, fields))
}

fn list(name: &str, descriptor: &ColumnDescriptor) -> Result<Into, Fault> {
    let into = match name {
        "probabilities" => Into::Values,
        "embedding" => Into::Embedding,
        _ => return Err(Fault::file(Problem::UnknownColumn(nearest(name))).column(name)),
    };
    if descriptor.max_rep_level() != 1 {
        let message = "it is no list of numbers; write one, or flat columns such as `p_0` or `p:CLASS`".to_owned();
        return Err(Fault::file(Problem::Columns(message)).column(name));
    }
    Ok(into)
}

/// Whether this build can read what the columns are compressed with.
fn compressions(metadata: &ParquetMetaData) -> Result<(), Fault> {
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        match column.compression() {
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) => {}
            other => {
                let codec = other.to_string();
                let codec = codec.split('(').next().unwrap_or_default();
                let message = format!("it is compressed with {codec}; write it with `compression='zstd'` or `'snappy'`");
                return Err(Fault::file(Problem::Malformed(message)));
            }
        }
    }
    Ok(())
}

fn damaged(error: &ParquetError) -> Fault {
    Fault::file(Problem::Malformed(format!("it is no whole Parquet file ({error}); write it anew")))
}

/// The library gives up with a panic on some damaged files.
fn unharmed<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(damaged(&ParquetError::General("damaged page".to_owned()))))
}

/// A fault of a row of a column.
fn in_row(row: u64, column: &str, problem: Problem) -> Fault {
    Fault::at(At::Row(row), problem).column(column)
}
