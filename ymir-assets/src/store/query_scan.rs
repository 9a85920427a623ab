//! Queries over the trie: by the counts of its nodes where they tell, else leaf by leaf, reading
//! only the columns that the query looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use ymir_core::{
    AnnotationCondition, AssetCondition, AssetId, Class, ClassId, Error, ErrorKind, FindOptions,
    Matcher, Query, Result, VersionId,
};
use ymir_formats::support::in_parallel;

use super::fields::Fields;
use super::handle::{GitAssetStore, Shared};
use super::leaf::Leaf;
use super::manifest::VersionData;
use super::node::{Child, DEPTH_MAX, nibble};
use super::objects::damaged;

/// How many subtrees are looked at side by side at most, when not all may be needed.
const WIDTH: usize = 16;

/// Tells a scan to stop when it is dropped, as the future that waits for it is.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
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
        let of_class = |class| {
            let classes = vec![Class::Id(class)];
            Query::Annotation(AnnotationCondition::Class { classes, not: false })
        };
        let query = class.map_or(Query::All, of_class);
        self.find_ids(version, &query, FindOptions::default()).await
    }

    pub(super) async fn find_ids(
        &self,
        version: &VersionId,
        query: &Query,
        options: FindOptions,
    ) -> Result<Vec<AssetId>> {
        self.search(version, query, move |scan| scan.find(options)).await
    }

    pub(super) async fn count_assets(&self, version: &VersionId, query: &Query) -> Result<u64> {
        self.search(version, query, |scan| scan.count()).await
    }

    async fn search<T: Send + 'static>(
        &self,
        version: &VersionId,
        query: &Query,
        work: impl FnOnce(&Scan<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (version, query) = (*version, query.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let _guard = StopOnDrop(stop.clone());
        self.blocking(move |store| {
            let data = store.load(&version)?;
            let matcher = Matcher::new(&query, &store.classes_of(&data));
            let matcher = matcher.map_err(|e| e.with("version", version))?;
            let fields = Fields::of(matcher.query());
            let scan = Scan { store, data: &data, matcher: &matcher, fields, stop: &stop };
            work(&scan).map_err(|e| e.with("version", version))
        })
        .await
    }
}

/// Returns the ids that an asset must be one of, if a query says so.
pub(super) fn required_ids(query: &Query) -> Option<&[AssetId]> {
    match query {
        Query::Asset(AssetCondition::Id(ids)) => Some(ids),
        Query::And(parts) => parts.iter().find_map(required_ids),
        _ => None,
    }
}

/// A subtree of the trie, with the digits that lead to it.
struct Subtree {
    digits: Vec<usize>,
    child: Child,
}

impl Subtree {
    fn may_have(&self, id: &AssetId) -> bool {
        self.digits.iter().enumerate().all(|(depth, digit)| nibble(id, depth) == *digit)
    }

    /// Returns whether it has ids behind one, and whether it may have others too.
    fn beside(&self, after: Option<AssetId>) -> (bool, bool) {
        let Some(after) = after else { return (true, false) };
        let digits = self.digits.iter().enumerate();
        let order = digits.map(|(depth, digit)| digit.cmp(&nibble(&after, depth)));
        let order = order.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then);
        (order.is_ge(), order.is_eq())
    }
}

/// What is still to be found.
struct Wanted {
    after: Option<AssetId>,
    skip: u64,
    limit: usize,
    ids: Vec<AssetId>,
}

struct Scan<'a> {
    store: &'a Shared,
    data: &'a VersionData,
    matcher: &'a Matcher,
    fields: Fields,
    stop: &'a AtomicBool,
}

