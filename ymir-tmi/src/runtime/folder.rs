//! The folder `run` in a unit's directory: what a run is known by, apart from what it reads and
//! writes.

use std::fs::{self, File};
use std::io::{ErrorKind as Io, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ymir_core::{
    Error, ErrorKind, Grant, Limits, LogSource, PinnedExecutor, Result, RunHandle, RunRequest,
    TaskId, WorkspaceId,
};

use super::tail;

/// Why the run's folder says that it ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// It was to be stopped.
    Stop,
    /// It was killed for using too much memory.
    Memory,
}

/// What a run was created with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RecordedRequest {
    pub(super) workspace: WorkspaceId,
    pub(super) task: TaskId,
    pub(super) unit: u32,
    pub(super) attempt: u32,
    pub(super) executor: PinnedExecutor,
    pub(super) grant: Grant,
    pub(super) limits: Limits,
}

impl RecordedRequest {
    pub(super) fn of(request: &RunRequest) -> Self {
        Self {
            workspace: request.workspace.clone(),
            task: request.task.clone(),
            unit: request.unit,
            attempt: request.attempt,
            executor: request.executor.clone(),
            grant: request.grant.clone(),
            limits: request.limits.clone(),
        }
    }

    pub(super) fn handle(&self, dir: &Path, data: serde_json::Value) -> RunHandle {
        RunHandle {
            runtime: self.executor.reference.runtime.clone(),
            workspace: self.workspace.clone(),
            task: self.task.clone(),
            unit: self.unit,
            attempt: self.attempt,
            digest: self.executor.digest.clone(),
            dir: dir.to_owned(),
            data,
        }
    }

    fn is_of(&self, handle: &RunHandle) -> bool {
        self.workspace == handle.workspace
            && self.task == handle.task
            && (self.unit, self.attempt) == (handle.unit, handle.attempt)
    }
}

/// The folder of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    const REQUEST: &str = "request";

    /// Returns the folder of a unit's directory, whether or not it exists.
    pub(super) fn of(dir: &Path) -> Self {
        Self { path: dir.join("run") }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder, whole or not at all, with files of this user alone beside the request.
    /// Returns the request that is there; one of the same run was there before.
    pub(super) fn create(
        &self,
        request: &RunRequest,
        files: &[(&str, &[u8])],
    ) -> Result<RecordedRequest> {
        let recorded = RecordedRequest::of(request);
        let fail = |error| Error::io("cannot record a run", &self.path, error);
        let dir = self.path.parent().unwrap_or(&self.path);
        let made = tempfile::Builder::new().prefix("run-").tempdir_in(dir).map_err(fail)?;
        let text = serde_json::to_vec(&recorded).map_err(|error| fail(error.into()))?;
        for (name, bytes) in files.iter().copied().chain([(Self::REQUEST, text.as_slice())]) {
            let mut file = File::create(made.path().join(name)).map_err(fail)?;
            file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fail)?;
        }
        let renamed = fs::rename(made.path(), &self.path);
        match renamed {
            Ok(()) => {
                let _ = made.keep();
                File::open(dir).and_then(|dir| dir.sync_all()).map_err(fail)?;
                Ok(recorded)
            }
            Err(error) if is_taken(&error) => self.existing(&recorded),
            Err(error) => Err(fail(error)),
        }
    }

    fn existing(&self, recorded: &RecordedRequest) -> Result<RecordedRequest> {
        let handle = recorded.handle(&self.path, serde_json::Value::Null);
        self.request(&handle)?.ok_or_else(|| {
            let message =
                "the directory holds another run; remove that run, or empty the directory";
            Error::new(ErrorKind::Conflict, message)
                .with("path", self.path.display())
                .retryable(false)
        })
    }

    /// Returns what a run was created with; nothing if the folder is not there or another run's.
    pub(super) fn request(&self, handle: &RunHandle) -> Result<Option<RecordedRequest>> {
        Ok(self.recorded()?.filter(|request| request.is_of(handle)))
    }

    /// Returns what the run of this folder was created with, whichever it is.
    pub(super) fn recorded(&self) -> Result<Option<RecordedRequest>> {
        self.json(Self::REQUEST)
    }

    /// Reads a JSON file of the folder; nothing if it is not there.
    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            let message = "the record of a run is damaged; remove the task's directory";
            Error::corrupted(message).with("path", self.path.join(name).display()).caused_by(error)
        })
    }

    /// Reads a file of the folder; nothing if it is not there.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => Ok(None),
            Err(error) => Err(Error::io("cannot read the record of a run", &path, error)),
        }
    }

    /// Writes a file of the folder, whole or not at all, and to the disk.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path.join(name);
        let fail = |error| Error::io("cannot record a run", &path, error);
        let mut file = tempfile::NamedTempFile::new_in(&self.path).map_err(fail)?;
        file.write_all(text.as_bytes()).map_err(fail)?;
        file.as_file().sync_all().map_err(fail)?;
        file.persist(&path).map_err(|error| fail(error.error))?;
        Ok(())
    }

    /// Records for all processes why the run is going to end; a folder that is not there is made.
    pub(super) fn mark(&self, mark: Mark) -> Result<()> {
        fs::create_dir_all(&self.path)
            .map_err(|error| Error::io("cannot record a run", &self.path, error))?;
        self.write(mark.name(), "")
    }

    pub(super) fn is_marked(&self, mark: Mark) -> bool {
        self.path.join(mark.name()).exists()
    }

    /// Removes the folder.
    pub(super) fn remove(&self) -> Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != Io::NotFound => {
                Err(Error::io("cannot remove the record of a run", &self.path, error))
            }
            _ => Ok(()),
        }
    }

    /// Opens the file that a source is written to, to append to it.
    pub(super) fn log(&self, source: LogSource) -> Result<File> {
        let path = tail::path(&self.path, source);
        let file = File::options().create(true).append(true).open(&path);
        file.map_err(|error| Error::io("cannot write the log of a run", &path, error))
    }
}

impl Mark {
    fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Memory => "memory",
        }
    }
}

/// Returns whether a folder could not be renamed because another one is there.
fn is_taken(error: &std::io::Error) -> bool {
    matches!(error.kind(), Io::AlreadyExists | Io::DirectoryNotEmpty)
}

/// Returns the directory of a unit as all processes name it.
pub(super) fn absolute(dir: &Path) -> Result<PathBuf> {
    std::path::absolute(dir)
        .map_err(|error| Error::io("cannot find a task's directory", dir, error))
}
