use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{StreamExt, TryStreamExt, iter};
use ymir_core::{
    AssetId, AssetStore, Branch, Error, ErrorKind, FindOptions, OnProgress, Query, Result,
    TaskKind, Ticker, Version, VersionId,
};
use ymir_formats::support::blocking;

use super::groups::groups;
use super::hash::difference_hash;
use super::kept::KeptLooks;
use super::seen::Look;
use crate::images::{self, Pixels};
use crate::operations::commit::{Operation, Plan};

/// The greatest distance: from there on, images that have little in common count as alike.
pub const DISTANCE_MAX: u32 = 16;
/// How many images are read at the same time.
const CONCURRENT: usize = 8;
/// After so many new looks they are kept, so that what is broken off has not been in vain.
const KEPT_AT_ONCE: usize = 1024;

/// Returns the groups of images that look alike: two and more assets that are connected by a
/// difference in at most `distance` of the 64 bits of their difference hashes, each group and all
/// of them in the order of their ids.
///
/// 0 to 3 finds the same picture in another size or compression, 10 one with small changes. All
/// plain images, black ones for example, look alike. Each image is read and decoded once in the life
/// of a store; the search among the hashes takes the longer the greater the distance is.
///
/// # Errors
///
/// - `NotFound` if the version, or the file of an asset, does not exist.
/// - `InvalidInput` for a distance above [`DISTANCE_MAX`], and for an image that cannot be decoded.
/// - `Unsupported` in a build without the feature `decode`.
pub async fn near_duplicates(
    store: &Arc<dyn AssetStore>,
    version: &VersionId,
    distance: u32,
    on_progress: OnProgress<'_>,
) -> Result<Vec<Vec<AssetId>>> {
    check_distance(distance)?;
    let (hashes, ticker) = looks(store, version, on_progress).await?;
    let groups = blocking(move || Ok(groups(&hashes, distance))).await?;
    ticker.finish();
    Ok(groups)
}

/// Returns what the images of a version look like, and the progress to be ended.
pub(crate) async fn looks<'a>(
    store: &Arc<dyn AssetStore>,
    version: &VersionId,
    on_progress: OnProgress<'a>,
) -> Result<(Vec<Look>, Ticker<'a>)> {
    let ids = store.find(version, &Query::All, FindOptions::default()).await?;
    let (looks, ticker) = looks_of(store, ids, on_progress).await?;
    let named = |(id, look): (AssetId, Result<Look>)| look.map_err(|e| e.with("asset", id));
    Ok((looks.into_iter().map(named).collect::<Result<_>>()?, ticker))
}

/// Returns what these images look like, in their order, an error for each that cannot be decoded,
/// and the progress to be ended. Those that were looked at before are not read again.
pub(super) async fn looks_of<'a>(
    store: &Arc<dyn AssetStore>,
    ids: Vec<AssetId>,
    on_progress: OnProgress<'a>,
) -> Result<(Vec<(AssetId, Result<Look>)>, Ticker<'a>)> {
    let mut ticker = Ticker::start(on_progress, ids.len() as u64);
    let kept = KeptLooks::of(store.as_ref());
    let known = known(&kept, &ids).await?;
    let look = |id: AssetId| {
        let known = known.get(&id).copied();
        async move {
            match known {
                Some(hash) => Ok((id, Ok((id, hash)))),
                None => look(store, id).await,
            }
        }
    };
    let (mut looks, mut fresh) = (Vec::with_capacity(ids.len()), Vec::new());
    let mut looking = iter(ids).map(look).buffered(CONCURRENT);
    while let Some((id, look)) = looking.try_next().await? {
        fresh.extend(look.as_ref().ok().filter(|_| !known.contains_key(&id)));
        looks.push((id, look));
        ticker.advance(1);
        if fresh.len() == KEPT_AT_ONCE {
            keep(&kept, std::mem::take(&mut fresh)).await?;
        }
    }
    keep(&kept, fresh).await?;
    Ok((looks, ticker))
}

/// Returns the hashes of those of these images that were looked at before.
async fn known(kept: &Option<KeptLooks>, ids: &[AssetId]) -> Result<HashMap<AssetId, u64>> {
    let Some(kept) = kept.clone() else { return Ok(HashMap::new()) };
    let ids = ids.iter().copied().collect();
    blocking(move || Ok(kept.find(&ids))).await
}

async fn keep(kept: &Option<KeptLooks>, looks: Vec<Look>) -> Result<()> {
    let Some(kept) = kept.clone().filter(|_| !looks.is_empty()) else { return Ok(()) };
    blocking(move || {
        kept.add(&looks);
        Ok(())
    })
    .await
}

/// Commits the records of a version with one of each group of images that look alike, as
/// [`near_duplicates`] tells: the one whose id comes first.
///
/// # Errors
///
/// As [`near_duplicates`], and `InvalidInput` if the target is not of the source's kind.
pub async fn dedup(
    store: &Arc<dyn AssetStore>,
    source: &VersionId,
    distance: u32,
    target: &Branch,
    on_progress: OnProgress<'_>,
) -> Result<Version> {
    check_distance(distance)?;
    let operation = Operation::new(store, TaskKind::Select, "dedup", source, target).await?;
    let mut operation = operation.parameter("distance", distance);
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let groups = near_duplicates(store, source, distance, on_progress).await?;
    let mut others: Vec<AssetId> = groups.into_iter().flat_map(|g| g.into_iter().skip(1)).collect();
    others.sort_unstable();
    let message = format!("Drop {} near-duplicates of {}", others.len(), operation.source());
    operation.commit(Plan::Drop(others), message).await
}

/// Checks that images can be told to look alike at a distance.
///
/// # Errors
///
/// `InvalidInput` for a distance above [`DISTANCE_MAX`]; `Unsupported` in a build without the
/// feature `decode`.
pub fn check_distance(distance: u32) -> Result<()> {
    if !images::IS_AVAILABLE {
        let message = "this build cannot decode images; build with the feature `decode`";
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    if distance > DISTANCE_MAX {
        let message = format!("the distance of near-duplicates is at most {DISTANCE_MAX}");
        return Err(Error::invalid(message).with("distance", distance));
    }
    Ok(())
}

async fn look(store: &Arc<dyn AssetStore>, id: AssetId) -> Result<(AssetId, Result<Look>)> {
    let bytes = store.read_blob(&id).await?;
    blocking(move || Ok((id, hash(&bytes).map(|hash| (id, hash))))).await
}

/// Returns what an image file looks like.
///
/// # Errors
///
/// `InvalidInput` if it cannot be decoded.
pub(crate) fn look_of(bytes: &[u8]) -> Result<Look> {
    Ok((AssetId::of(bytes), hash(bytes)?))
}

fn hash(bytes: &[u8]) -> Result<u64> {
    let Pixels { width, height, rgb } = images::decode(bytes)?;
    Ok(difference_hash(width, height, &rgb))
}
