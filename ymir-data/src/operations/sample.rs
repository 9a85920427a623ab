use std::sync::Arc;

use ymir_core::{
    AssetStore, Branch, Error, FindOptions, Query, Result, TaskKind, Version, VersionId,
};
use ymir_formats::support::blocking;

use super::commit::{Operation, Plan};
use super::rank::{count_of, first};

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
    let operation = operation.parameter("count", count).seed(seed);
    let message = format!("Sample {count} of {} (seed {seed})", operation.source());
    commit(store, operation, count, seed, message).await
}

/// Commits a random sample of a share of the records, 0 to 1, to the nearest whole number of them.
///
/// Which ones is as by [`sample`].
///
/// # Errors
///
/// `NotFound` if the version does not exist; `InvalidInput` if the rate is not between 0 and 1, or
/// the target not of the version's kind.
pub async fn sample_rate(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    rate: f64,
    seed: u64,
    target: &Branch,
) -> Result<Version> {
    check_rate(rate)?;
    let operation = Operation::new(store, TaskKind::Select, "sample", source, target).await?;
    let operation = operation.parameter("rate", rate).seed(seed);
    let count = count_of(rate, store.manifest(source).await?.summary.assets);
    let message = format!("Sample {rate} of {} (seed {seed})", operation.source());
    commit(store, operation, count, seed, message).await
}

pub(super) fn check_rate(rate: f64) -> Result<()> {
    if (0.0..=1.0).contains(&rate) {
        return Ok(());
    }
    let message = "a rate is between 0 and 1; give a count for a number of assets";
    Err(Error::invalid(message).with("rate", rate))
}

async fn commit(
    store: &Arc<dyn AssetStore>,
    mut operation: Operation<'_>,
    count: u64,
    seed: u64,
    message: String,
) -> Result<Version> {
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let ids = store.find(&operation.source().id, &Query::All, FindOptions::default()).await?;
    let plan = blocking(move || {
        let (chosen, others) = first(ids, count, seed);
        let few = chosen.len() <= others.len();
        Ok(if few { Plan::Keep(chosen) } else { Plan::Drop(others) })
    });
    operation.commit(plan.await?, message).await
}
