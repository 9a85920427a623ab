use std::sync::Arc;

use ymir_core::{AssetId, AssetStore, Branch, OnProgress, Result, TaskKind, Version, VersionId};
use ymir_formats::support::blocking;

use super::dedup::{check_distance, looks_of};
use super::seen::{Look, Seen};
use crate::operations::commit::{Operation, Plan, names};
use crate::operations::exclude::ids_of;

/// Commits the records of a version without those of the assets that any of the others has, and
/// without those whose images look like one of these or like another that stays.
///
/// Images are alike as [`near_duplicates`](super::near_duplicates) tells. They are gone through in
/// the order of their ids, so that each one that is left out looks like one that stays or that the
/// others have, and none that stays does. Each image, of the others too, is read and decoded unless
/// it was before; one that cannot be decoded looks like no other.
///
/// # Errors
///
/// As [`near_duplicates`](super::near_duplicates), but for images that cannot be decoded, and
/// `InvalidInput` if the target is not of the source's kind.
pub async fn exclude_similar(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    others: &[VersionId],
    distance: u32,
    target: &Branch,
    on_progress: OnProgress<'_>,
) -> Result<Version> {
    check_distance(distance)?;
    let kind = TaskKind::Exclude;
    let operation = Operation::new(store, kind, "exclude_similar", source, target).await?;
    let (operation, others) = operation.inputs("excluded", others);
    let mut operation = operation.parameter("distance", distance);
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let excluded = ids_of(store, &others).await?;
    let mut ids = ids_of(store, &[*source]).await?;
    ids.retain(|id| excluded.binary_search(id).is_err());
    let count = excluded.len();
    let all = excluded.iter().chain(&ids).copied().collect();
    let (looks, ticker) = looks_of(store, all, on_progress).await?;
    let looks: Vec<_> = looks.into_iter().map(|(_, look)| look.ok()).collect();
    let alike = blocking(move || alike(looks, count, distance)).await?;
    ticker.finish();
    let (names, source) = (names(store, &others).await?, operation.source());
    let message = match names.as_str() {
        "" => format!("Drop {} near-duplicates of {source}", alike.len()),
        names => format!("Exclude {names} and {} that look alike from {source}", alike.len()),
    };
    let mut dropped = [excluded, alike].concat();
    dropped.sort_unstable();
    operation.commit(Plan::Drop(dropped), message).await
}

/// Returns the images after the first so many that look like one of those, or like one between that
/// is not returned.
fn alike(looks: Vec<Option<Look>>, first: usize, distance: u32) -> Result<Vec<AssetId>> {
    let mut seen = Seen::new(distance)?;
    let mut alike = Vec::new();
    for (i, look) in looks.into_iter().enumerate() {
        let Some(look) = look else { continue };
        if i >= first && seen.twin(&look).is_some() {
            alike.push(look.0);
        } else {
            seen.add(look, ());
        }
    }
    Ok(alike)
}
