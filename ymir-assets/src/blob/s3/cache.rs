use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use walkdir::WalkDir;
use ymir_core::BlobId;

use super::super::dir::BlobDir;
use super::super::put::TEMPORARY;

/// A file that is used again is young again, unless it is younger than this anyway.
const RENEW: Duration = Duration::from_secs(1);

/// Files of blobs on this machine, in a directory like that of a store, up to a number of bytes.
/// Any of them may be deleted at any moment, also by another process.
#[derive(Debug)]
pub(super) struct Cache {
    pub(super) dir: BlobDir,
    limit: u64,
    /// How many bytes may have come since the directory was last looked through.
    added: AtomicU64,
}

impl Cache {
    pub(super) fn new(root: &Path, limit: u64) -> Self {
        Self { dir: BlobDir::new(root), limit, added: AtomicU64::new(u64::MAX / 2) }
    }

    /// Returns the file of a blob, if it is here, as one that was used now.
    pub(super) fn file(&self, id: &BlobId) -> Option<PathBuf> {
        let path = self.dir.file(id).ok()?;
        let data = fs::metadata(&path).ok()?;
        let now = SystemTime::now();
        let is_old = |used| now.duration_since(used).is_ok_and(|age| age > RENEW);
        if data.modified().is_ok_and(is_old) {
            // Where that fails the file goes sooner, and is fetched again.
            let renew = |file: File| file.set_times(FileTimes::new().set_modified(now));
            let _ = File::open(&path).and_then(renew);
        }
        Some(path)
    }

    pub(super) fn forget(&self, id: &BlobId) {
        // One that cannot be deleted is found to be wrong by whoever reads it.
        let _ = fs::remove_file(self.dir.path(id));
    }

    /// Makes place for so many bytes. The directory is looked through once an eighth of the limit
    /// may have come to it; then what was not used for longest goes.
    pub(super) fn reserve(&self, bytes: u64) {
        let slack = self.limit / 8;
        if self.added.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= slack {
            return;
        }
        self.added.store(bytes, Ordering::Relaxed);
        self.shrink((self.limit - slack).saturating_sub(bytes));
    }

    fn shrink(&self, limit: u64) {
        let mut files = Vec::new();
        for entry in WalkDir::new(&self.dir.root).min_depth(2).max_depth(2).into_iter().flatten() {
            let is_blob = !entry.path().starts_with(self.dir.root.join(TEMPORARY));
            if let Ok(data) = entry.metadata()
                && is_blob
                && data.is_file()
            {
                let used = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                files.push((used, data.len(), entry.into_path()));
            }
        }
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        files.sort_unstable();
        for (_, size, path) in files {
            if total <= limit {
                break;
            }
            if fs::remove_file(path).is_ok() {
                total -= size;
            }
        }
    }
}
