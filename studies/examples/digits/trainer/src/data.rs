//! The digits: reading the file and splitting it, always in the same way.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

pub const PIXELS: usize = 64;
pub const CLASSES: usize = 10;

/// The same for every trial, or their accuracies could not be compared.
const SPLIT_SEED: u64 = 1998;

/// Some of the digits.
#[derive(Clone, Debug)]
pub struct Digits {
    /// Line in the file, from 0.
    pub ids: Vec<usize>,
    /// One row per digit, pixels in `[0, 1]`.
    pub images: Array2<f32>,
    pub labels: Vec<usize>,
}

/// Three parts without overlap, each with the same share of every class.
pub struct Split {
    pub train: Digits,
    pub validation: Digits,
    pub test: Digits,
}

impl Digits {
    /// Reads a gzipped CSV file: 64 pixels from 0 to 16 and the digit on each line.
    ///
    /// # Errors
    /// The file cannot be read, or a line is something else.
    pub fn load(path: &Path) -> Result<Digits> {
        let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for (at, line) in BufReader::new(GzDecoder::new(file)).lines().enumerate() {
            let place = || format!("`{}`, line {}", path.display(), at + 1);
            labels.push(parse_line(&line.with_context(place)?, &mut pixels).with_context(place)?);
        }
        let images = Array2::from_shape_vec((labels.len(), PIXELS), pixels)?;
        Ok(Digits { ids: (0..labels.len()).collect(), images, labels })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Splits 60 : 20 : 20, class by class.
    pub fn split(&self) -> Split {
        let mut rng = ChaCha8Rng::seed_from_u64(SPLIT_SEED);
        let (mut train, mut validation, mut test) = (Vec::new(), Vec::new(), Vec::new());
        for class in 0..CLASSES {
            let mut rows: Vec<usize> = (0..self.len()).filter(|row| self.labels[*row] == class).collect();
            rows.shuffle(&mut rng);
            let fifth = rows.len() / 5;
            validation.extend_from_slice(&rows[..fifth]);
            test.extend_from_slice(&rows[fifth..2 * fifth]);
            train.extend_from_slice(&rows[2 * fifth..]);
        }
        Split { train: self.select(train), validation: self.select(validation), test: self.select(test) }
    }

    fn select(&self, mut rows: Vec<usize>) -> Digits {
        rows.sort_unstable();
        Digits {
            ids: rows.iter().map(|row| self.ids[*row]).collect(),
            images: self.images.select(Axis(0), &rows),
            labels: rows.iter().map(|row| self.labels[*row]).collect(),
        }
    }
}

/// Appends the pixels and returns the label.
fn parse_line(line: &str, pixels: &mut Vec<f32>) -> Result<usize> {
    let cells = line.split(',').map(|cell| cell.trim().parse::<u8>().with_context(|| format!("bad number `{cell}`")));
    let cells = cells.collect::<Result<Vec<u8>>>()?;
    ensure!(cells.len() == PIXELS + 1, "{} numbers instead of {}", cells.len(), PIXELS + 1);
    let label = usize::from(cells[PIXELS]);
    ensure!(label < CLASSES, "label `{label}` is no digit");
    pixels.extend(cells[..PIXELS].iter().map(|pixel| f32::from(*pixel) / 16.0));
    Ok(label)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn digits() -> Digits {
        Digits::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/digits.csv.gz"))).unwrap()
    }

    fn count(digits: &Digits, class: usize) -> usize {
        digits.labels.iter().filter(|label| **label == class).count()
    }

    #[test]
    fn the_file_holds_1797_digits_of_10_classes() {
        let digits = digits();
        assert_eq!((digits.len(), digits.images.dim()), (1797, (1797, 64)));
        let counts: Vec<usize> = (0..CLASSES).map(|class| count(&digits, class)).collect();
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert!(digits.images.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    }

    #[test]
    fn the_split_covers_every_digit_once_and_keeps_the_classes_even() {
        let (digits, split) = (digits(), digits().split());
        let mut ids = [split.train.ids, split.validation.ids.clone(), split.test.ids.clone()].concat();
        ids.sort_unstable();
        assert_eq!(ids, digits.ids);
        for class in 0..CLASSES {
            let fifth = count(&digits, class) / 5;
            assert_eq!((count(&split.validation, class), count(&split.test, class)), (fifth, fifth));
        }
    }

    #[test]
    fn the_split_is_always_the_same() {
        assert_eq!(digits().split().test.ids, digits().split().test.ids);
        assert_eq!(digits().split().test.len(), 355);
    }

    #[test]
    fn a_broken_line_is_named() {
        assert_eq!(parse_line("1,2,3", &mut Vec::new()).unwrap_err().to_string(), "3 numbers instead of 65");
        assert_eq!(parse_line("1,x", &mut Vec::new()).unwrap_err().to_string(), "bad number `x`");
    }
}
