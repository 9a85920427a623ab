use std::fs::File;
use std::path::Path;

use ymir_core::{Error, Result};

/// An exclusive lock among the threads and processes that use one repository. The kernel lets it
/// go when its holder dies.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it would not do: a forked child has the file open as well.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Waits for the lock of a name.
    pub(super) fn take(locks: &Path, name: &str) -> Result<Self> {
        let file = open(locks, name)?;
        file.lock().map_err(|e| Error::io("cannot take a lock of the repository", locks, e))?;
        Ok(Self { file })
    }

    /// Returns the lock of a name, or none if somebody holds it.
    pub(super) fn try_take(locks: &Path, name: &str) -> Result<Option<Self>> {
        let file = open(locks, name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(e)) => {
                Err(Error::io("cannot take a lock of the repository", locks, e))
            }
        }
    }
}

fn open(locks: &Path, name: &str) -> Result<File> {
    let path = locks.join(name.replace('/', "."));
    let open = || File::options().create(true).append(true).open(&path);
    let made = open().or_else(|_| std::fs::create_dir_all(locks).and_then(|()| open()));
    made.map_err(|e| Error::io("cannot open a lock file of the repository", &path, e))
}
