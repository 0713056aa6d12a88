//! Files of predictions among what a trial leaves behind.

use std::collections::BTreeMap;

/// The folder of an output in which predictions lie.
pub const FOLDER: &str = "predictions";
const IDS: &str = ".ids.txt";
const EMBEDDINGS: &str = ".embeddings.npy";

/// A file of predictions for a pool, with the files that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool<T> {
    /// Its path below [`FOLDER`].
    pub name: String,
    /// The predictions.
    pub file: T,
    /// Ids of the rows of an array.
    pub ids: Option<T>,
    /// Embeddings of the rows of an array.
    pub embeddings: Option<T>,
}

impl<T> Pool<T> {
    /// Whether somebody means this one: its name, or that without the ending.
    #[must_use]
    pub fn is_called(&self, given: &str) -> bool {
        self.name == given || stem(&self.name) == given
    }

    /// The file and those that belong to it.
    pub fn files(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.file).chain(&self.ids).chain(&self.embeddings)
    }
}

/// Finds the files of predictions among the files of an output, in the order of their names.
pub fn pools<'a, T: Clone>(files: impl IntoIterator<Item = (&'a str, T)>) -> Vec<Pool<T>> {
    let below = |path: &'a str| path.strip_prefix(FOLDER)?.strip_prefix('/');
    let files: BTreeMap<&str, T> = files.into_iter().filter_map(|(path, file)| Some((below(path)?, file))).collect();
    let beside = |name: &str, ending: &str| files.get(format!("{}{ending}", array_of(name)?).as_str()).cloned();
    let belongs = |name: &str| {
        let array = name.strip_suffix(IDS).or_else(|| name.strip_suffix(EMBEDDINGS));
        array.is_some_and(|array| files.contains_key(format!("{array}.npy").as_str()))
    };
    let own = files.iter().filter(|(name, _)| !belongs(name));
    let pool = |(name, file): (&&str, &T)| Pool {
        name: (*name).to_owned(),
        file: file.clone(),
        ids: beside(name, IDS),
        embeddings: beside(name, EMBEDDINGS),
    };
    own.map(pool).collect()
}

/// The name of an array without its ending.
fn array_of(name: &str) -> Option<&str> {
    name.strip_suffix(".npy")
}

/// A name without the ending of its file.
fn stem(name: &str) -> &str {
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    name[file..].rfind('.').filter(|dot| *dot > 0).map_or(name, |dot| &name[..file + dot])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_have_their_companions_and_other_files_none() {
        let paths = [
            "model.bin",
            "predictions/pool.npy",
            "predictions/pool.ids.txt",
            "predictions/pool.embeddings.npy",
            "predictions/late/pool.csv",
            "predictions/late/pool.ids.txt",
            "predictionsx/pool.npy",
        ];
        let found = pools(paths.iter().copied().zip(0..));
        let names: Vec<&str> = found.iter().map(|pool| pool.name.as_str()).collect();
        assert_eq!(names, ["late/pool.csv", "late/pool.ids.txt", "pool.npy"]);
        assert_eq!((found[2].file, found[2].ids, found[2].embeddings), (1, Some(2), Some(3)));
        assert_eq!((found[0].file, found[0].ids), (4, None));
        assert!(found[2].is_called("pool") && found[2].is_called("pool.npy") && !found[2].is_called("poo"));
        assert!(found[0].is_called("late/pool") && !found[0].is_called("pool"));
    }
}
