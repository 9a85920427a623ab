use std::collections::HashMap;

use ymir_core::AssetId;

/// Returns the groups of two and more assets that are connected by hashes that differ in at most
/// so many bits, each group and all of them in the order of their ids.
pub(super) fn groups(hashes: &[(AssetId, u64)], distance: u32) -> Vec<Vec<AssetId>> {
    let mut parents: Vec<usize> = (0..hashes.len()).collect();
    // Hashes that differ in n bits agree in at least one of n + 1 parts.
    for part in parts(distance + 1) {
        let mut buckets: HashMap<u64, Vec<usize>> = HashMap::new();
        for (i, (_, hash)) in hashes.iter().enumerate() {
            buckets.entry(hash & part).or_default().push(i);
        }
        for bucket in buckets.into_values() {
            for (k, i) in bucket.iter().enumerate() {
                for j in &bucket[k + 1..] {
                    if (hashes[*i].1 ^ hashes[*j].1).count_ones() <= distance {
                        join(&mut parents, *i, *j);
                    }
                }
            }
        }
    }
    let mut groups: HashMap<usize, Vec<AssetId>> = HashMap::new();
    for (i, (id, _)) in hashes.iter().enumerate() {
        groups.entry(root(&mut parents, i)).or_default().push(*id);
    }
    let mut groups: Vec<_> = groups.into_values().filter(|group| group.len() > 1).collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort_unstable();
    groups
}

/// Returns the masks of so many parts of 64 bits, about equally long.
pub(super) fn parts(count: u32) -> impl Iterator<Item = u64> {
    let ones = |bits: u32| u64::MAX.checked_shr(64 - bits).unwrap_or(0);
    (0..count).map(move |part| {
        let (start, end) = (part * 64 / count, (part + 1) * 64 / count);
        ones(end) & !ones(start)
    })
}

fn root(parents: &mut [usize], mut i: usize) -> usize {
    while parents[i] != i {
        parents[i] = parents[parents[i]];
        i = parents[i];
    }
    i
}

fn join(parents: &mut [usize], i: usize, j: usize) {
    let (i, j) = (root(parents, i), root(parents, j));
    parents[i.max(j)] = i.min(j);
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
