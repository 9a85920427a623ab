//! Consolidation of the small packs that commits leave.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use flate2::Crc;
use git2::Oid;
use ymir_core::{Error, Result};

use super::durable::{sync_all, sync_dir};
use super::handle::Shared;
use super::lock::Lock;
use super::pack::PackWriter;
use super::stale::remove_stale;

/// So many packs of one order of size are made one.
const FAN_IN: usize = 32;
/// Packs up to this size are of the lowest order; each further one is 32 times as large.
const SMALLEST: u64 = 64 << 10;
/// Packs larger than this stay as they are.
const LARGEST: u64 = 32 << 20;

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
            remove_stale(&self.packs());
            remove_stale(&self.git.join("ymir/tmp"));
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
        let lone = self.lone_packs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut orders: BTreeMap<u32, Vec<PathBuf>> = BTreeMap::new();
        for path in packs {
            let is_kept = || ["keep", "promisor"].iter().any(|e| path.with_extension(e).exists());
            if lone.contains(&path) || is_kept() {
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
        let mut copied = Vec::new();
        for path in packs {
            match SmallPack::read(path) {
                Some(pack) => {
                    pack.copy(&writer)?;
                    copied.push(path);
                }
                // The others are joined all the same, and this one is not read again.
                None => {
                    let mut lone = self.lone_packs.lock().unwrap_or_else(PoisonError::into_inner);
                    lone.insert(path.clone());
                }
            }
        }
        let Some(joined) = writer.finish()? else { return Ok(()) };
        let files = [&joined.pack, &joined.index];
        sync_all(&files.map(|file| (file.as_file(), file.path())))?;
        let joined = joined.publish()?;
        sync_dir(&self.packs())?;
        forget_multi_pack_index(&self.packs());
        for pack in copied.into_iter().filter(|pack| **pack != joined) {
            // The index first: a pack without one is ignored by git, the reverse is not.
            let _ = fs::remove_file(pack.with_extension("idx"));
            let _ = fs::remove_file(pack);
        }
        self.objects.reopen();
        Ok(())
    }
}

/// Removes what stock git may have written to find objects in several packs at once. It would name
/// packs that are no more; git does without it, and writes it again when it wants to.
fn forget_multi_pack_index(packs: &Path) {
    for entry in fs::read_dir(packs).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(b"multi-pack-index") {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

/// A pack in memory, with the place of each object.
struct SmallPack {
    data: Vec<u8>,
    entries: Vec<(Range<usize>, Oid)>,
}

impl SmallPack {
    /// Reads a pack; none if it is damaged, or has deltas, as those of stock git have.
    fn read(path: &Path) -> Option<Self> {
        let index = fs::read(path.with_extension("idx")).ok()?;
        let data = fs::read(path).ok()?;
        let mut places = index_entries(&index)?;
        places.sort_unstable();
        let end = data.len().checked_sub(20)?;
        let ends: Vec<usize> = places.iter().skip(1).map(|(offset, ..)| *offset).collect();
        let mut entries = Vec::with_capacity(places.len());
        for ((start, oid, crc), end) in places.into_iter().zip(ends.into_iter().chain([end])) {
            let entry = data.get(start..end)?;
            let mut found = Crc::new();
            found.update(entry);
            if !(1..=3).contains(&(entry.first()? >> 4 & 7)) || found.sum() != crc {
                return None;
            }
            entries.push((start..end, oid));
        }
        Some(Self { data, entries })
    }

    /// Copies the entries as they stand.
    fn copy(&self, writer: &PackWriter) -> Result<()> {
        self.entries
            .iter()
            .try_for_each(|(range, oid)| writer.put_entry(*oid, &self.data[range.clone()]))
    }
}

/// Returns offset, id and checksum of each object in a small pack's index of version 2.
fn index_entries(index: &[u8]) -> Option<Vec<(usize, Oid, u32)>> {
    let body = index.strip_prefix(&[0xff, b't', b'O', b'c', 0, 0, 0, 2])?;
    let count = u32::from_be_bytes(body.get(255 * 4..256 * 4)?.try_into().ok()?) as usize;
    let column = |start: usize, width: usize| body.get(start..start + count.checked_mul(width)?);
    let ids = column(1024, 20)?;
    let crcs = column(1024 + count * 20, 4)?;
    let offsets = column(1024 + count * 24, 4)?;
    let number = |bytes: &[u8]| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let rows = ids.chunks(20).zip(crcs.chunks(4)).zip(offsets.chunks(4));
    rows.map(|((id, crc), at)| Some((number(at) as usize, Oid::from_bytes(id).ok()?, number(crc))))
        .collect()
}