impl Scan<'_> {
    fn count(&self) -> Result<u64> {
        if let Some(count) = self.matcher.count_in(&self.data.manifest.summary) {
            return Ok(count);
        }
        let subtrees = self.subtrees()?;
        let count = |subtree: Subtree| self.count_below(&subtree.child, subtree.digits.len());
        in_parallel(|| subtrees.into_par_iter().map(count).sum())
    }

    fn count_below(&self, child: &Child, depth: usize) -> Result<u64> {
        if let Some(count) = self.matcher.count_in(&child.summary) {
            return Ok(count);
        }
        if !child.is_leaf {
            let inner = self.inner(child, depth)?;
            return inner.present().map(|child| self.count_below(child, depth + 1)).sum();
        }
        let leaf = self.leaf(child, self.fields)?;
        let fits = |i: &usize| self.matcher.matches(&leaf.row(*i));
        Ok((0..leaf.len()).filter(fits).count() as u64)
    }

    /// Returns the subtrees two levels below the root, or one where there is no second, that may
    /// have what is asked for.
    fn subtrees(&self) -> Result<Vec<Subtree>> {
        let mut subtrees = Vec::new();
        let children = |oid| -> Result<Vec<(usize, Child)>> {
            let inner = self.store.objects.inner(oid)?;
            let present = inner.children.iter().enumerate();
            Ok(present.filter_map(|(i, child)| Some((i, child.clone()?))).collect())
        };
        for (first, child) in children(self.data.assets)? {
            if child.is_leaf {
                subtrees.push(Subtree { digits: vec![first], child });
                continue;
            }
            for (second, child) in children(child.oid)? {
                subtrees.push(Subtree { digits: vec![first, second], child });
            }
        }
        if let Some(ids) = required_ids(self.matcher.query()) {
            subtrees.retain(|subtree| ids.iter().any(|id| subtree.may_have(id)));
        }
        Ok(subtrees)
    }

    fn find(&self, options: FindOptions) -> Result<Vec<AssetId>> {
        let subtrees = self.subtrees()?;
        let FindOptions { after, offset: mut skip, limit } = options;
        let mut ids = Vec::new();
        let mut rest = subtrees.as_slice();
        // As long as something is to be passed over, one after the other; then side by side, ever
        // more of them, since the first may be enough.
        let mut width = if limit == usize::MAX { rest.len() } else { 1 };
        while !rest.is_empty() && ids.len() < limit {
            let (part, others) = rest.split_at(if skip > 0 { 1 } else { width.min(rest.len()) });
            rest = others;
            let left = limit - ids.len();
            let find = |subtree: &Subtree| {
                let (has_some, is_edge) = subtree.beside(after);
                let mut wanted = Wanted { after, skip, limit: left, ids: Vec::new() };
                if has_some {
                    let depth = subtree.digits.len();
                    self.find_below(&subtree.child, depth, is_edge, &mut wanted)?;
                }
                Ok(wanted)
            };
            let found: Result<Vec<Wanted>> = match part {
                [one] => find(one).map(|wanted| vec![wanted]),
                several => in_parallel(|| several.par_iter().map(find).collect()),
            };
            for wanted in found? {
                skip = wanted.skip;
                ids.extend(wanted.ids);
            }
            if skip == 0 {
                width = (width * 2).clamp(1, WIDTH.max(width));
            }
        }
        ids.truncate(limit);
        Ok(ids)
    }

    /// Adds what is wanted of a subtree; `edge` says that the id to go on after may lie in it.
    fn find_below(
        &self,
        child: &Child,
        depth: usize,
        edge: bool,
        wanted: &mut Wanted,
    ) -> Result<()> {
        let count = self.matcher.count_in(&child.summary);
        if count == Some(0) {
            return Ok(());
        }
        if let Some(count) = count.filter(|count| !edge && *count <= wanted.skip) {
            wanted.skip -= count;
            return Ok(());
        }
        if !child.is_leaf {
            let inner = self.inner(child, depth)?;
            let first = wanted.after.filter(|_| edge).map(|after| nibble(&after, depth));
            for (digit, child) in inner.children.iter().enumerate() {
                if wanted.ids.len() >= wanted.limit {
                    break;
                }
                if let Some(child) = child.as_ref().filter(|_| first.is_none_or(|f| digit >= f)) {
                    self.find_below(child, depth + 1, first == Some(digit), wanted)?;
                }
            }
            return Ok(());
        }
        let all = count == Some(child.summary.assets);
        let leaf = self.leaf(child, if all { Fields::CLASSES } else { self.fields })?;
        let ids = leaf.ids();
        let start = wanted.after.filter(|_| edge);
        let start = start.map_or(0, |after| ids.partition_point(|id| *id <= after));
        for (i, id) in ids.iter().enumerate().skip(start) {
            if wanted.ids.len() >= wanted.limit {
                break;
            }
            if !all && !self.matcher.matches(&leaf.row(i)) {
                continue;
            }
            match wanted.skip {
                0 => wanted.ids.push(*id),
                _ => wanted.skip -= 1,
            }
        }
        Ok(())
    }

    fn inner(&self, child: &Child, depth: usize) -> Result<Arc<super::node::Inner>> {
        if depth >= DEPTH_MAX {
            return Err(damaged(child.oid, "the trie is deeper than an id has digits"));
        }
        self.store.objects.inner(child.oid)
    }

    fn leaf(&self, child: &Child, fields: Fields) -> Result<Arc<Leaf>> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Cancelled, "nobody waits for the scan any more"));
        }
        self.store.objects.leaf_with(child, fields)
    }
}
