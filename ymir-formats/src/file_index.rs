use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use super::files::Files;

/// Tells the keys of a file from its path below the folder.
type Keys = dyn Fn(&Path, &mut dyn FnMut(&[u8])) + Send + Sync;

/// Finds files by keys that are made of their paths, in eight bytes a key.
pub(super) struct FileIndex {
    keys: Box<Keys>,
    hasher: RandomState,
    /// Hash and number of each key's file, sorted.
    rows: Vec<(u32, u32)>,
}

impl FileIndex {
    /// Makes an index of some of the files.
    pub(super) fn new(
        files: &Files,
        numbers: impl Iterator<Item = u32>,
        keys: impl Fn(&Path, &mut dyn FnMut(&[u8])) + Send + Sync + 'static,
    ) -> Self {
        let hasher = RandomState::new();
        let mut rows = Vec::with_capacity(numbers.size_hint().0);
        for i in numbers {
            keys(files.below(i), &mut |key| rows.push((hasher.hash_one(key) as u32, i)));
        }
        rows.sort_unstable();
        rows.dedup();
        Self { keys: Box::new(keys), hasher, rows }
    }

    /// Returns the files that have a key, in the order of their numbers.
    pub(super) fn find(&self, files: &Files, key: &[u8]) -> Vec<u32> {
        let has = |i: &u32| {
            let mut found = false;
            (self.keys)(files.below(*i), &mut |other| found |= other == key);
            found
        };
        self.candidates(key).filter(has).collect()
    }

    /// Returns the files that have a key, and few others.
    pub(super) fn candidates(&self, key: &[u8]) -> impl Iterator<Item = u32> + '_ {
        let hash = self.hasher.hash_one(key) as u32;
        let start = self.rows.partition_point(|(other, _)| *other < hash);
        self.rows[start..].iter().take_while(move |(other, _)| *other == hash).map(|(_, i)| *i)
    }
}

impl fmt::Debug for FileIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileIndex").field("keys", &self.rows.len()).finish_non_exhaustive()
    }
}
