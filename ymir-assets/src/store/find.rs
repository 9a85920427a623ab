use std::sync::Arc;

use git2::Oid;
use ymir_core::{AssetId, Record, Result, VersionId};

use super::format::commit_oid;
use super::handle::Shared;
use super::leaf::Leaf;
use super::node::{Child, DEPTH_MAX, Inner, nibble};
use super::objects::damaged;

/// Where the nodes of a trie come from on the way to an asset; none where one is not at hand.
trait Nodes {
    fn inner(&self, oid: Oid) -> Result<Option<Arc<Inner>>>;
    fn leaf(&self, child: &Child) -> Result<Option<Arc<Leaf>>>;
}

/// Reads what the cache does not have.
struct Reading<'a>(&'a Shared);

/// Never waits for the disk.
struct Cached<'a>(&'a Shared);

impl Nodes for Reading<'_> {
    fn inner(&self, oid: Oid) -> Result<Option<Arc<Inner>>> {
        self.0.objects.inner(oid).map(Some)
    }

    fn leaf(&self, child: &Child) -> Result<Option<Arc<Leaf>>> {
        self.0.objects.leaf(child).map(Some)
    }
}

impl Nodes for Cached<'_> {
    fn inner(&self, oid: Oid) -> Result<Option<Arc<Inner>>> {
        Ok(self.0.objects.cached_inner(oid))
    }

    fn leaf(&self, child: &Child) -> Result<Option<Arc<Leaf>>> {
        let leaf = self.0.objects.cached_leaf(child.oid);
        Ok(leaf.filter(|leaf| leaf.len() as u64 == child.summary.assets))
    }
}

/// Returns the record of an asset, or none if there is none; the outer none if a node is not at
/// hand.
fn find(nodes: &impl Nodes, root: Oid, id: &AssetId) -> Result<Option<Option<Record>>> {
    let mut oid = root;
    for depth in 0..DEPTH_MAX {
        let Some(inner) = nodes.inner(oid)? else { return Ok(None) };
        match &inner.children[nibble(id, depth)] {
            None => return Ok(Some(None)),
            Some(child) if child.is_leaf => {
                let leaf = nodes.leaf(child)?;
                return Ok(leaf.map(|leaf| leaf.find(id).map(|i| leaf.record(i))));
            }
            Some(child) => oid = child.oid,
        }
    }
    Err(damaged(root, "the trie is deeper than an id has digits"))
}

impl Shared {
    pub(super) fn get(&self, version: &VersionId, ids: &[AssetId]) -> Result<Vec<Option<Record>>> {
        let root = self.load(version)?.assets;
        let find = |id| find(&Reading(self), root, id).map(Option::flatten);
        ids.iter().map(find).collect::<Result<_>>().map_err(|e| e.with("version", version))
    }

    /// Answers from the cache alone, so fast that no thread need be asked; none if it cannot.
    pub(super) fn get_cached(
        &self,
        version: &VersionId,
        ids: &[AssetId],
    ) -> Option<Vec<Option<Record>>> {
        let root = self.objects.cached_version(commit_oid(version)?)?.assets;
        ids.iter().map(|id| find(&Cached(self), root, id).ok().flatten()).collect()
    }
}
