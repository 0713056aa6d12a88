//! One array of NumPy in a file (format 1.0 to 3.0), read in parts.

use std::{fs::File, io, os::unix::fs::FileExt as _, path::Path};

use crate::predictions::{
    batch::Real,
    error::{Fault, Problem, shown},
};

/// The first bytes of every such file.
pub(in crate::predictions) const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Bytes of a header at most; NumPy itself writes 118.
const MAX_HEADER: usize = 64 << 10;

/// Numbers of a row at most; what they are sets a closer limit.
const MAX_WIDTH: usize = 1 << 20;

/// An array of one or two dimensions.
#[derive(Debug)]
pub(super) struct Array {
    file: File,
    /// Where its first number lies.
    start: u64,
    item: Item,
    pub rows: u64,
    /// Numbers of a row; `None`: one dimension, so one.
    pub width: Option<usize>,
}

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    F32,
    F64,
}

impl Array {
    /// Opens a file and reads its header.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let (header, start) = header(&file)?;
        let (item, shape) = parse(&header)?;
        let (rows, width) = match shape[..] {
            [rows] => (rows, None),
            [rows, width] => (rows, Some(width)),
            _ => return Err(malformed(format!("it has {} dimensions; save an array of two, samples and classes", shape.len()))),
        };
        let width = width.map(|width| usize::try_from(width).ok().filter(|width| *width <= MAX_WIDTH).ok_or(width)).transpose();
        let width = width.map_err(|width| malformed(format!("{width} numbers a row are too many; save samples as rows")))?;
        let array = Self { file, start, item, rows, width };
        let wanted = (array.row_bytes() as u64).checked_mul(rows).and_then(|data| data.checked_add(start));
        match wanted {
            Some(wanted) if wanted == bytes => Ok(array),
            Some(wanted) if wanted < bytes => {
                let more = bytes - wanted;
                Err(malformed(format!("{more} bytes follow the last row; save one array a file, with `numpy.save`")))
            }
            Some(_) | None => {
                let whole = bytes.saturating_sub(start) / array.row_bytes().max(1) as u64;
                Err(Fault::file(Problem::Unfinished(format!("it ends after {whole} of {rows} rows"))))
            }
        }
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.item.bytes() * self.width.unwrap_or(1)
    }

    /// Appends the numbers of some rows.
    pub fn read<T: Real>(&self, first: u64, count: usize, into: &mut Vec<T>) -> Result<(), Fault> {
        let mut bytes = vec![0; count * self.row_bytes()];
        self.file.read_exact_at(&mut bytes, self.start + first * self.row_bytes() as u64).map_err(|error| {
            match error.kind() {
                io::ErrorKind::UnexpectedEof => Fault::file(Problem::Unfinished("it was cut short meanwhile".to_owned())),
                _ => error.into(),
            }
        })?;
        match self.item {
            Item::F32 => into.extend(bytes.as_chunks().0.iter().map(|item| T::of_f32(f32::from_le_bytes(*item)))),
            Item::F64 => into.extend(bytes.as_chunks().0.iter().map(|item| T::of_f64(f64::from_le_bytes(*item)))),
        }
        Ok(())
    }
}

impl Item {
    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// The text of the header, and where the numbers begin.
fn header(file: &File) -> Result<(String, u64), Fault> {
    let mut fixed = [0; 12];
    read_at(file, &mut fixed[..10], 0)?;
    if &fixed[..6] != MAGIC {
        return Err(malformed("it is no array of NumPy; write it with `numpy.save`".to_owned()));
    }
    let (length, start) = match fixed[6] {
        1 => (usize::from(u16::from_le_bytes([fixed[8], fixed[9]])), 10),
        2 | 3 => {
            read_at(file, &mut fixed, 0)?;
            let length = u32::from_le_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]);
            (usize::try_from(length).unwrap_or(usize::MAX), 12)
        }
        version => return Err(malformed(format!("its format is {version}; this build reads 1 to 3: use `numpy.save`"))),
    };
    if length > MAX_HEADER {
        return Err(malformed("its header is too long; save a plain array of numbers".to_owned()));
    }
    let mut text = vec![0; length];
    read_at(file, &mut text, start)?;
    let text = String::from_utf8(text).map_err(|_| malformed("its header is not text; save it anew".to_owned()))?;
    Ok((text, start + length as u64))
}

fn read_at(file: &File, into: &mut [u8], at: u64) -> Result<(), Fault> {
    file.read_exact_at(into, at).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Fault::file(Problem::Unfinished("it ends within its header".to_owned())),
        _ => error.into(),
    })
}

/// Reads a header as NumPy writes it: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }`.
fn parse(header: &str) -> Result<(Item, Vec<u64>), Fault> {
    let damaged = || malformed(format!("its header `{}` cannot be read; save it anew", shown(header.trim())));
    let item = match entry(header, "descr").ok_or_else(damaged)? {
        rest if rest.starts_with("'<f4'") => Item::F32,
        rest if rest.starts_with("'<f8'") => Item::F64,
        rest => {
            let kind = rest.split('\'').nth(1).filter(|_| rest.starts_with('\'')).unwrap_or("a structure");
            let message = format!("its numbers are of type `{}`; save them with `.astype('<f4')` or `'<f8'`", shown(kind));
            return Err(malformed(message));
        }
    };
    match entry(header, "fortran_order").ok_or_else(damaged)? {
        rest if rest.starts_with("False") => {}
        rest if rest.starts_with("True") => {
            return Err(malformed("it is stored column by column; save `numpy.ascontiguousarray(array)`".to_owned()));
        }
        _ => return Err(damaged()),
    }
    let shape = entry(header, "shape").and_then(|rest| rest.strip_prefix('(')?.split_once(')')).ok_or_else(damaged)?.0;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let sizes: Option<Vec<u64>> = sizes.map(|size| size.parse().ok()).collect();
    Ok((item, sizes.ok_or_else(damaged)?))
}

/// What follows a key of the header.
fn entry<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{key}'"))?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

fn malformed(message: String) -> Fault {
    Fault::file(Problem::Malformed(message))
}
