//! `monitor.txt`: progress, and the return code of a failure.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::error::Error;

/// States of a task in the monitor file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running = 2,
    Done = 3,
    Failed = 4,
}

/// Shortest time between two writes of progress.
const INTERVAL: Duration = Duration::from_millis(200);

/// Writes the monitor file, whole each time, by renaming a temporary file.
#[derive(Debug)]
pub struct Monitor {
    path: PathBuf,
    task_id: String,
    last: Mutex<Option<Instant>>,
}

impl Monitor {
    /// Returns a monitor for a task.
    pub fn new(path: &Path, task_id: &str) -> Self {
        Self { path: path.to_path_buf(), task_id: task_id.into(), last: Mutex::new(None) }
    }

    /// Reports that a part in `[0, 1]` of the work is done.
    pub fn progress(&self, fraction: f64) {
        if let Ok(mut last) = self.last.lock() {
            if last.is_some_and(|last| last.elapsed() < INTERVAL) {
                return;
            }
            *last = Some(Instant::now());
        }
        self.write(fraction.clamp(0.0, 1.0), State::Running, None);
    }

    /// Reports success.
    pub fn done(&self) {
        self.write(1.0, State::Done, None);
    }

    /// Reports a failure with its return code.
    pub fn failed(&self, error: &Error) {
        self.write(1.0, State::Failed, Some(error));
    }

    // Progress is a courtesy: if it cannot be written, the run goes on and its exit code counts.
    fn write(&self, fraction: f64, state: State, error: Option<&Error>) {
        let time = unix_seconds();
        let mut text = format!("{}\t{time}\t{fraction:.4}\t{}", self.task_id, state as u8);
        if let Some(error) = error {
            let line = error.message.replace(['\n', '\r', '\t'], " ");
            text += &format!("\t{}\t{line}\n{}", error.code as u32, error.message);
        }
        text.push('\n');
        let _ = write_atomic(&self.path, text.as_bytes());
    }
}

/// Returns the time in seconds since 1970.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// Writes a file so that a reader sees the old content or the new, never a part.
pub fn write_atomic(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    fs::write(&temporary, content)?;
    fs::rename(&temporary, path)
}
