use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ymir_core::{AssetId, Error, Result};

use super::samples::SampleSet;

/// Ids of a block, which is what is written and read at once.
const BLOCK: usize = 4096;

/// Which assets a task was given, and in which sets.
///
/// Ids that come in ascending order, as those of a version do, are kept in a file without a name
/// in the directory of the task, so that memory does not grow with their number.
#[derive(Debug)]
pub(super) struct Seen {
    dir: PathBuf,
    sets: BTreeMap<SampleSet, Ids>,
}

impl Seen {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), sets: BTreeMap::new() }
    }

    /// Returns whether any asset is in a set.
    pub(super) fn has_any(&self, set: SampleSet) -> bool {
        self.sets.get(&set).is_some_and(|ids| ids.last.is_some())
    }

    /// Returns whether an asset is in another set than this.
    pub(super) fn is_elsewhere(&mut self, set: SampleSet, id: &AssetId) -> Result<bool> {
        let Self { dir, sets } = self;
        for (_, ids) in sets.iter_mut().filter(|(other, _)| **other != set) {
            if ids.contains(id).map_err(|e| failed(dir, e))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds an asset to a set; returns whether it was not in it.
    pub(super) fn add(&mut self, set: SampleSet, id: AssetId) -> Result<bool> {
        let Self { dir, sets } = self;
        sets.entry(set).or_default().add(id, dir).map_err(|e| failed(dir, e))
    }
}

fn failed(dir: &Path, error: std::io::Error) -> Error {
    Error::io("cannot keep the ids of a task's assets", dir, error)
}

/// A set of ids.
#[derive(Debug, Default)]
struct Ids {
    file: Option<File>,
    /// The first id of each block in the file.
    firsts: Vec<AssetId>,
    /// Those behind the last block.
    tail: Vec<AssetId>,
    last: Option<AssetId>,
    /// Those that did not come in order.
    others: HashSet<AssetId>,
    /// The block that was read last, with its place.
    read: Option<(usize, Vec<AssetId>)>,
}

impl Ids {
    fn add(&mut self, id: AssetId, dir: &Path) -> std::io::Result<bool> {
        if self.last.is_some_and(|last| id <= last) {
            return Ok(!self.contains(&id)? && self.others.insert(id));
        }
        self.last = Some(id);
        self.tail.push(id);
        if self.tail.len() == BLOCK {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(tempfile::tempfile_in(dir)?),
            };
            let bytes: Vec<u8> = self.tail.iter().flat_map(|id| *id.as_bytes()).collect();
            file.write_all_at(&bytes, (self.firsts.len() * bytes.len()) as u64)?;
            self.firsts.push(self.tail[0]);
            self.tail.clear();
        }
        Ok(true)
    }

    fn contains(&mut self, id: &AssetId) -> std::io::Result<bool> {
        if self.others.contains(id) || self.tail.binary_search(id).is_ok() {
            return Ok(true);
        }
        let place = self.firsts.partition_point(|first| first <= id);
        let (Some(place), Some(file)) = (place.checked_sub(1), &self.file) else {
            return Ok(false);
        };
        if self.read.as_ref().is_none_or(|(read, _)| *read != place) {
            let mut bytes = vec![0; BLOCK * AssetId::LEN];
            file.read_exact_at(&mut bytes, (place * BLOCK * AssetId::LEN) as u64)?;
            let ids = bytes.as_chunks().0.iter().map(|id| AssetId::new(*id)).collect();
            self.read = Some((place, ids));
        }
        Ok(self.read.as_ref().is_some_and(|(_, ids)| ids.binary_search(id).is_ok()))
    }
}
