use std::fs::{File, TryLockError};
use std::io::{ErrorKind as Io, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use ymir_core::{Error, ErrorKind, LabelHandle, LabelJobId, Result, Timestamp, VersionId};

use super::LabelOptions;

/// The labeling jobs of a workspace: a file for each, in `state/labeling`.
///
/// Losing the directory loses no job: the id of a job follows from its options, and a backend finds
/// by the id what it has.
#[derive(Debug, Clone)]
pub(super) struct Registry {
    directory: PathBuf,
}

/// What the registry knows of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// The version of this format: 1.
    format: u32,
    /// Where the job stands at its backend.
    pub(super) handle: LabelHandle,
    /// What it was made from.
    pub(super) options: LabelOptions,
    /// When it was begun.
    pub(super) created: Timestamp,
    /// What came back, once all of it was committed.
    #[serde(default)]
    pub(super) collected: Option<VersionId>,
}

impl Entry {
    /// Returns the entry of a job before its first step.
    pub(super) fn new(id: LabelJobId, options: LabelOptions) -> Self {
        let handle = LabelHandle::new(id);
        Self { format: 1, handle, options, created: Timestamp::now(), collected: None }
    }
}

/// Makes its holder the only one that creates, cancels or collects a job, in any process, until it
/// is dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not used")] File);

impl Registry {
    /// Returns the registry of a workspace.
    pub(super) fn new(root: &Path) -> Self {
        Self { directory: root.join("state/labeling") }
    }

    fn path(&self, id: &LabelJobId) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    /// Waits for the lock of a job.
    pub(super) async fn lock(&self, id: &LabelJobId) -> Result<Lock> {
        let path = self.directory.join(format!("{id}.lock"));
        let failed = |error| Error::io("cannot lock a labeling job", &path, error);
        std::fs::create_dir_all(&self.directory).map_err(failed)?;
        let options = File::options().create(true).append(true).open(&path);
        let file = options.map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock(file)),
                Err(TryLockError::WouldBlock) => {
                    tokio::time::sleep(Duration::from_millis(20)).await
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Returns the entry of a job, if there is one.
    ///
    /// # Errors
    ///
    /// `Corrupted` if its file is damaged.
    pub(super) async fn read(&self, id: &LabelJobId) -> Result<Option<Entry>> {
        let path = self.path(id);
        blocking(move || read(&path)).await
    }

    /// Stores the entry of a job; it is durable when this returns.
    pub(super) async fn write(&self, entry: &Entry) -> Result<()> {
        let (directory, path) = (self.directory.clone(), self.path(&entry.handle.job));
        let bytes = serde_json::to_vec_pretty(entry).map_err(|error| {
            Error::new(ErrorKind::Unexpected, "a labeling job has no JSON form").caused_by(error)
        })?;
        blocking(move || {
            let store = || {
                let mut file = NamedTempFile::new_in(&directory)?;
                file.write_all(&bytes)?;
                file.as_file().sync_all()?;
                file.persist(&path).map_err(|error| error.error)?;
                File::open(&directory)?.sync_all()
            };
            store().map_err(|error| Error::io("cannot store a labeling job", &path, error))
        })
        .await
    }

    /// Removes the entry of a job.
    pub(super) async fn remove(&self, id: &LabelJobId) -> Result<()> {
        let path = self.path(id);
        blocking(move || match std::fs::remove_file(&path) {
            Err(error) if error.kind() == Io::NotFound => Ok(()),
            done => done.map_err(|error| Error::io("cannot remove a labeling job", &path, error)),
        })
        .await
    }

    /// Returns the entries of all jobs, oldest first.
    pub(super) async fn list(&self) -> Result<Vec<Entry>> {
        let directory = self.directory.clone();
        blocking(move || list(&directory)).await
    }
}

fn read(path: &Path) -> Result<Option<Entry>> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == Io::NotFound => return Ok(None),
        read => read.map_err(|error| Error::io("cannot read a labeling job", path, error))?,
    };
    let damaged = |message: &str| Error::corrupted(message).with("path", path.display());
    let entry: Entry = serde_json::from_slice(&bytes).map_err(|error| {
        let message = "the file of a labeling job is damaged; remove it, and label with the same \
                       options to find the job again";
        damaged(message).caused_by(error)
    })?;
    if entry.format != 1 {
        return Err(damaged("a newer version of YMIR wrote this labeling job; use that one"));
    }
    Ok(Some(entry))
}

fn list(directory: &Path) -> Result<Vec<Entry>> {
    let failed = |error| Error::io("cannot list the labeling jobs", directory, error);
    let files = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == Io::NotFound => return Ok(Vec::new()),
        files => files.map_err(failed)?,
    };
    let mut entries = Vec::new();
    for file in files {
        let path = file.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            // One that is cancelled meanwhile is none.
            entries.extend(read(&path)?);
        }
    }
    entries.sort_by(|a, b| (a.created, &a.handle.job).cmp(&(b.created, &b.handle.job)));
    Ok(entries)
}

/// Runs file work on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        let message = "the work on a labeling job's file broke off";
        Error::new(ErrorKind::Unexpected, message).caused_by(error)
    })?
}
