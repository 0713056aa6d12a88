//! Predictions that stay on this worker, and what is read of them for the coordinator.
//!
//! ```text
//!  output/predictions/pool.npy ─ larger than the limit ─▶ shelf ◀─ pinned ─ a scoring
//!                                                           └─ sketches, rows ─▶ pieces of an answer
//! ```

mod scoring;
mod shelf;

use std::{fs, io, path::Path};

use hone_data::{
    Hash, RelativePath,
    outputs::FileEntry,
    predictions::{FOLDER, pools},
};

pub(crate) use self::scoring::Scorings;
pub use self::shelf::{Pinned, Shelf};

/// Predictions of this worker's trials.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The files.
    pub shelf: Shelf,
    /// Predictions beyond this size stay here, in bytes with what belongs to them.
    pub over: u64,
}

impl Kept {
    /// Moves the large predictions of an output folder to the shelf, each with the files that belong to it. What finds no room
    /// there is left in the folder.
    ///
    /// # Errors
    /// The operating system refused.
    pub fn take_from(&self, output: &Path) -> io::Result<Vec<FileEntry>> {
        let found = plain_files(output)?;
        let mut taken = Vec::new();
        for pool in pools(found.iter().map(|file| (file.0.as_str(), file))) {
            let bytes: u64 = pool.files().map(|(_, size)| size).sum();
            if bytes <= self.over {
                continue;
            }
            if !self.shelf.has_room_for(bytes) {
                tracing::warn!(
                    "predictions `{}` ({bytes} bytes) do not fit on the shelf (`--predictions-cache`); they are uploaded",
                    pool.name
                );
                continue;
            }
            for (path, _) in pool.files() {
                taken.push(self.take(output, path)?);
            }
        }
        Ok(taken)
    }

    fn take(&self, output: &Path, path: &RelativePath) -> io::Result<FileEntry> {
        let file = path.below(output);
        let (hash, size) = Hash::of_reader(&mut fs::File::open(&file)?)?;
        self.shelf.take(&file, hash, size)?;
        Ok(FileEntry { path: path.clone(), hash, size, executable: false })
    }
}

/// Plain files in the folder of predictions of an output, with their sizes. Links are none of them: what they lead to may be
/// needed elsewhere.
fn plain_files(output: &Path) -> io::Result<Vec<(RelativePath, u64)>> {
    let (mut files, mut folders) = (Vec::new(), vec![output.join(FOLDER)]);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let path = entry.path();
            if metadata.is_dir() {
                folders.push(path);
            } else if metadata.is_file()
                && let Ok(path) = RelativePath::from_path(path.strip_prefix(output).unwrap_or(&path))
            {
                files.push((path, metadata.len()));
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_predictions_are_taken_with_what_belongs_to_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let (output, shelf) = (folder.path().join("output"), folder.path().join("shelf"));
        fs::create_dir_all(output.join("predictions")).expect("a folder");
        let write = |path: &str, bytes: usize| fs::write(output.join(path), vec![b'x'; bytes]).expect("a file");
        // Together they are over the limit; the others are not, or no predictions.
        write("predictions/pool.npy", 6);
        write("predictions/pool.ids.txt", 7);
        write("predictions/small.csv", 10);
        write("model.bin", 50);
        write("predictions/huge.csv", 60);
        std::os::unix::fs::symlink("../model.bin", output.join("predictions/link.csv")).expect("a link");
        let kept = Kept { shelf: Shelf::open(&shelf, 50).expect("a shelf"), over: 10 };
        let taken = kept.take_from(&output).expect("taken");
        let paths: Vec<&str> = taken.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["predictions/pool.npy", "predictions/pool.ids.txt"]);
        assert!(taken.iter().all(|entry| kept.shelf.find(&entry.hash).is_ok()));
        for (path, stays) in
            [("pool.npy", false), ("pool.ids.txt", false), ("small.csv", true), ("huge.csv", true), ("link.csv", true)]
        {
            assert_eq!(output.join("predictions").join(path).exists(), stays, "{path}");
        }
        assert_eq!(kept.take_from(&folder.path().join("none")).expect("nothing"), []);
    }
}
