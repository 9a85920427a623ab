use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
use ymir_core::{Error, Result, TaskId, TaskState};

use super::options::Keep;

/// Where, beside the task directories, that lies which is about to be removed. No task has this id.
const GONE: &str = ".gone";

/// Returns the directory of a task. A task id is a plain file name.
pub(super) fn path(tasks_dir: &Path, id: &TaskId) -> PathBuf {
    tasks_dir.join(id.as_str())
}

/// Makes the directory that those of the tasks lie in.
///
/// ext4 is asked to put each of them elsewhere on the disk, as it does with home directories. Else
/// the files of a task come to lie where another's were deleted just now, which an ext4 without a
/// journal, that does not use an inode again soon, looks at one by one for each new file.
pub(super) fn create_all(tasks_dir: &Path) -> Result<()> {
    fs::create_dir_all(tasks_dir)
        .map_err(|error| Error::io("cannot make the directory of the tasks", tasks_dir, error))?;
    // Other file systems do not know this.
    let _ = File::open(tasks_dir).map(|dir| {
        let flags = ioctl_getflags(&dir)?;
        match flags.contains(IFlags::TOPDIR) {
            true => Ok(()),
            false => ioctl_setflags(&dir, flags | IFlags::TOPDIR),
        }
    });
    Ok(())
}

/// Makes a task directory. What lies there belongs to no task that is known of, and is removed.
pub(super) fn create(path: &Path) -> Result<()> {
    remove(path)
        .and_then(|()| fs::create_dir_all(path))
        .map_err(|error| Error::io("cannot make an empty task directory", path, error))
}

/// Takes what is not to be kept of a task that has ended out of its directory, to be removed when
/// there is time: deleting the files of a large dataset takes longer than linking them.
pub(super) fn put_aside(
    tasks_dir: &Path,
    id: &TaskId,
    keep: Keep,
    state: TaskState,
) -> Result<Option<PathBuf>> {
    let path = path(tasks_dir, id);
    let surplus = match (keep, state) {
        (Keep::None, _) => path,
        (Keep::Failed, TaskState::Done) => path.join("in"),
        (Keep::Failed | Keep::All, _) => return Ok(None),
    };
    let gone = tasks_dir.join(GONE);
    let place = gone.join(id.as_str());
    let moved = remove(&place)
        .and_then(|()| fs::create_dir_all(&gone))
        .and_then(|()| fs::rename(&surplus, &place));
    match moved {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("cannot clean a task directory", &surplus, error)),
        Ok(()) => Ok(Some(place)),
    }
}

/// Removes what was put aside.
pub(super) fn remove_aside(place: &Path) -> Result<()> {
    remove(place).map_err(|error| Error::io("cannot clean a task directory", place, error))
}

/// Removes what processes put aside that died before they removed it. What another process is
/// about to remove may go as well. What cannot be removed takes space and does no other harm: it is
/// no reason to fail or warn, and is tried again whenever a scheduler is opened.
pub(super) fn remove_left_aside(tasks_dir: &Path) {
    for entry in fs::read_dir(tasks_dir.join(GONE)).into_iter().flatten().flatten() {
        let _ = remove(&entry.path());
    }
}

/// Removes whatever is there; a link itself, not what it points to.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
