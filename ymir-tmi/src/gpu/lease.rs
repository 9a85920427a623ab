use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use ymir_core::{Error, ErrorKind, Result};

use super::DeviceId;

/// The directory in which all processes of a host agree who holds which device.
///
/// A lease is an exclusive lock on the file `<directory>/<device id>.lock`. The operating system
/// releases it when its holder dies, however it dies. The files stay; only the locks count.
#[derive(Debug, Clone)]
pub struct LeaseDir {
    path: PathBuf,
}

impl LeaseDir {
    /// Returns the lease directory at this path. It is created with the first lease, so that
    /// everybody on the host can use it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lease of a device; `None` if somebody holds it, in this process or another.
    ///
    /// # Errors
    ///
    /// `Unauthorized` if another user made the directory or the file so that this one cannot use
    /// it; other kinds for other failures of the file system.
    pub fn try_lease(&self, device: &DeviceId) -> Result<Option<Lease>> {
        self.create()?;
        let path = self.path.join(format!("{device}.lock"));
        let file = open_shared(&path).map_err(|error| {
            let message = "cannot open the lease file of a GPU; make it readable and writable for \
                           everybody who shares the GPUs, or choose another lease directory";
            Error::io(message, &path, error).with("device", device)
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lease { device: device.clone(), file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                let message = "cannot lock the lease file of a GPU; choose a lease directory on a \
                               local file system";
                Err(Error::io(message, &path, error).with("device", device))
            }
        }
    }

    fn create(&self) -> Result<()> {
        if self.path.is_dir() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.path).and_then(|()| share_dir(&self.path)).map_err(|error| {
            let message = "cannot create the directory of the GPU leases; create it for everybody \
                           who shares the GPUs (mode 1777), or choose another";
            Error::io(message, &self.path, error)
        })?;
        if self.path.is_dir() {
            return Ok(());
        }
        let message = "the path of the GPU leases is no directory; choose another";
        Err(Error::new(ErrorKind::InvalidInput, message).with("path", self.path.display()))
    }
}

/// A device held by this process, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lease {
    device: DeviceId,
    file: File,
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Closing it would not do: a forked child has the file open as well.
        let _ = self.file.unlock();
    }
}

impl Lease {
    /// Returns the device.
    pub fn device(&self) -> &DeviceId {
        &self.device
    }
}

/// Opens a file that every user may lock. It is opened without creating it first: in a sticky
/// directory Linux refuses `O_CREAT` on other users' files (`fs.protected_regular`).
fn open_shared(path: &Path) -> io::Result<File> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    match OpenOptions::new().read(true).write(true).create_new(true).open(path) {
        Ok(file) => share_file(&file).map(|()| file),
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().read(true).write(true).open(path)
        }
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn share_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o1777))
}

#[cfg(unix)]
fn share_file(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn share_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn share_file(_file: &File) -> io::Result<()> {
    Ok(())
}
