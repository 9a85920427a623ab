//! Folders for files on their way, which the next process removes if theirs was killed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Makes a folder for files on their way, whose name begins with a prefix. It is locked as long as
/// the file is open, by which [`left_behind`] knows that its process lives.
pub fn make(prefix: &str, below: &Path) -> io::Result<(TempDir, File)> {
    loop {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(below)?;
        let file = File::open(folder.path())?;
        // Where folders cannot be locked, none is ever taken for one that was left behind.
        let _ = file.lock();
        // Somebody who cleans up may have been between the two.
        let place = |data: fs::Metadata| (data.dev(), data.ino());
        if fs::metadata(folder.path()).ok().map(place) == Some(place(file.metadata()?)) {
            return Ok((folder, file));
        }
    }
}

/// Returns the folders with this prefix whose processes died, each locked as long as its file is
/// open.
pub fn left_behind(prefix: &str, below: &Path) -> Vec<(PathBuf, File)> {
    let entries = fs::read_dir(below).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let folders = named.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let locked = |path: PathBuf| {
        let file = File::open(&path).ok()?;
        file.try_lock().is_ok().then_some((path, file))
    };
    folders.filter_map(|entry| locked(entry.path())).collect()
}

/// Removes the folders with this prefix whose processes died. What cannot be removed stays.
pub fn remove_left_behind(prefix: &str, below: &Path) {
    for (folder, _locked) in left_behind(prefix, below) {
        let _ = fs::remove_dir_all(folder);
    }
}
