//! Finds ids that come twice, in memory that does not grow with the file: keys of 64 bits, put aside on the disk beyond a
//! limit, and a second look at the few ids whose keys meet.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
};

use rayon::prelude::*;

use super::error::{Fault, Problem};

/// Keys in memory: 128 MiB of them, and as much again at worst while lists grow.
const HELD: usize = 16 << 20;
/// Lists that keys are dealt to by their first bits, each short enough to be sorted in memory.
const LISTS: usize = 1 << LIST_BITS;
const LIST_BITS: u32 = 8;

/// Keys of all ids so far.
#[derive(Debug)]
pub(super) struct Keys {
    lists: Vec<Vec<u64>>,
    held: usize,
    limit: usize,
    aside: Option<Aside>,
}

/// Keys on the disk.
#[derive(Debug)]
struct Aside {
    file: File,
    bytes: u64,
    /// By list: where they lie, and how many.
    pieces: Vec<Vec<(u64, usize)>>,
}

impl Keys {
    pub fn new() -> Self {
        Self::with_limit(HELD)
    }

    fn with_limit(limit: usize) -> Self {
        Self { lists: vec![Vec::new(); LISTS], held: 0, limit, aside: None }
    }

    /// Takes some keys.
    pub fn extend(&mut self, keys: &[u64]) -> Result<(), Fault> {
        for key in keys {
            self.lists[(key >> (u64::BITS - LIST_BITS)) as usize].push(*key);
        }
        self.held += keys.len();
        if self.held >= self.limit { self.put_aside().map_err(temporary) } else { Ok(()) }
    }

    fn put_aside(&mut self) -> io::Result<()> {
        let aside = match &mut self.aside {
            Some(aside) => aside,
            None => {
                let file = tempfile::tempfile()?;
                self.aside.insert(Aside { file, bytes: 0, pieces: vec![Vec::new(); LISTS] })
            }
        };
        let mut bytes = Vec::new();
        for (list, pieces) in self.lists.iter_mut().zip(&mut aside.pieces) {
            bytes.clear();
            bytes.extend(list.iter().flat_map(|key| key.to_le_bytes()));
            aside.file.write_all(&bytes)?;
            pieces.push((aside.bytes, list.len()));
            aside.bytes += bytes.len() as u64;
            list.clear();
        }
        self.held = 0;
        Ok(())
    }

    /// The keys that came more than once, in order.
    pub fn doubles(self) -> Result<Vec<u64>, Fault> {
        let aside = self.aside.as_ref();
        let found = self.lists.into_par_iter().enumerate().map(|(number, mut list)| {
            if let Some(aside) = aside {
                aside.read(number, &mut list)?;
            }
            list.sort_unstable();
            let mut doubles: Vec<u64> = list.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
            doubles.dedup();
            Ok(doubles)
        });
        let found: io::Result<Vec<Vec<u64>>> = found.collect();
        Ok(found.map_err(temporary)?.concat())
    }
}

impl Aside {
    fn read(&self, list: usize, into: &mut Vec<u64>) -> io::Result<()> {
        for (at, count) in &self.pieces[list] {
            let mut bytes = vec![0; count * 8];
            self.file.read_exact_at(&mut bytes, *at)?;
            into.extend(bytes.as_chunks().0.iter().map(|key| u64::from_le_bytes(*key)));
        }
        Ok(())
    }
}

fn temporary(error: io::Error) -> Fault {
    Fault::file(Problem::Temporary(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_that_come_twice_are_found_also_on_the_disk(
            keys in proptest::collection::vec((0_u64..200).prop_map(|key| key << 55 | key), 0..300),
            limit in 1_usize..400,
        ) {
            let mut found = Keys::with_limit(limit);
            keys.chunks(7).for_each(|part| found.extend(part).unwrap());
            let mut sorted = keys;
            sorted.sort_unstable();
            let mut expected: Vec<u64> = sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
            expected.dedup();
            prop_assert_eq!(found.doubles().unwrap(), expected);
        }
    }
}
