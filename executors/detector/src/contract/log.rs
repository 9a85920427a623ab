//! Log lines on standard output and in the executor's log file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Writes log lines with the seconds since the start.
#[derive(Debug)]
pub struct Log {
    file: Option<Mutex<File>>,
    start: Instant,
}

impl Log {
    /// Opens the log; a file that cannot be written is done without.
    pub fn open(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path).ok();
        Self { file: file.map(Mutex::new), start: Instant::now() }
    }

    /// Returns the seconds since the start.
    pub fn seconds(&self) -> f32 {
        self.start.elapsed().as_secs_f32()
    }

    /// Writes a line of information.
    pub fn info(&self, message: &str) {
        self.line("INFO", message);
    }

    /// Writes a warning.
    pub fn warn(&self, message: &str) {
        self.line("WARN", message);
    }

    /// Writes an error.
    pub fn error(&self, message: &str) {
        self.line("ERROR", message);
    }

    // A log that cannot be written (a closed pipe, a full disk) must not end the run.
    fn line(&self, level: &str, message: &str) {
        let line = format!("{:8.1}s {level:5} {message}\n", self.seconds());
        let _ = io::stdout().write_all(line.as_bytes());
        if let Some(file) = &self.file {
            let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        }
    }
}
