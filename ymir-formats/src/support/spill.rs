//! Bytes that an operation sets aside while it runs.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use ymir_core::{Error, ErrorKind, Result};

/// How much of a file is read at once by who reads in order.
const BLOCK: usize = 64 << 10;

/// Bytes that stay in memory as long as they are few, and go into a file when they are more. The
/// file has no name, so that nothing is left of it, however the process ends.
#[derive(Debug)]
pub struct Spill {
    folder: PathBuf,
    limit: usize,
    file: Option<File>,
    /// How many bytes are in the file; the rest is in memory.
    written: u64,
    rest: Vec<u8>,
}

impl Spill {
    /// Returns one that keeps up to so many bytes in memory, and the others on the disk of a folder.
    pub fn new(folder: &Path, limit: usize) -> Self {
        Self { folder: folder.to_owned(), limit, file: None, written: 0, rest: Vec::new() }
    }

    /// Returns how many bytes it has: the place of those that are appended next.
    pub fn len(&self) -> u64 {
        self.written + self.rest.len() as u64
    }

    /// Returns whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.rest.extend_from_slice(bytes);
        if self.rest.len() > self.limit {
            self.write().map_err(|error| self.fail(error))?;
        }
        Ok(())
    }

    fn write(&mut self) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile_in(&self.folder)?),
        };
        file.write_all_at(&self.rest, self.written)?;
        self.written += self.rest.len() as u64;
        self.rest.clear();
        Ok(())
    }

    /// Reads the bytes at a place, as many as the buffer holds.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn read(&self, place: u64, buffer: &mut [u8]) -> Result<()> {
        let before = self.written.saturating_sub(place).min(buffer.len() as u64) as usize;
        let (written, rest) = buffer.split_at_mut(before);
        if let Some(file) = &self.file {
            file.read_exact_at(written, place).map_err(|error| self.fail(error))?;
        }
        let start = place.saturating_sub(self.written) as usize;
        let found = self.rest.get(start..start + rest.len());
        rest.copy_from_slice(found.ok_or_else(|| self.fail(std::io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    /// Appends a value and returns its place.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn put(&mut self, value: &impl Serialize) -> Result<u64> {
        let (place, bytes) = (self.len(), encode(value)?);
        self.append(&(bytes.len() as u64).to_le_bytes())?;
        self.append(&bytes)?;
        Ok(place)
    }

    /// Returns the value at a place.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn get<T: DeserializeOwned>(&self, place: u64) -> Result<T> {
        let mut head = [0; size_of::<u64>()];
        self.read(place, &mut head)?;
        let mut bytes = vec![0; u64::from_le_bytes(head) as usize];
        self.read(place + head.len() as u64, &mut bytes)?;
        decode(&bytes)
    }

    /// Returns a reader of all there is.
    pub fn cursor(&self) -> Cursor {
        Cursor::new(0..self.len())
    }

    fn fail(&self, error: impl Into<std::io::Error>) -> Error {
        let message = "what an operation sets aside could not be kept on the disk";
        Error::io(message, &self.folder, error.into())
    }
}

/// Reads a part of a [`Spill`], a block at a time: for who reads more or less in order.
#[derive(Debug)]
pub struct Cursor {
    range: Range<u64>,
    /// The bytes that were read ahead, which end where the range begins.
    block: Vec<u8>,
    taken: usize,
}

impl Cursor {
    /// Returns a reader of a range of the bytes.
    pub fn new(range: Range<u64>) -> Self {
        Self { range, block: Vec::new(), taken: 0 }
    }

    /// Returns the place of the next bytes.
    pub fn place(&self) -> u64 {
        self.range.start - (self.block.len() - self.taken) as u64
    }

    /// Goes on at another place.
    pub fn seek(&mut self, place: u64) {
        let start = self.range.start - self.block.len() as u64;
        if (start..self.range.start).contains(&place) {
            self.taken = (place - start) as usize;
        } else {
            (self.range.start, self.taken) = (place, 0);
            self.block.clear();
        }
    }

    /// Returns the next bytes, or none at the end.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn take(&mut self, spill: &Spill, count: usize) -> Result<Option<&[u8]>> {
        if self.block.len() - self.taken < count {
            self.block.drain(..self.taken);
            self.taken = 0;
            // A large value is behind.
            self.block.shrink_to(count.max(2 * BLOCK));
            let kept = self.block.len();
            let left = self.range.end - self.range.start;
            let more = ((count - kept).max(BLOCK) as u64).min(left) as usize;
            self.block.resize(kept + more, 0);
            spill.read(self.range.start, &mut self.block[kept..])?;
            self.range.start += more as u64;
        }
        if self.block.len() < count || self.block.is_empty() {
            return Ok(None);
        }
        let start = self.taken;
        self.taken += count;
        Ok(Some(&self.block[start..start + count]))
    }

    /// Returns the next value of those that were put in, or none at the end.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn value<T: DeserializeOwned>(&mut self, spill: &Spill) -> Result<Option<T>> {
        let Some(head) = self.take(spill, size_of::<u64>())? else { return Ok(None) };
        let length = u64_of(head);
        let value = self.take(spill, length as usize)?;
        value.map(decode).transpose()
    }
}

/// Returns the number that the first bytes are.
pub fn u64_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| bytes[i]))
}

/// Returns a value as bytes, for itself only: another build may write it otherwise.
pub fn encode(value: &impl Serialize) -> Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(unexpected)
}

/// Returns the value of bytes that [`encode`] made.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(unexpected)
}

fn unexpected(error: postcard::Error) -> Error {
    let message = "what an operation set aside cannot be read again";
    Error::new(ErrorKind::Unexpected, message).caused_by(error)
}
