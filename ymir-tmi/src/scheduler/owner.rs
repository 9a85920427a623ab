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
    pub(super) id: String,
    file: Mutex<Option<File>>,
}

impl Owner {
    /// Takes a new identity. The caller records it in the database.
    pub(super) fn claim(connection: &Connection, database: &Path) -> Result<Self> {
        let id: String = connection
            .query_row("SELECT lower(hex(randomblob(8)))", [], |row| row.get(0))
            .map_err(|error| super::database::failure("cannot make an id", database, error))?;
        let path = file(database, &id);
        let message = "cannot make the file that shows that this scheduler is alive";
        fs::create_dir_all(directory(database))
            .and_then(|()| OpenOptions::new().write(true).create_new(true).open(&path))
            .and_then(|file| file.try_lock().map_err(Into::into).map(|()| file))
            .map(|file| Self { id, file: Mutex::new(Some(file)) })
            .map_err(|error| Error::io(message, &path, error))
    }

    /// Shows others that this scheduler is gone, before it is dropped.
    pub(super) fn release(&self) {
        lock(&self.file).take();
    }

    /// Returns whether the scheduler with this identity is gone, and removes its file if it is.
    pub(super) fn is_gone(database: &Path, id: &str) -> bool {
        let path = file(database, id);
        let gone = match File::open(&path) {
            Ok(file) => file.try_lock().is_ok(),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        if gone {
            Self::forget(database, id);
        }
        gone
    }

    /// Removes the files of schedulers that went without leaving. Only while nobody else opens the database, and after their tasks were ended.
    pub(super) fn sweep(database: &Path) {
        for path in Self::gone(database) {
            // One that stays does no harm.
            let _ = fs::remove_file(path);
        }
    }

    /// Returns the files of schedulers that went without leaving: their database may be damaged.
    pub(super) fn gone(database: &Path) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(directory(database)) else { return Vec::new() };
        let is_gone = |path: &PathBuf| File::open(path).is_ok_and(|file| file.try_lock().is_ok());
        entries.flatten().map(|entry| entry.path()).filter(is_gone).collect()
    }

    /// Removes the file of an identity.
    pub(super) fn forget(database: &Path, id: &str) {
        // It may be gone already; and one that stays does no harm.
        let _ = fs::remove_file(file(database, id));
    }
}

fn directory(database: &Path) -> PathBuf {
    beside(database, "-owners")
}

fn file(database: &Path, id: &str) -> PathBuf {
    // The id comes from the database, that may hold anything.
    let plain: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
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
