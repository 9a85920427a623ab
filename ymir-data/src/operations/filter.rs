use std::sync::Arc;

use ymir_core::{
    AssetStore, Branch, FindOptions, OnProgress, Query, Result, TaskKind, Version, VersionId,
};

use super::commit::{Operation, Plan};

/// Commits the records of the assets that a query is true of, with all their annotations.
///
/// What the query looks at is scanned ([`AssetStore::find`]); the records that stay or those that
/// go are then read and written, whichever are fewer.
///
/// # Errors
///
/// - `NotFound` if the version or a class of the query does not exist.
/// - `InvalidInput` if the query contradicts itself, or the target is not of the source's kind.
pub async fn filter(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    query: &Query,
    target: &Branch,
    on_progress: OnProgress<'_>,
) -> Result<Version> {
    let text = query.to_string();
    let operation = Operation::new(store, TaskKind::Select, "filter", source, target).await?;
    let mut operation =
        operation.parameter("query", serde_json::Value::from(text.as_str())).telling(on_progress);
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let all = FindOptions::default();
    let whole = store.manifest(source).await?.summary.assets;
    let plan = if store.count(source, query).await? > whole / 2 {
        Plan::Drop(store.find(source, &query.clone().negate(), all).await?)
    } else {
        Plan::Keep(store.find(source, query, all).await?)
    };
    let message = format!("Filter {} by {text}", operation.source());
    operation.commit(plan, message).await
}
