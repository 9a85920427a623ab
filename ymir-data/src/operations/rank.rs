//! Random order that depends on a seed and the assets alone.

use sha2::{Digest, Sha256};
use ymir_core::AssetId;

/// The place of an asset in a random order.
pub(super) type Rank = ([u8; 32], AssetId);

/// Returns the place of an asset in the random order of a seed.
pub(super) fn rank(seed: u64, id: AssetId) -> Rank {
    let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(id.as_bytes());
    (hash.finalize().into(), id)
}

/// Returns the assets that rank first, and the others, each in the order of their ids.
pub(super) fn first(ids: Vec<AssetId>, count: u64, seed: u64) -> (Vec<AssetId>, Vec<AssetId>) {
    let mut ranked: Vec<Rank> = ids.into_iter().map(|id| rank(seed, id)).collect();
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(ranked.len());
    if count < ranked.len() {
        ranked.select_nth_unstable(count);
    }
    let sorted = |ranked: &[Rank]| {
        let mut ids: Vec<_> = ranked.iter().map(|(_, id)| *id).collect();
        ids.sort_unstable();
        ids
    };
    (sorted(&ranked[..count]), sorted(&ranked[count..]))
}

/// Returns how many of a number of assets a rate is, 0 to 1, to the nearest.
pub(super) fn count_of(rate: f64, assets: u64) -> u64 {
    (rate * assets as f64).round() as u64
}
