//! Consolidation of the small packs that commits leave.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use git2::Oid;
use ymir_core::{Error, Result};

use super::durable::{sync_all, sync_dir};
use super::handle::Shared;
use super::lock::Lock;
use super::pack::PackWriter;

/// So many packs of one order of size are made one.
const FAN_IN: usize = 32;
/// Packs up to this size are of the lowest order; each further one is 32 times as large.
const SMALLEST: u64 = 64 << 10;
/// Packs larger than this stay as they are.
const LARGEST: u64 = 32 << 20;
/// Temporary files of processes that died are deleted when they are as old as this.
const STALE: Duration = Duration::from_secs(24 * 3600);

impl Shared {
    /// Joins small packs where there are many. The commit before it is durable already, so that a
    /// failure here costs nothing but time and is left to the next attempt.
    pub(super) fn consolidate(&self) {
        if let Ok(groups) = self.crowded()
            && !groups.is_empty()
            && let Ok(Some(lock)) = Lock::try_take(&self.git.join("ymir/locks"), "packs")
        {
            for group in groups {
                let _ = self.join(&group);
            }
            self.remove_stale(&self.packs(), "tmp_");
            self.remove_stale(&self.git.join("ymir/tmp"), "");
            drop(lock);
        }
    }

    /// Returns the groups of packs of one order of size that are large enough to be joined.
    fn crowded(&self) -> Result<Vec<Vec<PathBuf>>> {
        let dir = self.packs();
        let fail = |e| Error::io("cannot list the packs", &dir, e);
        let is_pack =
            |path: &PathBuf| path.extension().is_some_and(|extension| extension == "pack");
        let entries = fs::read_dir(&dir).map_err(fail)?;
        let paths: Result<Vec<PathBuf>> =
            entries.map(|entry| Ok(entry.map_err(fail)?.path())).collect();
        let packs: Vec<PathBuf> = paths?.into_iter().filter(is_pack).collect();
        // Each commit comes by here: the packs are looked at only where there can be enough.
        if packs.len() < FAN_IN {
            return Ok(Vec::new());
        }
        let mut orders: BTreeMap<u32, Vec<PathBuf>> = BTreeMap::new();
        for path in packs {
            if ["keep", "promisor"].iter().any(|e| path.with_extension(e).exists()) {
                continue;
            }
            let Ok(size) = fs::metadata(&path).map(|data| data.len()) else { continue };
            if size <= LARGEST && path.with_extension("idx").exists() {
                orders.entry((size / SMALLEST).max(1).ilog(32)).or_default().push(path);
            }
        }
        Ok(orders.into_values().filter(|group| group.len() >= FAN_IN).collect())
    }

    /// Writes the objects of several packs into one, then deletes them.
    fn join(&self, packs: &[PathBuf]) -> Result<()> {
        let writer = PackWriter::new(&self.packs());
        for pack in packs {
            copy_entries(pack, &writer)?;
        }
        let Some(joined) = writer.finish()? else { return Ok(()) };
        let files = [&joined.pack, &joined.index];
        sync_all(&files.map(|file| (file.as_file(), file.path())))?;
        let joined = joined.publish()?;
        sync_dir(&self.packs())?;
        for pack in packs.iter().filter(|pack| **pack != joined) {
            // The index first: a pack without one is ignored by git, the reverse is not.
            let _ = fs::remove_file(pack.with_extension("idx"));
            let _ = fs::remove_file(pack);
        }
        self.objects.refresh();
        Ok(())
    }

    fn remove_stale(&self, dir: &Path, prefix: &str) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let is_ours = entry.file_name().to_string_lossy().starts_with(prefix);
            let age = entry.metadata().and_then(|data| data.modified());
            let age = age.ok().and_then(|time| SystemTime::now().duration_since(time).ok());
            if is_ours && age.is_some_and(|age| age > STALE) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Copies the entries of a pack as they stand. Packs with deltas, which stock git writes, are left
/// alone: an error says so.
fn copy_entries(path: &Path, writer: &PackWriter) -> Result<()> {
    let read = |path: &Path| fs::read(path).map_err(|e| Error::io("cannot read a pack", path, e));
    let index = read(&path.with_extension("idx"))?;
    let pack = read(path)?;
    let damaged = || Error::corrupted("not a pack of this store").with("pack", path.display());
    let mut entries = index_entries(&index).ok_or_else(damaged)?;
    entries.sort_unstable();
    let ends = entries.iter().skip(1).map(|(offset, _)| *offset);
    let end = pack.len().checked_sub(20).ok_or_else(damaged)?;
    for ((start, oid), end) in entries.iter().zip(ends.chain([end])) {
        let entry = pack.get(*start..end).filter(|entry| !entry.is_empty()).ok_or_else(damaged)?;
        if !(1..=3).contains(&(entry[0] >> 4 & 7)) {
            return Err(damaged());
        }
        writer.put_entry(*oid, entry)?;
    }
    Ok(())
}

/// Returns offset and id of each object in a small pack's index of version 2.
fn index_entries(index: &[u8]) -> Option<Vec<(usize, Oid)>> {
    let body = index.strip_prefix(&[0xff, b't', b'O', b'c', 0, 0, 0, 2])?;
    let count = u32::from_be_bytes(body.get(255 * 4..256 * 4)?.try_into().ok()?) as usize;
    let ids = body.get(1024..1024 + count.checked_mul(20)?)?;
    let start = 1024 + count * 24;
    let offsets = body.get(start..start + count * 4)?;
    let offset = |bytes: &[u8]| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let entries = ids.chunks(20).zip(offsets.chunks(4));
    entries.map(|(id, at)| Some((offset(at) as usize, Oid::from_bytes(id).ok()?))).collect()
}
