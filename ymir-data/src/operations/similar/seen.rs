use std::collections::{HashMap, HashSet};

use ymir_core::{AssetId, Result};

use super::dedup::check_distance;
use super::groups::parts;

/// What an image looks like: the asset, and its difference hash.
pub(crate) type Look = (AssetId, u64);

/// The images that were seen so far, each with a name, to tell whether another looks like one of
/// them.
#[derive(Debug)]
pub(crate) struct Seen<N = String> {
    distance: u32,
    ids: HashSet<AssetId>,
    hashes: Vec<(u64, N)>,
    /// The places in `hashes` by each part of the hash: hashes that differ in n bits agree in at
    /// least one of n + 1 parts.
    buckets: HashMap<(u64, u64), Vec<usize>>,
}

impl<N> Seen<N> {
    /// Returns a set of no images, in which those are alike whose hashes differ in so many bits.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a distance that is too great; `Unsupported` in a build without the
    /// feature `decode`.
    pub(crate) fn new(distance: u32) -> Result<Self> {
        check_distance(distance)?;
        let (ids, hashes, buckets) = (HashSet::new(), Vec::new(), HashMap::new());
        Ok(Self { distance, ids, hashes, buckets })
    }

    /// Adds an image under a name.
    pub(crate) fn add(&mut self, (id, hash): Look, name: N) {
        if !self.ids.insert(id) {
            return;
        }
        for part in parts(self.distance + 1) {
            self.buckets.entry((part, hash & part)).or_default().push(self.hashes.len());
        }
        self.hashes.push((hash, name));
    }

    /// Returns the name of another image that was seen and that one looks like; none if it was
    /// seen itself.
    pub(crate) fn twin(&self, (id, hash): &Look) -> Option<&N> {
        if self.ids.contains(id) {
            return None;
        }
        let is_alike = |at: &&usize| (self.hashes[**at].0 ^ hash).count_ones() <= self.distance;
        let places = parts(self.distance + 1)
            .filter_map(|part| self.buckets.get(&(part, hash & part)))
            .flatten();
        places.filter(is_alike).min().map(|at| &self.hashes[*at].1)
    }
}
