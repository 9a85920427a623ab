//! The directory in which the processes of a host meet, and what makes it safe in `/tmp`.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ymir_core::{Error, ErrorKind, Result};

const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o022;

/// Makes the directory of the host, for all users, unless it is there. Of other users' entries in
/// it nobody but root and its owner can move or remove any (mode 1777).
///
/// # Errors
///
/// `Unauthorized` if it is a link, or if everybody could tamper with what lies in it.
pub(super) fn shared(path: &Path) -> Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path)
                .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o1777)))
                .map_err(|error| Error::io("cannot make the host directory", path, error))?;
        }
        _ => {}
    }
    let found = metadata(path)?;
    let open = found.mode() & OTHERS_WRITE != 0;
    let trusted = [0, own_user()].contains(&found.uid());
    if found.is_dir() && if open { found.mode() & STICKY != 0 } else { trusted } {
        return Ok(path.to_owned());
    }
    Err(refused(path, "make it a directory of mode 1777 that belongs to root"))
}

/// Makes the directory of this user in that of the host, which nobody else can read or write.
///
/// # Errors
///
/// `Unauthorized` if what is there is a link or belongs to somebody else.
pub(super) fn private(host: &Path) -> Result<PathBuf> {
    let path = host.join(format!("user-{}", own_user()));
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let message = "cannot make this user's directory in the host directory";
            return Err(Error::io(message, &path, error));
        }
        _ => {}
    }
    let found = metadata(&path)?;
    if found.is_dir() && found.uid() == own_user() && found.mode() & 0o077 == 0 {
        return Ok(path);
    }
    Err(refused(&path, "remove it, if need be as root"))
}

pub(super) fn own_user() -> u32 {
    rustix::process::getuid().as_raw()
}

fn metadata(path: &Path) -> Result<fs::Metadata> {
    fs::symlink_metadata(path)
        .map_err(|error| Error::io("cannot use the host directory", path, error))
}

fn refused(path: &Path, remedy: &str) -> Error {
    let message = format!(
        "the host directory cannot be trusted: another user could change what this one keeps \
         there; {remedy}, or choose another"
    );
    Error::new(ErrorKind::Unauthorized, message).with("path", path.display())
}
