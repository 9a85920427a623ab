//! A scan: the leaves of a version one after the other, a few of them at a time.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use ymir_core::{AssetId, ChunkId, Matcher, Result, Scan, ScanBatch, ScanOptions, VersionId};

use super::fields::Fields;
use super::handle::{GitAssetStore, Shared};
use super::node::{Child, DEPTH_MAX, Inner, nibble};
use super::objects::damaged;
use super::query_scan::required_ids;

/// So many leaves, and about so many records, are read before they are handed over.
const LEAVES: usize = 16;
const RECORDS: usize = 1024;

impl GitAssetStore {
    pub(super) fn scan_version(&self, version: &VersionId, options: ScanOptions) -> Scan<'static> {
        let (store, version) = (self.clone(), *version);
        let steps = stream::try_unfold(State::Start(options), move |state| {
            let store = store.clone();
            async move { store.scan_step(version, state).await }
        });
        steps.map_ok(|batches| stream::iter(batches).map(Ok)).try_flatten().boxed()
    }

    async fn scan_step(
        &self,
        version: VersionId,
        state: State,
    ) -> Result<Option<(Vec<ScanBatch>, State)>> {
        let step = move |store: &Shared| {
            let mut scanner = match state {
                State::Start(options) => Scanner::start(store, &version, options)?,
                State::Within(scanner) => *scanner,
            };
            let batches = scanner.batches(store)?;
            Ok((!batches.is_empty()).then(|| (batches, State::Within(Box::new(scanner)))))
        };
        self.blocking(step).await.map_err(|e| e.with("version", version))
    }
}

enum State {
    Start(ScanOptions),
    Within(Box<Scanner>),
}

/// Where a scan is.
struct Scanner {
    matcher: Matcher,
    options: ScanOptions,
    fields: Fields,
    /// The inner nodes from the root to where it is.
    path: Vec<Level>,
}

struct Level {
    node: Arc<Inner>,
    /// The digit of the next child.
    next: usize,
    /// Whether the id to go on after may lie below.
    is_edge: bool,
}

impl Scanner {
    fn start(store: &Shared, version: &VersionId, options: ScanOptions) -> Result<Self> {
        let data = store.load(version)?;
        let matcher = Matcher::new(&options.query, &data.manifest.classes)?;
        let fields = Fields::of(matcher.query()).and(options.columns);
        let is_edge = options.after.is_some();
        let root = Level { node: store.objects.inner(data.assets)?, next: 0, is_edge };
        Ok(Self { matcher, options, fields, path: vec![root] })
    }

    /// Returns the next batches, one per leaf; none at the end.
    fn batches(&mut self, store: &Shared) -> Result<Vec<ScanBatch>> {
        let (mut batches, mut records) = (Vec::new(), 0);
        while batches.len() < LEAVES && records < RECORDS {
            let Some((leaf, is_edge)) = self.next_leaf(store)? else { break };
            let batch = self.batch(store, &leaf, is_edge)?;
            records += batch.records.len();
            batches.push(batch);
        }
        Ok(batches)
    }

    /// Returns the next leaf that may have what is asked for, and whether only a part of it is
    /// behind the id to go on after.
    fn next_leaf(&mut self, store: &Shared) -> Result<Option<(Child, bool)>> {
        while let Some(level) = self.path.last_mut() {
            let digit = level.next;
            level.next += 1;
            if digit >= level.node.children.len() {
                self.path.pop();
                continue;
            }
            let Some(child) = level.node.children[digit].clone() else { continue };
            let is_edge = level.is_edge;
            let depth = self.path.len() - 1;
            let edge = self.options.after.filter(|_| is_edge).map(|id| nibble(&id, depth));
            if edge.is_some_and(|edge| digit < edge) || !self.may_have(&child) {
                continue;
            }
            let is_edge = edge == Some(digit);
            if child.is_leaf {
                return Ok(Some((child, is_edge)));
            }
            if self.path.len() >= DEPTH_MAX {
                return Err(damaged(child.oid, "the trie is deeper than an id has digits"));
            }
            let node = store.objects.inner(child.oid)?;
            self.path.push(Level { node, next: 0, is_edge });
        }
        Ok(None)
    }

    /// Returns whether the child that was come to last may have what is asked for.
    fn may_have(&self, child: &Child) -> bool {
        if self.matcher.count_in(&child.summary) == Some(0) {
            return false;
        }
        let leads_to = |id: &AssetId| {
            let mut digits = self.path.iter().map(|level| level.next - 1).enumerate();
            digits.all(|(depth, digit)| nibble(id, depth) == digit)
        };
        required_ids(self.matcher.query()).is_none_or(|ids| ids.iter().any(leads_to))
    }

    fn batch(&self, store: &Shared, child: &Child, is_edge: bool) -> Result<ScanBatch> {
        let chunk = ChunkId::try_from(child.oid.as_bytes())?;
        if self.options.known.contains(&chunk) {
            return Ok(ScanBatch { chunk: Some(chunk), is_known: true, records: Vec::new() });
        }
        let leaf = store.objects.leaf_with(child, self.fields)?;
        let after = self.options.after.filter(|_| is_edge);
        let start = after.map_or(0, |after| leaf.ids().partition_point(|id| *id <= after));
        let all = self.matcher.count_in(&child.summary) == Some(child.summary.assets);
        let fits = |i: &usize| all || self.matcher.matches(&leaf.row(*i));
        let record = |i| leaf.record_with(i, self.options.columns);
        let records = (start..leaf.len()).filter(fits).map(record).collect();
        Ok(ScanBatch { chunk: Some(chunk), is_known: false, records })
    }
}
