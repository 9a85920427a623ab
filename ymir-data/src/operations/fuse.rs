use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ymir_core::{
    AssetId, AssetStore, Branch, Error, Matcher, OnProgress, Query, Record, Records, Result,
    TaskKind, Ticker, Version, VersionId,
};
use ymir_formats::support::blocking;

use super::commit::{BATCH, Operation, Plan, first_ids};
use super::merge::MergeStrategy;
use super::rank::{count_of, first};
use super::sample::check_rate;
use super::stream::EditSender;

/// How much of something is taken by chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SampleSize {
    /// So many assets, or all where there are no more.
    Count(u64),
    /// This share of them, 0 to 1.
    Rate(f64),
}

/// What [`fuse`] makes a version of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FuseOptions {
    /// The versions that are joined, at least one.
    pub sources: Vec<VersionId>,
    /// What happens to an asset that several of them have with different annotations: stop, or the
    /// first (ours) or last (theirs) of them that has it counts.
    pub conflicts: MergeStrategy,
    /// The versions whose assets are left out.
    pub excluded: Vec<VersionId>,
    /// Which of the joined records are kept.
    pub query: Query,
    /// How many of these are taken by chance; all where it is not given.
    pub sample: Option<SampleSize>,
    /// What the random choice starts from.
    pub seed: u64,
}

/// Joins several versions, leaves out the assets of others, keeps what a query is true of and
/// takes a sample of it: one version in one go, the same as by the operations one after the other.
///
/// The cost is in proportion to the size of the versions. An id per asset is held in memory where
/// a sample is taken, no records.
///
/// # Errors
///
/// - `NotFound` if a version or a class of the query does not exist.
/// - `InvalidInput` if there are no sources, if they and the target are not of one kind, if the
///   sample's rate is not between 0 and 1, or, by [`MergeStrategy::Stop`], if annotations differ.
pub async fn fuse(
    store: &Arc<dyn AssetStore>,
    options: &FuseOptions,
    target: &Branch,
    on_progress: OnProgress<'_>,
) -> Result<Version> {
    let Some(source) = options.sources.first() else {
        return Err(Error::invalid("give at least one version to fuse"));
    };
    if let Some(SampleSize::Rate(rate)) = options.sample {
        check_rate(rate)?;
    }
    let conflicts = options.conflicts.as_str();
    let mut operation = Operation::new(store, TaskKind::Merge, "fuse", source, target)
        .await?
        .parameter("conflicts", serde_json::Value::from(conflicts))
        .parameter("query", serde_json::Value::from(options.query.to_string()))
        .parameter("sample", serde_json::json!(options.sample))
        .seed(options.seed);
    let mut names = Vec::new();
    for other in &options.sources {
        let version = store.version(other).await?;
        if version.branch.kind != target.kind {
            let message = "datasets fuse with datasets, and prediction sets with prediction sets";
            return Err(Error::invalid(message).with("source", &version.branch));
        }
        names.push(version.to_string());
    }
    for other in &options.sources[1..] {
        operation = operation.input("other", *other);
    }
    for excluded in &options.excluded {
        operation = operation.input("excluded", *excluded);
    }
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let mut manifests = Vec::new();
    for version in &options.sources {
        manifests.push(store.manifest(version).await?);
    }
    let operation = operation.joining(&manifests.iter().collect::<Vec<_>>())?;
    let total = manifests.iter().map(|manifest| manifest.summary.assets).sum();
    // The table only grows: the longest is the newest.
    let tables = manifests.into_iter().map(|manifest| manifest.classes);
    let classes = tables.max_by_key(|classes| classes.len()).unwrap_or_default();
    let matcher = Matcher::new(&options.query, &classes)?;
    let mut fusing = Fusing { store, options, matcher, on_progress, total, chosen: None };
    if let Some(size) = options.sample {
        fusing.chosen = Some(fusing.choose(size).await?);
    }
    let message = format!("Fuse {}", names.join(", "));
    operation.commit(Plan::Fuse(Box::new(fusing)), message).await
}

