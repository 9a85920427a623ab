use std::sync::Arc;

use sha2::{Digest, Sha256};
use ymir_core::{AssetId, AssetStore, Branch, Result, TaskKind, Version, VersionId};

use super::commit::{Operation, Plan};

/// Commits the records of these assets, and no others.
///
/// The order of the ids, and an id given twice, make no difference; no ids make an empty version.
///
/// # Errors
///
/// - `NotFound` if the version does not exist or lacks some of the assets; the message counts them
///   and names the first.
/// - `InvalidInput` if the target is not of the source's kind.
pub async fn select(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    ids: &[AssetId],
    target: &Branch,
) -> Result<Version> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut hash = Sha256::new();
    ids.iter().for_each(|id| hash.update(id.as_bytes()));
    let digest = hex::encode(hash.finalize());

    let operation = Operation::new(store, TaskKind::Select, "select", source, target).await?;
    let mut operation =
        operation.parameter("count", ids.len()).parameter("assets", format!("{digest:?}"));
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let message = format!("Select {} assets of {}", ids.len(), operation.source());
    operation.commit(Plan::Keep(ids), message).await
}
