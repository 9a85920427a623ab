use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ymir_core::{Error, LogLine, Result};

/// How many of the last lines an error shows.
const LAST_LINES: usize = 5;

/// How many characters of each of them.
const LAST_CHARS: usize = 500;

/// How many bytes of a log are kept on disk.
const MAX_KEPT: u64 = 256 << 20;

/// How many bytes before the end the last lines of a resumed log are looked for in.
const TAIL: u64 = 64 << 10;

/// The log of a run as it is kept: `run.log` in the unit's directory while the executor runs, where
/// it cannot reach it, and in `out` under the contract's name afterwards, unless the executor wrote
/// one.
#[derive(Debug)]
pub(super) struct KeptLog {
    path: PathBuf,
    file: File,
    written: u64,
    last: VecDeque<String>,
}

impl KeptLog {
    /// Opens the log behind its first `length` bytes; what an earlier process wrote after them is
    /// cut off, since those lines come again.
    pub(super) fn open(unit_dir: &Path, length: u64) -> Result<Self> {
        let path = unit_dir.join("run.log");
        let fail = |error| Error::io("cannot keep the log of a run", &path, error);
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        let mut file = options.open(&path).map_err(fail)?;
        let written = length.min(file.metadata().map_err(fail)?.len());
        file.set_len(written).map_err(fail)?;
        let last = last_lines(&mut file, written).map_err(fail)?;
        Ok(Self { path, file, written, last })
    }

    /// Adds a line, and returns the length of the log with it. A log that cannot be written any more
    /// does not stop the run.
    pub(super) fn add(&mut self, line: &LogLine) -> u64 {
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line.text.chars().take(LAST_CHARS).collect());
        let bytes = format!("{}\n", line.text).into_bytes();
        if self.written + bytes.len() as u64 <= MAX_KEPT && self.file.write_all(&bytes).is_ok() {
            self.written += bytes.len() as u64;
        }
        self.written
    }

    /// Returns the last lines, as one.
    pub(super) fn last_lines(&self) -> String {
        let lines: Vec<&str> = self.last.iter().map(String::as_str).collect();
        lines.join(" | ")
    }

    /// Puts the log where the contract has it.
    pub(super) fn finish(self, unit_dir: &Path) {
        let target = unit_dir.join("out/ymir-executor-out.log");
        // A link does not follow a link at its target, and does not replace anything either.
        if self.written == 0 || fs::hard_link(&self.path, &target).is_ok() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn last_lines(file: &mut File, length: u64) -> std::io::Result<VecDeque<String>> {
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let tail = String::from_utf8_lossy(&tail);
    let mut last: VecDeque<String> =
        tail.lines().rev().take(LAST_LINES).map(|l| l.chars().take(LAST_CHARS).collect()).collect();
    last.make_contiguous().reverse();
    Ok(last)
}
