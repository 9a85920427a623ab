use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ymir_core::{Error, Result, TaskId, TaskState};

use super::options::Keep;

/// Returns the directory of a task. A task id is a plain file name.
pub(super) fn path(tasks_dir: &Path, id: &TaskId) -> PathBuf {
    tasks_dir.join(id.as_str())
}

/// Makes a task directory. What lies there belongs to no task that is known of, and is removed.
pub(super) fn create(path: &Path) -> Result<()> {
    remove(path)
        .and_then(|()| fs::create_dir_all(path))
        .map_err(|error| Error::io("cannot make an empty task directory", path, error))
}

/// Removes what is not to be kept of a task that has ended.
pub(super) fn clean(path: &Path, keep: Keep, state: TaskState) -> Result<()> {
    let surplus = match (keep, state) {
        (Keep::None, _) => path.to_owned(),
        (Keep::Failed, TaskState::Done) => path.join("in"),
        (Keep::Failed | Keep::All, _) => return Ok(()),
    };
    remove(&surplus).map_err(|error| Error::io("cannot clean a task directory", &surplus, error))
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
