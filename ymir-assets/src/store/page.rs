use git2::Oid;
use ymir_core::{ClassId, Page, PageOptions, Record, Result, VersionId};

use super::handle::Shared;
use super::leaf::Leaf;
use super::node::DEPTH_MAX;
use super::objects::{Objects, damaged};

/// An order-statistic walk: the counts in the inner nodes say which subtrees to pass over.
struct Walk<'a> {
    objects: &'a Objects,
    class: Option<ClassId>,
    skip: u64,
    limit: usize,
    records: Vec<Record>,
}

impl Shared {
    pub(super) fn page(&self, version: &VersionId, options: PageOptions) -> Result<Page> {
        let data = self.load(version)?;
        let PageOptions { offset, limit, class } = options;
        let mut walk =
            Walk { objects: &self.objects, class, skip: offset, limit, records: Vec::new() };
        let mut read = || -> Result<u64> {
            let total = self.objects.inner(data.assets)?.total().count(class);
            if offset < total && limit > 0 {
                walk.inner(data.assets, 0)?;
            }
            Ok(total)
        };
        let total = read().map_err(|e| e.with("version", version))?;
        Ok(Page { records: walk.records, total })
    }
}

impl Walk<'_> {
    fn inner(&mut self, oid: Oid, depth: usize) -> Result<()> {
        if depth >= DEPTH_MAX {
            return Err(damaged(oid, "the trie is deeper than an id has digits"));
        }
        for child in self.objects.inner(oid)?.present() {
            let count = child.summary.count(self.class);
            if self.records.len() >= self.limit {
                break;
            }
            if self.skip >= count {
                self.skip -= count;
            } else if child.is_leaf {
                let leaf = self.objects.leaf(child)?;
                if self.leaf(&leaf) != count {
                    return Err(damaged(child.oid, "its counts are not what its parent says"));
                }
            } else {
                self.inner(child.oid, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Takes the records of a leaf that are wanted, and returns how many match.
    fn leaf(&mut self, leaf: &Leaf) -> u64 {
        let class = self.class;
        let fits = |i: &usize| class.is_none_or(|class| leaf.has_class(*i, class));
        let mut count = 0;
        for i in (0..leaf.len()).filter(fits) {
            count += 1;
            if self.skip > 0 {
                self.skip -= 1;
            } else if self.records.len() < self.limit {
                self.records.push(leaf.record(i));
            }
        }
        count
    }
}
