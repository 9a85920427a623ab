use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rayon::prelude::*;
use ymir_core::{BlobId, Error, GarbageOptions, GarbageReport, Result};
use ymir_formats::support::in_parallel;

use super::dir::{BlobDir, hash, missing};
use super::put::TEMPORARY;
use crate::store::is_temporary;

/// The file whose lock who puts blobs in shares, and who deletes some has alone.
const LOCK: &str = "lock";

/// A blob that is put in again counts as new, unless it is younger than this anyway.
const RENEW: Duration = Duration::from_secs(1);

/// Keeps blobs from being deleted while it is held.
#[derive(Debug)]
pub(super) struct Keep(File);

impl Drop for Keep {
    fn drop(&mut self) {
        // Closing it would not do: a forked child has the file open as well.
        let _ = self.0.unlock();
    }
}

impl BlobDir {
    /// Keeps blobs from being deleted while this is held.
    pub(super) fn keep(&self) -> Result<Keep> {
        let file = self.lock_file()?;
        file.lock_shared().map_err(|e| Error::io("cannot lock the blobs", &self.root, e))?;
        Ok(Keep(file))
    }

    fn lock_file(&self) -> Result<File> {
        let path = self.root.join(LOCK);
        let open = File::options().create(true).append(true).open(&path);
        open.map_err(|e| Error::io("cannot open the lock of the blobs", &path, e))
    }

    /// Makes a blob that is there count as put in now. A second link for a moment changes nothing
    /// but the time at which the inode was changed.
    pub(super) fn renew(&self, path: &Path, data: &Metadata, temporary: &Path) -> io::Result<()> {
        if age(data) < RENEW {
            return Ok(());
        }
        let link = |to: &Path| fs::hard_link(path, to);
        tempfile::Builder::new().prefix("link-").make_in(temporary, link).map(drop)
    }

    /// Checks that blobs are there with their sizes, and their hashes if that is asked for; returns
    /// those that are not.
    pub(crate) fn check(
        &self,
        blobs: &[(BlobId, u64)],
        hashes: bool,
    ) -> Result<Vec<(BlobId, Error)>> {
        let check = |(id, size): &(BlobId, u64)| {
            self.check_one(id, *size, hashes).err().map(|error| (*id, error))
        };
        Ok(in_parallel(|| blobs.par_iter().filter_map(check).collect()))
    }

    fn check_one(&self, id: &BlobId, size: u64, hashes: bool) -> Result<()> {
        let path = self.file(id)?;
        let fail = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => missing(id),
            _ => Error::io("cannot read a blob", &path, e),
        };
        let mut file = File::open(&path).map_err(fail)?;
        let found = file.metadata().map_err(fail)?.len();
        if found != size {
            return Err(self.damaged(id, &path).with("size", size).with("found", found));
        }
        if hashes {
            let found = hash(&mut file, found).map_err(fail)?.0;
            if found != *id {
                return Err(self.damaged(id, &path).with("found", found));
            }
        }
        Ok(())
    }

    /// Deletes the blobs that are not among those in use and not young.
    pub(crate) fn sweep(
        &self,
        used: &HashMap<BlobId, u64>,
        options: GarbageOptions,
    ) -> Result<GarbageReport> {
        let mut report = GarbageReport::default();
        if !self.root.exists() {
            return Ok(report);
        }
        let lock = self.lock_file()?;
        self.sweep_temporary(&lock, options, &mut report)?;
        for byte in 0..=255_u8 {
            let prefix = hex::encode([byte]);
            let folder = self.root.join(&prefix);
            let unused = self.unused(&folder, &prefix, used, &mut report)?;
            if unused.is_empty() {
                continue;
            }
            // Held for one folder at a time, so that whoever puts blobs in hardly waits. One that
            // was put in again meanwhile is young now.
            lock.lock().map_err(|e| Error::io("cannot lock the blobs", &self.root, e))?;
            let swept = unused.iter().try_for_each(|path| delete(path, options, &mut report));
            lock.unlock().map_err(|e| Error::io("cannot unlock the blobs", &self.root, e))?;
            swept?;
        }
        Ok(report)
    }

    /// Deletes the temporary files of those who were broken off: while this has the lock alone,
    /// nobody else has any.
    fn sweep_temporary(
        &self,
        lock: &File,
        options: GarbageOptions,
        report: &mut GarbageReport,
    ) -> Result<()> {
        let folder = self.root.join(TEMPORARY);
        let fail = |e| Error::io("cannot delete the temporary files of the blobs", &folder, e);
        lock.lock().map_err(|e| Error::io("cannot lock the blobs", &self.root, e))?;
        let mut sweep = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            let data = entry.metadata()?;
            if !is_temporary(&entry.file_name()) || data.is_dir() {
                return Ok(());
            }
            report.blobs += 1;
            // The second link of a file takes nothing.
            report.bytes += if data.is_file() && data.nlink() == 1 { data.len() } else { 0 };
            if options.dry_run { Ok(()) } else { fs::remove_file(entry.path()) }
        };
        // Whoever begins to put blobs in removes old ones too, and may be faster.
        let sweep = |entry| gone_is_done(sweep(entry));
        let swept = match fs::read_dir(&folder) {
            Ok(mut entries) => entries.try_for_each(sweep),
            Err(e) => gone_is_done(Err(e)),
        };
        lock.unlock().map_err(|e| Error::io("cannot unlock the blobs", &self.root, e))?;
        swept.map_err(fail)
    }

    fn unused(
        &self,
        folder: &Path,
        prefix: &str,
        used: &HashMap<BlobId, u64>,
        report: &mut GarbageReport,
    ) -> Result<Vec<PathBuf>> {
        let fail = |e| Error::io("cannot list the blobs", folder, e);
        let entries = match fs::read_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(fail)?,
        };
        let mut unused = Vec::new();
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name();
            // What is named otherwise is not ours.
            let id = name.to_str().and_then(|rest| format!("{prefix}{rest}").parse().ok());
            match id {
                Some(id) if used.contains_key(&id) => report.in_use += 1,
                Some(_) => unused.push(entry.path()),
                None => {}
            }
        }
        Ok(unused)
    }
}

fn gone_is_done(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn delete(path: &Path, options: GarbageOptions, report: &mut GarbageReport) -> Result<()> {
    let fail = |e| Error::io("cannot delete a blob", path, e);
    let data = match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        data => data.map_err(fail)?,
    };
    if age(&data) < options.grace {
        report.kept_young += 1;
        return Ok(());
    }
    report.blobs += 1;
    // A reference takes nothing, and what it refers to stays.
    report.bytes += if data.is_file() { data.len() } else { 0 };
    if options.dry_run { Ok(()) } else { fs::remove_file(path).map_err(fail) }
}

/// Returns for how long the inode of a file has been as it is: since it was written or linked.
fn age(data: &Metadata) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = u64::try_from(data.ctime()).unwrap_or_default();
    let changed = Duration::new(seconds, data.ctime_nsec().clamp(0, 999_999_999) as u32);
    now.saturating_sub(changed)
}
