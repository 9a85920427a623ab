use std::fs::File;
use std::io::Write;

use ymir_core::{LogSource, Result};

use crate::runtime::cutter::cut;
use crate::runtime::folder::RunFolder;

/// Keeps what a function logs in the files of its run.
#[derive(Debug)]
pub(super) struct HostLog {
    stdout: File,
    stderr: File,
    ymir: File,
}

impl HostLog {
    /// Opens the files in a run's folder.
    pub(super) fn open(folder: &RunFolder) -> Result<Self> {
        Ok(Self {
            stdout: folder.log(LogSource::Stdout)?,
            stderr: folder.log(LogSource::Stderr)?,
            ymir: folder.log(LogSource::Ymir)?,
        })
    }

    /// Writes lines. A log that cannot be written any more does not stop the function.
    pub(super) fn put(&mut self, source: LogSource, text: &str) {
        let file = match source {
            LogSource::Stdout => &mut self.stdout,
            LogSource::Stderr => &mut self.stderr,
            LogSource::Ymir => &mut self.ymir,
        };
        let mut lines = String::with_capacity(text.len() + 1);
        for line in text.lines() {
            lines.push_str(cut(line));
            lines.push('\n');
        }
        let _ = file.write_all(lines.as_bytes());
    }
}
