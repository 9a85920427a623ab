use std::collections::HashSet;
use std::fs;

use ymir_core::AssetId;

use super::{ENTRY, KeptLooks};

fn kept(limit: u64) -> (tempfile::TempDir, KeptLooks) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/looks");
    (dir, KeptLooks { path, limit })
}

fn look(n: u64) -> (AssetId, u64) {
    (AssetId::of(&n.to_le_bytes()), n * 0x0101_0101_0101)
}

/// Returns which of the first so many looks are found; what is found is right.
fn found(kept: &KeptLooks, count: u64) -> Vec<u64> {
    let ids: HashSet<_> = (0..count).map(|n| look(n).0).collect();
    let found = kept.find(&ids);
    let numbers = (0..count).filter(|n| found.contains_key(&look(*n).0));
    numbers.inspect(|n| assert_eq!(found[&look(*n).0], look(*n).1)).collect()
}

#[test]
fn what_was_kept_is_found() {
    let (_dir, kept) = kept(100);
    assert!(found(&kept, 5).is_empty());
    kept.add(&[look(0), look(3)]);
    kept.add(&[look(1)]);
    assert_eq!(found(&kept, 5), [0, 1, 3]);
    assert_eq!(found(&kept, 1), [0]);
}

#[test]
fn damage_is_noticed_wherever_it_is() {
    let (_dir, kept) = kept(100);
    kept.add(&[look(0), look(1), look(2)]);
    let whole = fs::read(&kept.path).unwrap();
    for at in ENTRY..2 * ENTRY {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        fs::write(&kept.path, damaged).unwrap();
        assert_eq!(found(&kept, 3), [0, 2], "byte {at}");
    }
    for length in 0..whole.len() {
        fs::write(&kept.path, &whole[..length]).unwrap();
        let entries = (length / ENTRY) as u64;
        assert_eq!(found(&kept, 3), (0..entries).collect::<Vec<_>>());
        kept.add(&[look(3)]);
        let next = (0..entries).chain([3]).collect::<Vec<_>>();
        assert_eq!(found(&kept, 4), next, "half an entry is written over");
    }
}

#[test]
fn a_full_file_loses_what_came_first() {
    let (_dir, kept) = kept(10);
    for n in 0..10 {
        kept.add(&[look(n)]);
    }
    assert_eq!(found(&kept, 20), (0..10).collect::<Vec<_>>());
    kept.add(&[look(10)]);
    assert_eq!(found(&kept, 20), (5..11).collect::<Vec<_>>());
    kept.add(&(11..40).map(look).collect::<Vec<_>>());
    assert_eq!(fs::metadata(&kept.path).unwrap().len(), 10 * ENTRY as u64);
    assert_eq!(found(&kept, 11), (6..11).collect::<Vec<_>>());
}

#[test]
fn many_writers_lose_nothing() {
    let (_dir, kept) = kept(10_000);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let kept = &kept;
            scope.spawn(move || {
                for n in 0..20 {
                    kept.add(&[look(thread * 40 + 2 * n), look(thread * 40 + 2 * n + 1)]);
                    assert!(!found(kept, 320).is_empty());
                }
            });
        }
    });
    assert_eq!(found(&kept, 320), (0..320).collect::<Vec<_>>());
}

#[test]
fn a_file_that_cannot_be_had_is_as_none() {
    let (_dir, kept) = kept(10);
    fs::create_dir_all(&kept.path).unwrap();
    kept.add(&[look(0)]);
    assert!(found(&kept, 1).is_empty());
}
