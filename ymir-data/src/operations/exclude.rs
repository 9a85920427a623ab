use std::sync::Arc;

use ymir_core::{
    AssetId, AssetStore, Branch, Change, FindOptions, Query, Result, TaskKind, Version, VersionId,
};

use super::commit::{Operation, Plan, batch_after, names};

/// Commits the records of a version without those of the assets that any of the others has.
///
/// Only the ids count: annotations of the others, and their kind, make no difference. The cost is
/// in proportion to the others, or, with one other that is more than half as large as the source,
/// to the difference.
///
/// # Errors
///
/// `NotFound` if a version does not exist; `InvalidInput` if the target is not of the source's
/// kind.
pub async fn exclude(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    others: &[VersionId],
    target: &Branch,
) -> Result<Version> {
    let operation = Operation::new(store, TaskKind::Exclude, "exclude", source, target).await?;
    let (mut operation, others) = operation.inputs("excluded", others);
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let names = names(store, &others).await?;
    let plan = plan(store, source, &others).await?;
    let message = format!("Exclude {names} from {}", operation.source());
    operation.commit(plan, message).await
}

/// Returns the ids of the assets that any of the versions has, each once and in order.
pub(super) async fn ids_of(
    store: &Arc<dyn AssetStore>,
    versions: &[VersionId],
) -> Result<Vec<AssetId>> {
    let mut ids = Vec::new();
    for version in versions {
        ids.extend(store.find(version, &Query::All, FindOptions::default()).await?);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

async fn plan(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    others: &[VersionId],
) -> Result<Plan<'static>> {
    if let [other] = others {
        let whole = store.manifest(source).await?.summary.assets;
        if store.manifest(other).await?.summary.assets > whole / 2 {
            return Ok(Plan::Keep(only_in(store, source, other).await?));
        }
    }
    Ok(Plan::Drop(ids_of(store, others).await?))
}

/// Returns the ids of the assets that the source has and the other has not.
pub(super) async fn only_in(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    other: &VersionId,
) -> Result<Vec<AssetId>> {
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let changes = store.diff(other, source, batch_after(after)).await?;
        let Some(last) = changes.last() else { return Ok(ids) };
        after = Some(last.id());
        let added = changes.iter().filter(|change| matches!(change, Change::Added(_)));
        ids.extend(added.map(Change::id));
    }
}
