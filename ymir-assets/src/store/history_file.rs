//! The file of a branch's history: entries of a fixed size, each with a checksum of itself and of all
//! before it, so that what a crash or two writers at once leave is never taken for whole.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::Crc;
use git2::Oid;

use super::history::Entry;

const HEAD: &[u8; 16] = b"ymir history 1\n\0";
/// The commit, the two keys, the checksum.
const SIZE: usize = 20 + 8 + 8 + 4;

/// Returns the entries of a file up to the first that is not whole; none if it cannot be read.
pub(super) fn read(path: &Path) -> Vec<Entry> {
    let Ok(data) = fs::read(path) else { return Vec::new() };
    let Some(rows) = data.strip_prefix(HEAD) else { return Vec::new() };
    let mut sum = 0;
    let whole = |row: &[u8; SIZE]| {
        let (entry, found) = decode(row)?;
        sum = checksum(sum, &row[..SIZE - 4]);
        (found == sum).then_some(entry)
    };
    rows.as_chunks::<SIZE>().0.iter().map_while(whole).collect()
}

/// Adds an entry behind those of the versions before it, if they are there.
pub(super) fn append(
    path: &Path,
    before: usize,
    parent: Option<Oid>,
    entry: Entry,
) -> io::Result<()> {
    let Some(parent) = parent else { return write(path, 0, &[entry]) };
    let file = File::options().read(true).write(true).open(path)?;
    let (mut head, mut last) = ([0; HEAD.len()], [0; SIZE]);
    file.read_exact_at(&mut head, 0)?;
    file.read_exact_at(&mut last, place(before - 1))?;
    match decode(&last) {
        Some((last, sum)) if head == *HEAD && last.commit == parent => {
            put(&file, before, sum, &[entry])
        }
        _ => Ok(()),
    }
}

/// Makes the file hold these entries, of which so many may be in it already.
pub(super) fn write(path: &Path, known: usize, entries: &[Entry]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut last = [0; SIZE];
    if let Some(before) = known.checked_sub(1)
        && file.read_exact_at(&mut last, place(before)).is_ok()
        && let Some((last, sum)) = decode(&last)
        && sum == sum_of(&entries[..known])
        && last == entries[before]
    {
        return put(&file, known, sum, &entries[known..]);
    }
    file.write_all_at(HEAD, 0)?;
    put(&file, 0, 0, entries)
}

/// Writes entries from a place on, and nothing behind them.
fn put(file: &File, from: usize, mut sum: u32, entries: &[Entry]) -> io::Result<()> {
    let mut data = Vec::with_capacity(entries.len() * SIZE);
    for entry in entries {
        let row = encode(entry);
        sum = checksum(sum, &row);
        data.extend_from_slice(&row);
        data.extend_from_slice(&sum.to_le_bytes());
    }
    file.write_all_at(&data, place(from))?;
    let end = place(from) + data.len() as u64;
    if file.metadata()?.len() > end {
        file.set_len(end)?;
    }
    Ok(())
}

fn place(entry: usize) -> u64 {
    (HEAD.len() + entry * SIZE) as u64
}

fn encode(entry: &Entry) -> [u8; SIZE - 4] {
    let mut row = [0; SIZE - 4];
    row[..20].copy_from_slice(entry.commit.as_bytes());
    row[20..28].copy_from_slice(&entry.fingerprint.to_le_bytes());
    row[28..].copy_from_slice(&entry.task.to_le_bytes());
    row
}

/// Returns an entry with its checksum.
fn decode(row: &[u8; SIZE]) -> Option<(Entry, u32)> {
    let commit = Oid::from_bytes(&row[..20]).ok()?;
    let number = |at: usize| u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| row[at + i]));
    let entry = Entry { commit, fingerprint: number(20), task: number(28) };
    Some((entry, u32::from_le_bytes([36, 37, 38, 39].map(|i| row[i]))))
}

/// Returns the checksum of an entry behind others with theirs.
fn checksum(before: u32, row: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(&before.to_le_bytes());
    crc.update(row);
    crc.sum()
}

fn sum_of(entries: &[Entry]) -> u32 {
    entries.iter().fold(0, |sum, entry| checksum(sum, &encode(entry)))
}
