use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use ymir_core::{Error, ErrorKind, Result};

use super::database::beside;
use super::outbox::lock;

/// How long opening waits for another process that opens the same database.
const PATIENCE: Duration = Duration::from_secs(30);

/// What shows other processes that a scheduler is alive: an exclusive lock on a file of its own,
/// that the operating system releases when its process dies.
#[derive(Debug)]
pub(super) struct Owner {
    /// Its process id and a random part: `<pid>_<hex>`.
    pub(super) id: String,
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl Owner {
    /// Takes a new identity.
    pub(super) fn claim(connection: &Connection, database: &Path) -> Result<Self> {
        let random: String = connection
            .query_row("SELECT lower(hex(randomblob(8)))", [], |row| row.get(0))
            .map_err(|error| super::database::failure("cannot make an id", database, error))?;
        let id = format!("{}_{random}", std::process::id());
        let path = file(database, &id);
        let message = "cannot make the file that shows that this scheduler is alive";
        // It has its name only when it is locked, so that nobody takes it for a dead one's.
        let unnamed = path.with_extension("new");
        fs::create_dir_all(directory(database))
            .and_then(|()| OpenOptions::new().write(true).create_new(true).open(&unnamed))
            .and_then(|file| file.try_lock().map_err(Into::into).map(|()| file))
            .and_then(|file| fs::rename(&unnamed, &path).map(|()| file))
            .map(|file| Self { id, path: path.clone(), file: Mutex::new(Some(file)) })
            .map_err(|error| Error::io(message, &path, error))
    }

    /// Returns the file that is locked while this scheduler lives.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Shows others that this scheduler is gone, before it is dropped.
    pub(super) fn release(&self) {
        if let Some(file) = lock(&self.file).take() {
            // Closing it would not do: a forked child has the file open as well.
            let _ = file.unlock();
        }
    }

    /// Returns whether the scheduler with this identity is alive.
    pub(super) fn is_alive(database: &Path, id: &str) -> bool {
        Self::holds(&file(database, id)) == Some(true)
    }

    /// Returns whether a scheduler holds the lock of this file; `None` if there is no such file. One
    /// that cannot be opened counts as held.
    pub(super) fn holds(path: &Path) -> Option<bool> {
        match File::open(path) {
            // Shared, so that two who look at once do not take each other for the owner.
            Ok(file) => Some(file.try_lock_shared().is_err()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(_) => Some(true),
        }
    }

    /// Returns the process id of an identity.
    pub(super) fn pid(id: &str) -> u32 {
        id.split_once('_').and_then(|(pid, _)| pid.parse().ok()).unwrap_or_default()
    }

    /// Removes the files of schedulers that went without leaving.
    pub(super) fn sweep(database: &Path) {
        for path in Self::gone(database) {
            // One that stays does no harm.
            let _ = fs::remove_file(path);
        }
    }

    /// Returns the files of schedulers that went without leaving: their database may be damaged.
    pub(super) fn gone(database: &Path) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(directory(database)) else { return Vec::new() };
        let paths = entries.flatten().map(|entry| entry.path());
        let locks = paths.filter(|path| path.extension().is_some_and(|end| end == "lock"));
        locks.filter(|path| Self::holds(path) == Some(false)).collect()
    }

    /// Removes the file of this scheduler.
    pub(super) fn forget(&self) {
        // One that stays does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.release();
    }
}

fn directory(database: &Path) -> PathBuf {
    beside(database, "-owners")
}

fn file(database: &Path, id: &str) -> PathBuf {
    // The id comes from the database, that may hold anything.
    let plain: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    directory(database).join(format!("{plain}.lock"))
}

/// Waits until no other process opens the database, and keeps them out until the file is dropped.
pub(super) fn opening(database: &Path) -> Result<File> {
    let path = beside(database, ".lock");
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| {
            Error::io("cannot make the directory of the database of the tasks", parent, error)
        })?;
    }
    let failed = |error| Error::io("cannot lock the database of the tasks", &path, error);
    let options = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = options.map_err(failed)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if Instant::now() > end => {
                let message = "another process opens the database of the tasks and does not \
                               come to an end; try again";
                return Err(Error::new(ErrorKind::Timeout, message).with("path", path.display()));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
        }
    }
}