/// Several versions that are being joined.
pub(super) struct Fusing<'a> {
    store: &'a Arc<dyn AssetStore>,
    options: &'a FuseOptions,
    matcher: Matcher,
    on_progress: OnProgress<'a>,
    total: u64,
    /// The ids of the sample in their order, where one is taken.
    chosen: Option<Vec<AssetId>>,
}

impl Fusing<'_> {
    async fn choose(&self, size: SampleSize) -> Result<Vec<AssetId>> {
        let mut ids = Vec::new();
        let mut joined = Joined::new(self.store, self.options);
        while let Some(record) = joined.next().await? {
            if self.matcher.matches(&record) {
                ids.push(record.asset.id);
            }
        }
        joined.check()?;
        let count = match size {
            SampleSize::Count(count) => count,
            SampleSize::Rate(rate) => count_of(rate, ids.len() as u64),
        };
        let seed = self.options.seed;
        blocking(move || Ok(first(ids, count, seed).0)).await
    }

    pub(super) async fn send(&self, sender: EditSender) -> Result<()> {
        let mut ticker = Ticker::start(self.on_progress, self.total);
        let mut joined = Joined::new(self.store, self.options);
        let mut records = Vec::new();
        let mut read = 0;
        while let Some(record) = joined.next().await? {
            ticker.advance(joined.read - read);
            read = joined.read;
            let chosen = self.chosen.as_ref();
            let is_chosen = chosen.is_none_or(|ids| ids.binary_search(&record.asset.id).is_ok());
            if is_chosen && self.matcher.matches(&record) {
                records.push(record);
            }
            if records.len() == BATCH {
                sender.put(records.drain(..)).await?;
            }
        }
        joined.check()?;
        sender.put(records).await?;
        ticker.finish();
        sender.finish().await
    }
}

/// The records of several versions in the order of their ids, each asset once.
struct Joined<'a> {
    sources: Vec<Records<'a>>,
    excluded: Vec<Records<'a>>,
    strategy: MergeStrategy,
    conflicts: Vec<AssetId>,
    read: u64,
}

impl<'a> Joined<'a> {
    fn new(store: &'a Arc<dyn AssetStore>, options: &FuseOptions) -> Self {
        let pages = |versions: &[VersionId]| {
            versions.iter().map(|version| Records::all(store.as_ref(), *version)).collect()
        };
        Self {
            sources: pages(&options.sources),
            excluded: pages(&options.excluded),
            strategy: options.conflicts,
            conflicts: Vec::new(),
            read: 0,
        }
    }

    async fn next(&mut self) -> Result<Option<Record>> {
        loop {
            let mut least = None;
            for pages in &mut self.sources {
                let id = pages.peek().await?.map(|record| record.asset.id);
                least = least.into_iter().chain(id).min();
            }
            let Some(id) = least else { return Ok(None) };
            let mut found: Option<Record> = None;
            for pages in &mut self.sources {
                let Some(record) = pages.next_if(|record| record.asset.id == id).await? else {
                    continue;
                };
                self.read += 1;
                match &found {
                    Some(first) => {
                        let differs = first.annotations != record.annotations;
                        if differs && self.strategy == MergeStrategy::Stop {
                            self.conflicts.push(id);
                        }
                        if self.strategy == MergeStrategy::Theirs {
                            found = Some(record);
                        }
                    }
                    None => found = Some(record),
                }
            }
            if !self.is_excluded(id).await? {
                return Ok(found);
            }
            // What is left out cannot be in conflict.
            while self.conflicts.pop_if(|conflict| *conflict == id).is_some() {}
        }
    }

    async fn is_excluded(&mut self, id: AssetId) -> Result<bool> {
        let mut is_excluded = false;
        for pages in &mut self.excluded {
            while pages.next_if(|record| record.asset.id < id).await?.is_some() {}
            is_excluded |= pages.peek().await?.is_some_and(|record| record.asset.id == id);
        }
        Ok(is_excluded)
    }

    fn check(mut self) -> Result<()> {
        self.conflicts.dedup();
        if self.conflicts.is_empty() {
            return Ok(());
        }
        let message = "the versions have assets with different annotations; fuse with `ours` or `theirs` to choose";
        Err(Error::invalid(message)
            .with("conflicts", self.conflicts.len())
            .with("assets", first_ids(&self.conflicts)))
    }
}
