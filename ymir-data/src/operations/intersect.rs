use std::sync::Arc;

use ymir_core::{
    AssetId, AssetStore, Branch, FindOptions, OnProgress, Query, Result, TaskKind, Version,
    VersionId,
};

use super::commit::{BATCH, Operation, Plan, names};
use super::exclude::only_in;

/// Commits the records of a version whose assets each of the others has too.
///
/// Only the ids count: the records are those of the source. Without others they are all of them.
/// The cost is in proportion to what the source has and another has not, or, where one is less
/// than half as large as the source, to that one.
///
/// # Errors
///
/// `NotFound` if a version does not exist; `InvalidInput` if the target is not of the source's
/// kind.
pub async fn intersect(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    others: &[VersionId],
    target: &Branch,
    on_progress: OnProgress<'_>,
) -> Result<Version> {
    let operation = Operation::new(store, TaskKind::Select, "intersect", source, target).await?;
    let (operation, others) = operation.inputs("other", others);
    let mut operation = operation.telling(on_progress);
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let names = names(store, &others).await?;
    let plan = plan(store, source, &others).await?;
    let message = format!("Intersect {} with {names}", operation.source());
    operation.commit(plan, message).await
}

async fn plan(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    others: &[VersionId],
) -> Result<Plan<'static>> {
    let whole = store.manifest(source).await?.summary.assets;
    let mut smallest = (whole / 2, None);
    for other in others {
        let assets = store.manifest(other).await?.summary.assets;
        if assets < smallest.0 {
            smallest = (assets, Some(*other));
        }
    }
    if let (_, Some(small)) = smallest {
        let mut ids = store.find(&small, &Query::All, FindOptions::default()).await?;
        for version in others.iter().filter(|other| **other != small).chain([source]) {
            ids = present(store, version, &ids).await?;
        }
        return Ok(Plan::Keep(ids));
    }
    let mut lacking = Vec::new();
    for other in others {
        lacking.extend(only_in(store, source, other).await?);
    }
    lacking.sort_unstable();
    lacking.dedup();
    if lacking.len() as u64 <= whole / 2 {
        return Ok(Plan::Drop(lacking));
    }
    let mut ids = store.find(source, &Query::All, FindOptions::default()).await?;
    ids.retain(|id| lacking.binary_search(id).is_err());
    Ok(Plan::Keep(ids))
}

/// Returns those of some ids that a version has.
async fn present(
    store: &Arc<dyn AssetStore>,
    version: &VersionId,
    ids: &[AssetId],
) -> Result<Vec<AssetId>> {
    let mut found = Vec::new();
    for ids in ids.chunks(BATCH) {
        let records = store.get(version, ids).await?;
        found.extend(records.into_iter().flatten().map(|record| record.asset.id));
    }
    Ok(found)
}
