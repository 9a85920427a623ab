use std::sync::Arc;

use sha2::{Digest, Sha256};
use ymir_core::{AssetId, AssetStore, Branch, Result, TaskKind, Version, VersionId};

use super::commit::{Operation, Plan};
use crate::blocking::blocking;
use crate::pages::Pages;

/// Commits a random sample of `count` records, all of them where there are no more.
///
/// Which ones depends on the seed and the assets alone, not on the branch, its history or the
/// annotations; a larger sample of the same seed contains the smaller.
///
/// # Errors
///
/// `NotFound` if the version does not exist; `InvalidInput` if the target is not of its kind.
pub async fn sample(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    count: u64,
    seed: u64,
    target: &Branch,
) -> Result<Version> {
    let operation = Operation::new(store, TaskKind::Select, "sample", source, target).await?;
    let mut operation = operation.parameter("count", count).seed(seed);
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let ids = all_ids(store, *source).await?;
    let plan = blocking(move || Ok(choose(ids, count, seed))).await?;
    let message = format!("Sample {count} of {} (seed {seed})", operation.source());
    operation.commit(plan, message).await
}

/// Returns the ids of all records of a version.
pub(super) async fn all_ids(
    store: &Arc<dyn AssetStore>,
    version: VersionId,
) -> Result<Vec<AssetId>> {
    let mut pages = Pages::new(store, version);
    let mut ids = Vec::new();
    while let Some(records) = pages.next_page().await? {
        ids.extend(records.iter().map(|record| record.asset.id));
    }
    Ok(ids)
}

/// Takes the assets that rank first by a hash of seed and id.
fn choose(ids: Vec<AssetId>, count: u64, seed: u64) -> Plan {
    let rank = |id: AssetId| {
        let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(id.as_bytes());
        (<[u8; 32]>::from(hash.finalize()), id)
    };
    let mut ranked: Vec<_> = ids.into_iter().map(rank).collect();
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(ranked.len());
    if count < ranked.len() {
        ranked.select_nth_unstable(count);
    }
    let sorted = |ranked: &[([u8; 32], AssetId)]| {
        let mut ids: Vec<_> = ranked.iter().map(|(_, id)| *id).collect();
        ids.sort_unstable();
        ids
    };
    match count * 2 > ranked.len() {
        true => Plan::Drop(sorted(&ranked[count..])),
        false => Plan::Keep(sorted(&ranked[..count])),
    }
}
