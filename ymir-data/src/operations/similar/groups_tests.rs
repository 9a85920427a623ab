use std::collections::BTreeSet;

use proptest::prelude::*;
use ymir_core::AssetId;

use super::groups;

/// Joins whatever is close, over and over, until nothing changes.
fn slowly(hashes: &[(AssetId, u64)], distance: u32) -> Vec<Vec<AssetId>> {
    let mut all: Vec<BTreeSet<(AssetId, u64)>> =
        hashes.iter().map(|hash| BTreeSet::from([*hash])).collect();
    let close = |a: &BTreeSet<(AssetId, u64)>, b: &BTreeSet<(AssetId, u64)>| {
        a.iter().any(|(_, a)| b.iter().any(|(_, b)| (a ^ b).count_ones() <= distance))
    };
    'again: loop {
        for i in 0..all.len() {
            for j in i + 1..all.len() {
                if close(&all[i], &all[j]) {
                    let joined = all.remove(j);
                    all[i].extend(joined);
                    continue 'again;
                }
            }
        }
        break;
    }
    let ids = |group: BTreeSet<(AssetId, u64)>| group.into_iter().map(|(id, _)| id).collect();
    let mut all: Vec<Vec<AssetId>> =
        all.into_iter().filter(|group| group.len() > 1).map(ids).collect();
    all.sort_unstable();
    all
}

proptest! {
    #[test]
    fn groups_are_what_is_close(
        base in prop::collection::vec(any::<u64>(), 1..4),
        flips in prop::collection::vec((0usize..4, prop::collection::vec(0u32..64, 0..12)), 0..30),
        distance in 0u32..10,
    ) {
        let hash = |(i, (n, bits)): (usize, &(usize, Vec<u32>))| {
            let hash = bits.iter().fold(base[n % base.len()], |hash, bit| hash ^ 1 << bit);
            (AssetId::of(&i.to_le_bytes()), hash)
        };
        let hashes: Vec<_> = flips.iter().enumerate().map(hash).collect();
        prop_assert_eq!(groups(&hashes, distance), slowly(&hashes, distance));
    }
}
