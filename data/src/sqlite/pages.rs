//! Pages and the trees that tables are.

use super::{
    MAGIC, SqliteError, Value,
    record::{self, varint},
};

/// Trees are never this deep: a page points to at least two others.
const MAX_DEPTH: u32 = 40;
const LEAF: u8 = 0x0d;
const INTERIOR: u8 = 0x05;

/// A file cut into pages, numbered from 1.
#[derive(Debug)]
pub(super) struct Pages {
    bytes: Vec<u8>,
    page_size: usize,
    /// Bytes of a page that hold content; the rest is reserved for extensions.
    usable: usize,
}

type Visit<'a> = &'a mut dyn FnMut(i64, Vec<Value>) -> Result<(), SqliteError>;

impl Pages {
    pub(super) fn new(bytes: Vec<u8>) -> Result<Self, SqliteError> {
        if bytes.len() < 512 || !bytes.starts_with(MAGIC) {
            return Err(SqliteError::NotSqlite);
        }
        let page_size = match u16::from_be_bytes([bytes[16], bytes[17]]) {
            1 => 65_536,
            size if size >= 512 && size.is_power_of_two() => usize::from(size),
            _ => return Err(SqliteError::Damaged("its page size is impossible")),
        };
        let usable = page_size - usize::from(bytes[20]);
        if usable < 480 {
            return Err(SqliteError::Damaged("its pages have no room"));
        }
        if number(&bytes, 56) > 1 {
            return Err(SqliteError::Unsupported("UTF-16"));
        }
        Ok(Self { bytes, page_size, usable })
    }

    /// Calls `visit` with row id and values of every row of the tree at `root`.
    pub(super) fn each_row(&self, root: u32, visit: Visit<'_>) -> Result<(), SqliteError> {
        let mut left = self.bytes.len() / self.page_size + 1;
        self.walk(root, MAX_DEPTH, &mut left, visit)
    }

    /// `left` is how many pages there still can be: a tree that has more goes in circles.
    fn walk(&self, page: u32, depth: u32, left: &mut usize, visit: Visit<'_>) -> Result<(), SqliteError> {
        if depth == 0 || *left == 0 {
            return Err(SqliteError::Damaged("a table goes in circles"));
        }
        *left -= 1;
        let content = self.page(page)?;
        let start = if page == 1 { 100 } else { 0 };
        let cells = usize::from(short(content, start + 3)?);
        match content[start] {
            LEAF => {
                for cell in 0..cells {
                    let at = usize::from(short(content, start + 8 + 2 * cell)?);
                    let (row_id, payload) = self.cell(content, at)?;
                    visit(row_id, record::values(&payload)?)?;
                }
                Ok(())
            }
            INTERIOR => {
                for cell in 0..cells {
                    let at = usize::from(short(content, start + 12 + 2 * cell)?);
                    self.walk(long(content, at)?, depth - 1, left, visit)?;
                }
                self.walk(long(content, start + 8)?, depth - 1, left, visit)
            }
            _ => Err(SqliteError::Damaged("a table holds a page of another kind")),
        }
    }

    fn page(&self, page: u32) -> Result<&[u8], SqliteError> {
        let start = (page as usize).checked_sub(1).and_then(|before| before.checked_mul(self.page_size));
        let content = start.and_then(|start| self.bytes.get(start..start.checked_add(self.page_size)?));
        content.ok_or(SqliteError::Damaged("it is shorter than it says"))
    }

    /// Returns the row id and the whole payload of a leaf's cell.
    fn cell(&self, content: &[u8], at: usize) -> Result<(i64, Vec<u8>), SqliteError> {
        let cell = content.get(at..).unwrap_or_default();
        let (size, cell) = varint(cell)?;
        let (row_id, cell) = varint(cell)?;
        let size = usize::try_from(size).ok().filter(|&size| size <= self.bytes.len());
        let size = size.ok_or(SqliteError::Damaged("a row is larger than the file"))?;
        let local = self.local(size);
        let mut payload = cell.get(..local).ok_or(SqliteError::Damaged("a row leaves its page"))?.to_vec();
        if local < size {
            self.overflow(long(cell, local)?, size, &mut payload)?;
        }
        Ok((row_id, payload))
    }

    /// Returns how much of a payload lies within its leaf.
    fn local(&self, size: usize) -> usize {
        let most = self.usable - 35;
        if size <= most {
            return size;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let wanted = least + (size - least) % (self.usable - 4);
        if wanted <= most { wanted } else { least }
    }

    fn overflow(&self, mut page: u32, size: usize, payload: &mut Vec<u8>) -> Result<(), SqliteError> {
        while payload.len() < size {
            let content = self.page(page)?;
            let piece = (size - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(&content[4..4 + piece]);
            page = long(content, 0)?;
        }
        Ok(())
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn short(bytes: &[u8], at: usize) -> Result<u16, SqliteError> {
    let found = bytes.get(at..at + 2).and_then(|found| found.try_into().ok());
    found.map(u16::from_be_bytes).ok_or(SqliteError::Damaged("a page points beyond itself"))
}

fn long(bytes: &[u8], at: usize) -> Result<u32, SqliteError> {
    let found = bytes.get(at..at + 4).and_then(|found| found.try_into().ok());
    found.map(u32::from_be_bytes).ok_or(SqliteError::Damaged("a page points beyond itself"))
}
