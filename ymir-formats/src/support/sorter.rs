use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use ymir_core::Result;

use super::spill::{Cursor, Spill, u64_of};

/// How many bytes of rows are sorted in memory at once.
const RUN: usize = 8 << 20;
/// The number and the length that stand before a row on the disk.
const HEAD: usize = 16;

/// Sorts rows of bytes by number in bounded memory; rows of one number keep their order.
#[derive(Debug)]
pub struct Sorter {
    rows: Vec<Row>,
    bytes: Vec<u8>,
    run: usize,
    spill: Spill,
    runs: Vec<Cursor>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    number: u32,
    start: usize,
    length: usize,
}

impl Sorter {
    /// Returns one that puts what it cannot keep in memory on the disk of a folder.
    pub fn new(folder: &Path) -> Self {
        Self::with_run(folder, RUN)
    }

    fn with_run(folder: &Path, run: usize) -> Self {
        let spill = Spill::new(folder, run);
        Self { rows: Vec::new(), bytes: Vec::new(), run, spill, runs: Vec::new() }
    }

    /// Adds a row of a number.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn push(&mut self, number: u32, bytes: &[u8]) -> Result<()> {
        let (start, length) = (self.bytes.len(), bytes.len());
        self.rows.push(Row { number, length, start });
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() + self.rows.len() * size_of::<Row>() > self.run {
            self.write_run()?;
        }
        Ok(())
    }

    fn write_run(&mut self) -> Result<()> {
        self.rows.sort_by_key(|row| row.number);
        let start = self.spill.len();
        for row in self.rows.drain(..) {
            self.spill.append(&u64::from(row.number).to_le_bytes())?;
            self.spill.append(&(row.length as u64).to_le_bytes())?;
            self.spill.append(&self.bytes[row.start..row.start + row.length])?;
        }
        self.bytes.clear();
        self.runs.push(Cursor::new(start..self.spill.len()));
        Ok(())
    }

    /// Returns the rows in the order of their numbers.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn sorted(mut self) -> Result<Sorted> {
        self.write_run()?;
        let mut sorted = Sorted { spill: self.spill, runs: self.runs, next: BinaryHeap::new() };
        (0..sorted.runs.len()).try_for_each(|run| sorted.advance(run))?;
        Ok(sorted)
    }
}

/// Rows in the order of their numbers.
#[derive(Debug)]
pub struct Sorted {
    spill: Spill,
    runs: Vec<Cursor>,
    /// The next row of each run: its number, the run, and its length.
    next: BinaryHeap<Reverse<(u32, usize, usize)>>,
}

impl Sorted {
    fn advance(&mut self, run: usize) -> Result<()> {
        if let Some(head) = self.runs[run].take(&self.spill, HEAD)? {
            let (number, length) = (u64_of(head) as u32, u64_of(&head[HEAD / 2..]) as usize);
            self.next.push(Reverse((number, run, length)));
        } else {
            // What it has read ahead is not needed any more.
            self.runs[run] = Cursor::new(0..0);
        }
        Ok(())
    }

    /// Returns the number of the next row.
    pub fn number(&self) -> Option<u32> {
        self.next.peek().map(|Reverse((number, ..))| *number)
    }

    /// Takes the next row.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn take(&mut self) -> Result<Option<(u32, Vec<u8>)>> {
        let Some(Reverse((number, run, length))) = self.next.pop() else { return Ok(None) };
        let row = self.runs[run].take(&self.spill, length)?;
        let row = row.map_or(Vec::new(), <[u8]>::to_vec);
        self.advance(run)?;
        Ok(Some((number, row)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever fits into memory, rows come back as a stable sort has them.
        #[test]
        fn rows_come_back_sorted(
            rows in prop::collection::vec((0u32..20, prop::collection::vec(any::<u8>(), 0..40)), 0..200),
            run in 1usize..2000,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::with_run(folder.path(), run);
            for (number, bytes) in &rows {
                sorter.push(*number, bytes).unwrap();
            }
            let mut sorted = sorter.sorted().unwrap();
            let mut found = Vec::new();
            while let Some(row) = sorted.take().unwrap() {
                found.push(row);
            }
            let mut expected = rows;
            expected.sort_by_key(|(number, _)| *number);
            prop_assert_eq!(found, expected);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
