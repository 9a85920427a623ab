use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ymir_core::{Error, Result, TaskId, TaskSpec, TaskState};

use super::clean::UnremovedFile;
use super::options::Keep;

/// Where, beside the task directories, that lies which is about to be removed. No task has this id.
const GONE: &str = ".gone";

/// Returns the directory of a task. A task id is a plain file name.
pub(super) fn path(tasks_dir: &Path, id: &TaskId) -> PathBuf {
    tasks_dir.join(id.as_str())
}

/// Makes the directory that those of the tasks lie in.
pub(super) fn create_all(tasks_dir: &Path) -> Result<()> {
    fs::create_dir_all(tasks_dir)
        .map_err(|error| Error::io("cannot make the directory of the tasks", tasks_dir, error))?;
    super::spread::spread(tasks_dir);
    Ok(())
}

/// Makes a task directory. What lies there belongs to no task that is known of, and is removed.
pub(super) fn create(path: &Path) -> Result<()> {
    remove(path)
        .and_then(|()| fs::create_dir_all(path))
        .map_err(|error| Error::io("cannot make an empty task directory", path, error))
}

/// Takes what is not to be kept of a task that has ended out of its directory, to be removed when
/// there is time: deleting the files of a large dataset takes longer than linking them. Returns
/// where it lies now.
pub(super) fn put_aside(
    tasks_dir: &Path,
    spec: &TaskSpec,
    keep: Keep,
    state: TaskState,
) -> Result<Vec<PathBuf>> {
    let dir = path(tasks_dir, &spec.id);
    let surplus = match (keep, state) {
        (Keep::None, _) => vec![dir],
        (Keep::Failed, TaskState::Done) => {
            (0..spec.units.max(1)).map(|unit| spec.unit_dir(&dir, unit).join("in")).collect()
        }
        (Keep::Failed | Keep::All, _) => Vec::new(),
    };
    let mut places = Vec::new();
    for (number, surplus) in surplus.iter().enumerate() {
        let name = format!("{}.{number}", spec.id);
        places.extend(
            move_aside(tasks_dir, surplus, &name)
                .map_err(|error| Error::io("cannot clean a task directory", surplus, error))?,
        );
    }
    Ok(places)
}

/// Moves something to where it waits to be removed; `None` if there is nothing.
fn move_aside(tasks_dir: &Path, surplus: &Path, name: &str) -> io::Result<Option<PathBuf>> {
    let gone = tasks_dir.join(GONE);
    let place = gone.join(name);
    let moved = remove(&place)
        .and_then(|()| fs::create_dir_all(&gone))
        .and_then(|()| fs::rename(surplus, &place));
    match moved {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(()) => Ok(Some(place)),
    }
}

/// Moves the directory of an ended task to where it waits to be removed; returns whether nothing is
/// left in its place.
pub(super) fn put_all_aside(tasks_dir: &Path, id: &TaskId, left: &mut Vec<UnremovedFile>) -> bool {
    let dir = path(tasks_dir, id);
    match move_aside(tasks_dir, &dir, id.as_str()) {
        Ok(_) => true,
        // A directory of another user cannot be moved; what can be removed of it is.
        Err(_) => remove_or_report(&dir, left),
    }
}

/// Removes all that was put aside, and reports what cannot be removed.
pub(super) fn empty(tasks_dir: &Path, left: &mut Vec<UnremovedFile>) {
    for entry in fs::read_dir(tasks_dir.join(GONE)).into_iter().flatten().flatten() {
        remove_or_report(&entry.path(), left);
    }
}

fn remove_or_report(path: &Path, left: &mut Vec<UnremovedFile>) -> bool {
    let Err(error) = remove(path) else { return true };
    let (path, user) = foreign(path).unwrap_or((path.to_owned(), None));
    let remedy = match user {
        Some(user) => format!(
            "a directory of user {user}, an executor's for example; remove it as that user or as \
             root"
        ),
        None => "see that this user can write to it".to_owned(),
    };
    left.push(UnremovedFile { path, user, reason: format!("{error}; {remedy}") });
    false
}

/// Returns the first directory in a tree that belongs to another user.
fn foreign(path: &Path) -> Option<(PathBuf, Option<u32>)> {
    let found = fs::symlink_metadata(path).ok()?;
    if found.is_dir() && found.uid() != rustix::process::getuid().as_raw() {
        return Some((path.to_owned(), Some(found.uid())));
    }
    if !found.is_dir() {
        return None;
    }
    fs::read_dir(path).ok()?.flatten().find_map(|entry| foreign(&entry.path()))
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

/// Removes whatever is there; a link itself, not what it points to. Directories of this user that
/// are not writable, as executors leave them, are made so.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).or_else(|error| {
            if error.kind() != io::ErrorKind::PermissionDenied {
                return Err(error);
            }
            open_up(path);
            fs::remove_dir_all(path)
        }),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Makes all directories of a tree writable that are this user's.
fn open_up(path: &Path) {
    if !fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        return;
    }
    // What is another user's stays as it is, and removing it says so.
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        open_up(&entry.path());
    }
}
