//! What the disk allows at most: bytes that are written and synced.

use std::{
    fs::File,
    io::{Seek as _, Write as _},
    path::Path,
    time::Instant,
};

/// Bytes that a completion takes in a journal, about.
const RECORD_BYTES: usize = 300;
/// Size of the file that is written over and over.
const OVERWRITTEN_BYTES: usize = 64 << 20;

/// Records per second that are appended to a file and synced, so many at a time.
pub fn append_and_sync(folder: &Path, batch: usize, seconds: f64) -> anyhow::Result<f64> {
    write_and_sync(&mut File::create(folder.join(format!("append-{batch}")))?, batch, seconds)
}

/// The same into a file that has its size already, as a database has: the file system has nothing to note but the data.
pub fn overwrite_and_sync(folder: &Path, batch: usize, seconds: f64) -> anyhow::Result<f64> {
    let path = folder.join(format!("overwrite-{batch}"));
    std::fs::write(&path, vec![0; OVERWRITTEN_BYTES])?;
    let mut file = File::options().write(true).open(&path)?;
    file.sync_all()?;
    write_and_sync(&mut file, batch, seconds)
}

fn write_and_sync(file: &mut File, batch: usize, seconds: f64) -> anyhow::Result<f64> {
    let grows = file.metadata()?.len() == 0;
    let bytes = vec![0x5a; RECORD_BYTES * batch];
    let (start, mut records, mut at) = (Instant::now(), 0, 0);
    while start.elapsed().as_secs_f64() < seconds {
        if !grows && at + bytes.len() > OVERWRITTEN_BYTES {
            at = 0;
            file.rewind()?;
        }
        file.write_all(&bytes)?;
        file.sync_data()?;
        at += bytes.len();
        records += batch;
    }
    Ok(records as f64 / start.elapsed().as_secs_f64())
}
