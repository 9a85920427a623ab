//! The scan for the assets of a class, which reads only the columns that it needs.

use std::sync::Arc;

use prost::Message;
use rayon::prelude::*;
use ymir_core::{AssetId, ClassId, Result, VersionId};

use super::generated::trie;
use super::handle::{GitAssetStore, Shared};
use super::leaf::decompress;
use super::node::{Child, DEPTH_MAX};
use super::objects::damaged;
use crate::parallel::in_parallel;

/// The columns of a leaf that tell which asset has which class.
#[derive(Debug)]
pub(super) struct ClassColumns {
    ids: Vec<AssetId>,
    counts: Vec<u32>,
    classes: Vec<u32>,
}

impl ClassColumns {
    /// Decodes these columns of the file of a leaf and passes over the others.
    pub(super) fn decode(file: &[u8]) -> Result<Self, &'static str> {
        let message = trie::LeafClasses::decode(decompress(file)?.as_slice())
            .map_err(|_| "it is not a leaf message")?;
        let ids = message.ids.chunks(AssetId::LEN).map(AssetId::try_from);
        let ids: Vec<AssetId> = ids.collect::<Result<_>>().map_err(|_| "its ids are cut off")?;
        let sum: u64 = message.annotation_counts.iter().map(|n| u64::from(*n)).sum();
        let mut counts = message.annotation_counts;
        if sum != message.classes.len() as u64 || !(counts.is_empty() || counts.len() == ids.len())
        {
            return Err("its counts of annotations do not add up");
        }
        let mut classes = message.classes;
        counts.shrink_to_fit();
        classes.shrink_to_fit();
        Ok(Self { ids, counts, classes })
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns about how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.ids.len() * (AssetId::LEN + 4) + self.classes.len() * 4
    }

    fn with_class(&self, class: ClassId, found: &mut Vec<AssetId>) {
        let mut rest = self.classes.as_slice();
        for (id, count) in self.ids.iter().zip(&self.counts) {
            let (own, others) = rest.split_at(*count as usize);
            rest = others;
            if own.iter().any(|c| c.checked_sub(1) == Some(class.0)) {
                found.push(*id);
            }
        }
    }
}

impl GitAssetStore {
    /// Returns the ids of the assets of a version, or of those that have a class, in their order.
    ///
    /// Subtrees without the class are not read, and of the others only the columns that tell.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such version; `Corrupted` if it cannot be read.
    pub async fn asset_ids(
        &self,
        version: &VersionId,
        class: Option<ClassId>,
    ) -> Result<Vec<AssetId>> {
        let version = *version;
        self.blocking(move |store| store.asset_ids(&version, class)).await
    }
}

impl Shared {
    fn asset_ids(&self, version: &VersionId, class: Option<ClassId>) -> Result<Vec<AssetId>> {
        let root = self.load(version)?.assets;
        let inner = self.objects.inner(root).map_err(|e| e.with("version", version))?;
        let children: Vec<&Child> = inner.present().collect();
        let scan = |child| {
            let mut found = Vec::new();
            self.scan(child, class, 1, &mut found).map(|()| found)
        };
        let parts: Result<Vec<Vec<AssetId>>> =
            in_parallel(|| children.into_par_iter().map(scan).collect());
        Ok(parts.map_err(|e| e.with("version", version))?.concat())
    }

    fn scan(
        &self,
        child: &Child,
        class: Option<ClassId>,
        depth: usize,
        found: &mut Vec<AssetId>,
    ) -> Result<()> {
        if child.summary.count(class) == 0 {
            return Ok(());
        }
        if !child.is_leaf {
            if depth >= DEPTH_MAX {
                return Err(damaged(child.oid, "the trie is deeper than an id has digits"));
            }
            let inner = self.objects.inner(child.oid)?;
            return inner.present().try_for_each(|child| self.scan(child, class, depth + 1, found));
        }
        let columns: Arc<ClassColumns> = self.objects.class_columns(child)?;
        match class {
            Some(class) => columns.with_class(class, found),
            None => found.extend_from_slice(&columns.ids),
        }
        Ok(())
    }
}
