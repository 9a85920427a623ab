use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Temporary files of processes that died are deleted when they are as old as this.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// How the names of temporary files begin: packs, new values of refs, blobs.
const PREFIXES: [&str; 4] = ["tmp_", ".tmp", "blob-", "link-"];

/// Returns whether a file is a temporary one by its name.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    PREFIXES.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
}

/// Deletes the old temporary files in a directory.
pub(crate) fn remove_stale(dir: &Path) {
    remove_older(dir, STALE);
}

fn remove_older(dir: &Path, limit: Duration) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_temporary = is_temporary(&name) || is_half(&entry.path());
        let Ok(data) = entry.metadata() else { continue };
        // A link has the time of its file, but the moment when it was made changes the inode.
        let changed = Duration::from_secs(data.ctime().try_into().unwrap_or_default());
        let is_old = now.checked_sub(changed).is_some_and(|age| age >= limit);
        // The lock of a ref is a second link of its new value: while it stands, the number of its
        // links is what tells the next writer that it may be removed.
        let is_lock = name.to_string_lossy().starts_with(".tmp") && data.nlink() > 1;
        if is_temporary && is_old && !data.is_dir() && !is_lock {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Returns whether a file is a pack without its index, which nobody reads: its writer died between
/// the two.
fn is_half(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "pack") && !path.with_extension("idx").exists()
}

#[cfg(test)]
#[path = "stale_tests.rs"]
mod tests;
