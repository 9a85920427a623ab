use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;
use ymir_core::{Error, ErrorKind, Result};
use ymir_formats::support::working_folder;

/// How the name of the folder begins.
const PREFIX: &str = ".ymir-export-";
/// A file in it with what is being moved to its place: of each the number of its inode, a colon, its
/// name, and a zero byte.
const MOVED: &str = ".moved";

/// The folder that an export is written to before it is moved to its place. Nothing is left behind
/// of one that is not finished; what a killed one left, the next one to the same place removes.
#[derive(Debug)]
pub(super) struct Staging {
    destination: PathBuf,
    /// Within the destination, so that a rename is enough.
    folder: PathBuf,
    leftovers: Option<Leftovers>,
}

/// What is to be removed: when this is dropped, it is.
#[derive(Debug)]
struct Leftovers {
    folder: Option<(PathBuf, File)>,
    /// The folders that had to be made, the outermost last.
    made: Vec<PathBuf>,
}

impl Staging {
    /// Makes the folder, within a destination that must be empty or is made.
    pub(super) fn new(destination: PathBuf) -> Result<Self> {
        let failed = "the destination of the export cannot be made";
        let fail = |error| Error::io(failed, &destination, error);
        let above = destination.ancestors().filter(|path| *path != Path::new(""));
        let made = above.take_while(|path| !path.exists()).map(Path::to_owned).collect();
        let mut leftovers = Leftovers { folder: None, made };
        fs::create_dir_all(&destination).map_err(fail)?;
        remove_killed(&destination);
        if fs::read_dir(&destination).map_err(fail)?.next().is_some() {
            let message = "the destination of an export must be empty; choose a new folder";
            let error = Error::new(ErrorKind::AlreadyExists, message);
            return Err(error.with("path", destination.display()));
        }
        let (folder, locked) = working_folder::make(PREFIX, &destination).map_err(fail)?;
        let folder = folder.keep();
        leftovers.folder = Some((folder.clone(), locked));
        Ok(Self { destination, folder, leftovers: Some(leftovers) })
    }

    /// Returns the folder that everything is written to.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Moves everything to its place.
    pub(super) fn finish(&self) -> Result<()> {
        let fail =
            |path: &Path, error| Error::io("the export cannot be moved to its place", path, error);
        let parts = fs::read_dir(&self.folder).map_err(|e| fail(&self.folder, e))?;
        let parts: Vec<_> =
            parts.collect::<std::io::Result<_>>().map_err(|e| fail(&self.folder, e))?;
        let names: Vec<_> = parts.iter().map(fs::DirEntry::file_name).collect();
        let listed = |part: &fs::DirEntry| {
            [format!("{}:", part.ino()).as_bytes(), part.file_name().as_bytes(), &[0]].concat()
        };
        let list: Vec<u8> = parts.iter().flat_map(listed).collect();
        let listed = fs::write(self.folder.join(MOVED), list);
        listed.map_err(|e| fail(&self.folder, e))?;
        for (i, name) in names.iter().enumerate() {
            let place = self.destination.join(name);
            if let Err(error) = fs::rename(self.folder.join(name), &place) {
                names[..i].iter().for_each(|moved| remove(&self.destination.join(moved)));
                return Err(fail(&place, error));
            }
        }
        Ok(())
    }

    /// Removes what is left, on this thread.
    pub(super) fn clear(staging: Arc<Self>) {
        if let Ok(mut staging) = Arc::try_unwrap(staging) {
            drop(staging.leftovers.take());
        }
    }
}

/// Removes what killed exports left in a destination.
fn remove_killed(destination: &Path) {
    for (folder, _locked) in working_folder::left_behind(PREFIX, destination) {
        let list = fs::read(folder.join(MOVED)).unwrap_or_default();
        for (inode, name) in list.split(|byte| *byte == 0).filter_map(moved) {
            let place = destination.join(name);
            // What somebody has put there since is another.
            let is_it = |data: fs::Metadata| data.ino() == inode;
            if is_plain(name) && fs::symlink_metadata(&place).is_ok_and(is_it) {
                remove(&place);
            }
        }
        let _ = fs::remove_dir_all(folder);
    }
}

/// Returns the inode and the name of an entry of the list.
fn moved(entry: &[u8]) -> Option<(u64, &Path)> {
    let colon = entry.iter().position(|byte| *byte == b':')?;
    let inode = std::str::from_utf8(&entry[..colon]).ok()?.parse().ok()?;
    Some((inode, Path::new(OsStr::from_bytes(&entry[colon + 1..]))))
}

/// Removes a folder or file. What cannot be removed stays.
fn remove(path: &Path) {
    let _ = fs::remove_dir_all(path).or_else(|_| fs::remove_file(path));
}

/// Returns whether a path is the name of something directly in a folder.
fn is_plain(path: &Path) -> bool {
    matches!(path.components().collect::<Vec<_>>()[..], [Component::Normal(_)])
}

impl Drop for Staging {
    /// Removes what is left, on a thread that may block: this is an export that was dropped.
    fn drop(&mut self) {
        let Some(leftovers) = self.leftovers.take() else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(leftovers));
        }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        if let Some((folder, _locked)) = self.folder.take() {
            // Under another name, no thread that still works for the export can add to it.
            let gone = folder.with_extension("gone");
            let gone = if fs::rename(&folder, &gone).is_ok() { gone } else { folder };
            // What cannot be removed is no reason to fail: the error that led here says more.
            let _ = fs::remove_dir_all(gone);
        }
        for folder in &self.made {
            // Only empty folders go: those of an export that was not finished.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}
