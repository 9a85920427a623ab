use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};
use ymir_core::{Error, LogLine, Result};

/// How many of the last lines an error shows.
const LAST_LINES: usize = 5;

/// How many characters of each of them.
const LAST_CHARS: usize = 500;

/// How many bytes of a log are kept on disk.
const MAX_KEPT: u64 = 256 << 20;

/// The log of a run as it is kept: in the task directory while the executor runs, where it cannot
/// reach it, and in `out` under the contract's name afterwards, unless the executor wrote one.
#[derive(Debug)]
pub(super) struct KeptLog {
    path: PathBuf,
    file: BufWriter<File>,
    written: u64,
    last: VecDeque<String>,
}

impl KeptLog {
    pub(super) async fn create(dir: &Path) -> Result<Self> {
        let path = dir.join("run.log");
        let file = File::create(&path)
            .await
            .map_err(|error| Error::io("cannot keep the log of a run", &path, error))?;
        let last = VecDeque::with_capacity(LAST_LINES);
        Ok(Self { path, file: BufWriter::new(file), written: 0, last })
    }

    /// Adds a line. A log that cannot be written any more does not stop the run.
    pub(super) async fn add(&mut self, line: &LogLine) {
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line.text.chars().take(LAST_CHARS).collect());
        self.written += line.text.len() as u64 + 1;
        if self.written <= MAX_KEPT {
            let _ = self.file.write_all(line.text.as_bytes()).await;
            let _ = self.file.write_all(b"\n").await;
        }
    }

    /// Returns the last lines, as one.
    pub(super) fn last_lines(&self) -> String {
        let lines: Vec<&str> = self.last.iter().map(String::as_str).collect();
        lines.join(" | ")
    }

    /// Puts the log where the contract has it.
    pub(super) async fn finish(mut self, dir: &Path) {
        let _ = self.file.flush().await;
        let target = dir.join("out/ymir-executor-out.log");
        let path = self.path;
        // Renaming does not follow a link at the target, and this way does not replace it either.
        let rename =
            move || rustix::fs::renameat_with(CWD, &path, CWD, &target, RenameFlags::NOREPLACE);
        let _ = tokio::task::spawn_blocking(rename).await;
    }
}
