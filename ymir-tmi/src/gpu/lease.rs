use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use ymir_core::{Error, ErrorKind, Result};

use super::DeviceId;

/// The longest note that is read, in bytes; other users write them.
const MAX_NOTE: u64 = 16 << 10;

/// The directory in which all processes and users of a host agree who holds which device.
///
/// A lease is the file `<directory>/<device id>`, made whole or not at all, with a note of its holder
/// in it. It outlives the process that made it, as the run that uses the device may; only the user
/// who made it, and root, can remove it.
#[derive(Debug, Clone)]
pub struct LeaseDir {
    path: PathBuf,
}

/// A device that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLease {
    /// The device.
    pub device: DeviceId,
    /// Whether this user holds it.
    pub own: bool,
    /// What its holder wrote down.
    pub note: String,
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

    /// Takes the lease of a device; returns whether it was free.
    ///
    /// # Errors
    ///
    /// `Unauthorized` if another user made the directory so that this one cannot use it; other kinds
    /// for other failures of the file system.
    pub fn try_lease(&self, device: &DeviceId, note: &str) -> Result<bool> {
        self.create()?;
        let failed = |error| {
            let message = "cannot lease a GPU; make the directory of the leases writable for \
                           everybody who shares the GPUs (mode 1777), or choose another";
            Error::io(message, &self.path, error).with("device", device)
        };
        // The link either makes the whole file or finds one there.
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.path);
        let written =
            file.as_mut().map_err(|error| io::Error::new(error.kind(), error.to_string()));
        let path = self.path.join(device.as_str());
        let linked = written.and_then(|file| {
            share_file(file.as_file())?;
            file.write_all(note.as_bytes())?;
            fs::hard_link(file.path(), &path)
        });
        match linked {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Gives a device back. Nothing happens if it is not leased.
    ///
    /// # Errors
    ///
    /// `Unauthorized` if another user holds it.
    pub fn release(&self, device: &DeviceId) -> Result<()> {
        let path = self.path.join(device.as_str());
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("cannot give a GPU back", &path, error).with("device", device))
            }
            _ => Ok(()),
        }
    }

    /// Returns the devices that are held, by whichever user.
    ///
    /// # Errors
    ///
    /// As [`LeaseDir::try_lease`].
    pub fn leases(&self) -> Result<Vec<DeviceLease>> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries,
        };
        let failed = |error| Error::io("cannot read the leases of the GPUs", &self.path, error);
        let mut leases = Vec::new();
        for entry in entries.map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            // What has no name of a device is being written, or is none of ours.
            let device = name.to_str().map(DeviceId::new);
            let Some(Ok(device)) = device else { continue };
            if let Some((own, note)) = read(&self.path.join(device.as_str())) {
                leases.push(DeviceLease { device, own, note });
            }
        }
        Ok(leases)
    }

    fn create(&self) -> Result<()> {
        let failed = |error| {
            let message = "cannot create the directory of the GPU leases; create it for everybody \
                           who shares the GPUs (mode 1777), or choose another";
            Error::io(message, &self.path, error)
        };
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&self.path).and_then(|()| share_dir(&self.path)).map_err(failed)
            }
            Err(error) => Err(failed(error)),
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => {
                let message = "the path of the GPU leases is no directory; choose another";
                let error = Error::new(ErrorKind::InvalidInput, message);
                Err(error.with("path", self.path.display()))
            }
        }
    }
}

/// Returns whether a lease is this user's, and its note; `None` if it was given back meanwhile. What
/// cannot be read is held all the same.
fn read(path: &Path) -> Option<(bool, String)> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::symlink_metadata(path).ok()?;
    let own = found.uid() == rustix::process::getuid().as_raw();
    let mut note = Vec::new();
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if found.is_file()
        && let Ok(file) = rustix::fs::open(path, flags, Mode::empty())
    {
        // A note that is cut short is one that says nothing.
        let _ = fs::File::from(file).take(MAX_NOTE).read_to_end(&mut note);
    }
    Some((own, String::from_utf8_lossy(&note).into_owned()))
}

fn share_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o1777))
}

fn share_file(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}
