//! The note in a task directory that tells a later process what an earlier one left running.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use ymir_core::{Error, ErrorKind, Result, TaskId, WorkspaceId};

use super::process::{self, ProcessId};

/// How long a killed run may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who runs what in a task directory: `run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunRecord {
    pub(super) workspace: WorkspaceId,
    pub(super) task: TaskId,
    /// The process that started the executor.
    pub(super) host: ProcessId,
    /// The executor, which leads a process group; absent until it is started.
    pub(super) executor: Option<ProcessId>,
}

impl RunRecord {
    pub(super) fn path(dir: &Path) -> PathBuf {
        dir.join("run.json")
    }

    /// Writes the record, whole or not at all.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let path = Self::path(dir);
        let fail = |error| Error::io("cannot note a run", &path, error);
        let mut file = tempfile::NamedTempFile::new_in(dir).map_err(fail)?;
        serde_json::to_writer(&mut file, self).map_err(|error| fail(error.into()))?;
        file.persist(&path).map_err(|error| fail(error.error))?;
        Ok(())
    }

    pub(super) fn remove(dir: &Path) {
        let _ = fs::remove_file(Self::path(dir));
    }

    fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(dir)).ok()?).ok()
    }
}

/// Ends what a dead process left running in a task directory. `variable` is the environment entry
/// that only runs in this directory have.
///
/// # Errors
///
/// `Conflict` if the process that started it is alive: then the run is not left behind.
pub(super) fn end_stale(dir: &Path, task: &TaskId, variable: &[u8]) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while let Some(record) = RunRecord::read(dir) {
        let running = record.executor.as_ref().is_some_and(ProcessId::is_alive);
        let here = record.host == ProcessId::own();
        if record.host.is_alive() && running {
            // A run that was just dropped in this process needs a moment to be gone.
            if here && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            let message = "the task is being run by a process that is alive; stop it there";
            return Err(Error::new(ErrorKind::Conflict, message)
                .with("task", task)
                .with("process", record.host.pid));
        }
        kill(&record, variable, deadline);
        RunRecord::remove(dir);
    }
    Ok(())
}

fn kill(record: &RunRecord, variable: &[u8], deadline: Instant) {
    if let Some(executor) = record.executor.as_ref().filter(|executor| executor.is_alive()) {
        process::signal_group(executor.pid, Signal::KILL);
        while executor.is_alive() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    // Its children, should it have died before them, or been started and not noted.
    for pid in process::all() {
        if process::has_variable(pid, variable)
            && let Some(pid) = Pid::from_raw(pid)
        {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}
