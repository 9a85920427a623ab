//! Operations on dataset versions, on the store in a directory and on the double.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use ymir_core::{
    AssetId, AssetStore, Branch, BranchKind, ErrorKind, Name, TaskKind, Version, VersionId,
};
use ymir_data::operations::{MergeStrategy, exclude, find_by_fingerprint, merge, sample, select};
use ymir_testkit::double::{Fault, FaultyAssetStore, MemoryAssetStore, StoreMethod, When};

use crate::common::{add_class, boxed, commit, id, ids, record, records, store_tests};

type Store = Arc<dyn AssetStore>;

fn branch(name: &str) -> Branch {
    Branch::dataset(name).unwrap()
}

async fn dataset(store: &Store, name: &str, numbers: impl IntoIterator<Item = usize>) -> Version {
    add_class(store, "cat").await;
    let records = numbers.into_iter().map(|n| record(n, vec![boxed(0, n as f64)])).collect();
    commit(store, &branch(name), records).await
}

fn sorted(numbers: impl IntoIterator<Item = usize>) -> Vec<AssetId> {
    let mut ids: Vec<_> = numbers.into_iter().map(id).collect();
    ids.sort_unstable();
    ids
}

async fn count(store: &Store, name: &str) -> usize {
    store.log(&branch(name), Default::default()).await.map_or(0, |log| log.len())
}

async fn selecting_takes_these_records(store: Store) {
    let source = dataset(&store, "all", 0..3000).await;
    let wanted: Vec<_> = (0..3000).step_by(3).map(id).collect();
    let made = select(&store, &source.id, &wanted, &branch("some")).await.unwrap();
    assert_eq!(ids(&store, &made.id).await, sorted((0..3000).step_by(3)));
    let manifest = store.manifest(&made.id).await.unwrap();
    assert_eq!(manifest.task.kind, TaskKind::Select);
    assert_eq!(manifest.task.input("source"), Some(source.id));
    assert_eq!(manifest.task.fingerprint, manifest.task.fingerprint());
    assert_eq!(manifest.summary.assets, 1000);

    // In another order and with one twice it is the same work.
    let mut again = wanted.clone();
    again.reverse();
    again.push(wanted[0]);
    assert_eq!(select(&store, &source.id, &again, &branch("some")).await.unwrap(), made);
    let none = select(&store, &source.id, &[], &branch("some")).await.unwrap();
    assert_eq!(ids(&store, &none.id).await, []);
    assert_eq!(count(&store, "some").await, 2);
}

async fn what_the_source_lacks_is_named(store: Store) {
    let source = dataset(&store, "all", 0..2500).await;
    let wanted: Vec<_> = (0..2600).map(id).collect();
    let error = select(&store, &source.id, &wanted, &branch("some")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("missing: 100"), "{error}");
    assert_eq!(count(&store, "some").await, 0);

    let nowhere = VersionId::new([9; 20]);
    let error = sample(&store, &nowhere, 1, 0, &branch("some")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = exclude(&store, &source.id, &[nowhere], &branch("some")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let ours = MergeStrategy::Ours;
    let error = merge(&store, &source.id, &nowhere, ours, &branch("some")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn a_sample_depends_on_assets_and_seed_alone(store: Store) {
    let whole = dataset(&store, "all", 0..1500).await;
    let reversed = dataset(&store, "reversed", (0..1500).rev()).await;
    let one = sample(&store, &whole.id, 200, 5, &branch("one")).await.unwrap();
    let two = sample(&store, &reversed.id, 200, 5, &branch("two")).await.unwrap();
    assert_eq!(one.content, two.content);
    let first: BTreeSet<_> = ids(&store, &one.id).await.into_iter().collect();
    assert_eq!(first.len(), 200);

    let larger = sample(&store, &whole.id, 900, 5, &branch("one")).await.unwrap();
    let larger: BTreeSet<_> = ids(&store, &larger.id).await.into_iter().collect();
    assert_eq!(larger.len(), 900);
    assert!(larger.is_superset(&first));
    let other = sample(&store, &whole.id, 200, 6, &branch("one")).await.unwrap();
    let other: BTreeSet<_> = ids(&store, &other.id).await.into_iter().collect();
    assert!((1..100).contains(&other.intersection(&first).count()));

    let all = sample(&store, &whole.id, u64::MAX, 5, &branch("one")).await.unwrap();
    assert_eq!(all.content, whole.content);
    assert_eq!(store.manifest(&all.id).await.unwrap().task.seed, 5);
    assert_eq!(sample(&store, &whole.id, 200, 5, &branch("one")).await.unwrap(), one);
    assert_eq!(count(&store, "one").await, 4);
}

async fn excluding_goes_by_id(store: Store) {
    let whole = dataset(&store, "all", 0..2000).await;
    let few = dataset(&store, "few", (0..300).chain(5000..5010)).await;
    let many = dataset(&store, "many", 100..2100).await;
    let without_few = exclude(&store, &whole.id, &[few.id], &branch("rest")).await.unwrap();
    assert_eq!(ids(&store, &without_few.id).await, sorted(300..2000));
    let without_many = exclude(&store, &whole.id, &[many.id], &branch("rest")).await.unwrap();
    assert_eq!(ids(&store, &without_many.id).await, sorted(0..100));
    let both = [many.id, few.id, many.id];
    let nothing = exclude(&store, &whole.id, &both, &branch("rest")).await.unwrap();
    assert_eq!(ids(&store, &nothing.id).await, []);
    let again = exclude(&store, &whole.id, &[few.id, many.id], &branch("rest")).await.unwrap();
    assert_eq!(again, nothing);
    let untouched = exclude(&store, &whole.id, &[], &branch("rest")).await.unwrap();
    assert_eq!(untouched.content, whole.content);

    // Other annotations of an asset do not keep it.
    let relabeled = (0..2000).map(|n| record(n, vec![])).collect();
    let relabeled = commit(&store, &branch("relabeled"), relabeled).await;
    let none = exclude(&store, &whole.id, &[relabeled.id], &branch("rest")).await.unwrap();
    assert_eq!(ids(&store, &none.id).await, []);
}

async fn a_merge_takes_a_side_or_stops(store: Store) {
    let base = dataset(&store, "base", 0..50).await;
    let mut theirs: Vec<_> = (40..60).map(|n| record(n, vec![boxed(0, n as f64)])).collect();
    theirs[0].annotations = vec![boxed(0, 400.0)];
    theirs[1].annotations.clear();
    theirs[2].asset.file_name = "renamed.jpg".to_owned();
    let other = commit(&store, &branch("other"), theirs.clone()).await;

    let target = branch("merged");
    let stop = merge(&store, &base.id, &other.id, MergeStrategy::Stop, &target).await.unwrap_err();
    assert_eq!(stop.kind(), ErrorKind::InvalidInput);
    assert!(stop.to_string().contains("conflicts: 2"), "{stop}");
    assert!(stop.to_string().contains(&id(40).to_string()), "{stop}");
    assert_eq!(count(&store, "merged").await, 0);

    let ours = merge(&store, &base.id, &other.id, MergeStrategy::Ours, &target).await.unwrap();
    assert_eq!(ids(&store, &ours.id).await, sorted(0..60));
    let kept = store.get(&ours.id, &[id(40), id(42)]).await.unwrap();
    assert_eq!(kept[0].as_ref().unwrap().annotations, [boxed(0, 40.0)]);
    assert_eq!(kept[1].as_ref().unwrap().asset.file_name, "42.jpg");

    let taken = merge(&store, &base.id, &other.id, MergeStrategy::Theirs, &target).await.unwrap();
    assert_eq!(ids(&store, &taken.id).await, sorted(0..60));
    let kept = store.get(&taken.id, &[id(40), id(41), id(42)]).await.unwrap();
    let kept: Vec<_> = kept.into_iter().flatten().collect();
    assert_eq!(kept, theirs[..3]);

    let again = merge(&store, &base.id, &other.id, MergeStrategy::Theirs, &target).await.unwrap();
    assert_eq!(again, taken);
    let task = store.manifest(&taken.id).await.unwrap().task;
    assert_eq!((task.input("source"), task.input("other")), (Some(base.id), Some(other.id)));
}

async fn a_merge_without_conflict_never_stops(store: Store) {
    let base = dataset(&store, "base", 0..2000).await;
    let other = dataset(&store, "other", 500..4000).await;
    let target = branch("merged");
    let stop = MergeStrategy::Stop;
    let merged = merge(&store, &base.id, &other.id, stop, &target).await.unwrap();
    let turned = merge(&store, &other.id, &base.id, stop, &target).await.unwrap();
    assert_eq!(merged.content, turned.content);
    assert_eq!(ids(&store, &merged.id).await, sorted(0..4000));
    let whole = dataset(&store, "whole", 0..4000).await;
    assert_eq!(merged.content, whole.content);
}

async fn kinds_do_not_mix(store: Store) {
    let truth = dataset(&store, "truth", 0..5).await;
    let predictions = Branch::new(BranchKind::Prediction, Name::new("found").unwrap());
    let found = commit(&store, &predictions, vec![record(1, vec![boxed(0, 1.0)])]).await;
    let (to_predictions, to_truth) = (&predictions, &branch("other"));
    for error in [
        select(&store, &truth.id, &[], to_predictions).await.unwrap_err(),
        sample(&store, &found.id, 1, 0, to_truth).await.unwrap_err(),
        merge(&store, &truth.id, &found.id, MergeStrategy::Ours, to_truth).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    // What was predicted on can be taken out of a pool all the same.
    let rest = exclude(&store, &truth.id, &[found.id], to_truth).await.unwrap();
    assert_eq!(ids(&store, &rest.id).await, sorted([0, 2, 3, 4]));
}

async fn the_same_work_at_the_same_time_makes_one_version(store: Store) {
    let whole = dataset(&store, "all", 0..500).await;
    let work = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { sample(&store, &whole.id, 50, 3, &branch("some")).await })
    });
    let mut made = BTreeSet::new();
    for work in work.collect::<Vec<_>>() {
        made.insert(work.await.unwrap().unwrap().id);
    }
    assert_eq!(made.len(), 1);
    assert_eq!(count(&store, "some").await, 1);
}

async fn work_is_found_by_its_fingerprint(store: Store) {
    let whole = dataset(&store, "all", 0..20).await;
    let target = branch("some");
    let made = sample(&store, &whole.id, 5, 3, &target).await.unwrap();
    let newer = sample(&store, &whole.id, 5, 4, &target).await.unwrap();
    let fingerprint = store.manifest(&made.id).await.unwrap().task.fingerprint;
    let found = find_by_fingerprint(&store, &target, &fingerprint).await.unwrap();
    assert_eq!(found, Some(made));
    assert_ne!(found.unwrap().id, newer.id);
    for (branch, fingerprint) in
        [(branch("none"), fingerprint.as_str()), (branch("all"), ""), (target, "unknown")]
    {
        assert_eq!(find_by_fingerprint(&store, &branch, fingerprint).await.unwrap(), None);
    }
}

async fn an_operation_that_is_dropped_commits_nothing(store: Store) {
    let whole = dataset(&store, "all", 0..20_000).await;
    let wanted: Vec<_> = (0..20_000).map(id).collect();
    for polls in 0..30 {
        let target = branch("some");
        let mut work = Box::pin(select(&store, &whole.id, &wanted, &target));
        let wait = std::time::Duration::from_micros(100 * polls);
        let _ = tokio::time::timeout(wait, &mut work).await;
        drop(work);
    }
    // Whatever was committed in time is whole.
    if let Ok(log) = store.log(&branch("some"), Default::default()).await {
        assert_eq!(log.len(), 1);
        assert_eq!(log[0].content, whole.content);
    }
}

store_tests![
    selecting_takes_these_records,
    what_the_source_lacks_is_named,
    a_sample_depends_on_assets_and_seed_alone,
    excluding_goes_by_id,
    a_merge_takes_a_side_or_stops,
    a_merge_without_conflict_never_stops,
    kinds_do_not_mix,
    the_same_work_at_the_same_time_makes_one_version,
    work_is_found_by_its_fingerprint,
    an_operation_that_is_dropped_commits_nothing,
];

#[tokio::test]
async fn a_failure_while_reading_leaves_no_version() {
    let memory: Store = Arc::new(MemoryAssetStore::new());
    let whole = dataset(&memory, "all", 0..3000).await;
    let other = dataset(&memory, "other", 1000..5000).await;
    let (get, diff, find) = (StoreMethod::Get, StoreMethod::Diff, StoreMethod::Find);
    for (method, call) in [(get, 2), (diff, 2), (find, 1)] {
        let (kind, when) = (ErrorKind::Corrupted, When::Before);
        let fault = Fault { method, call, kind, when };
        let store: Store = Arc::new(FaultyAssetStore::new(memory.clone(), vec![fault]));
        let target = branch("made");
        let wanted: Vec<_> = (0..3000).map(id).collect();
        let error = match method {
            StoreMethod::Get => select(&store, &whole.id, &wanted, &target).await,
            StoreMethod::Diff => {
                merge(&store, &whole.id, &other.id, MergeStrategy::Ours, &target).await
            }
            _ => sample(&store, &whole.id, 7, 0, &target).await,
        };
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Corrupted);
        assert_eq!(count(&memory, "made").await, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn operations_agree_with_sets(
        left in proptest::collection::btree_set(0usize..60, 0..40),
        right in proptest::collection::btree_set(0usize..60, 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = crate::common::store();
            let a = dataset(&store, "a", left.iter().copied()).await;
            let b = dataset(&store, "b", right.iter().copied()).await;
            let union = merge(&store, &a.id, &b.id, MergeStrategy::Stop, &branch("u")).await.unwrap();
            prop_assert_eq!(ids(&store, &union.id).await, sorted(left.union(&right).copied()));
            let rest = exclude(&store, &a.id, &[b.id], &branch("r")).await.unwrap();
            prop_assert_eq!(ids(&store, &rest.id).await, sorted(left.difference(&right).copied()));
            let all = records(&store, &union.id).await;
            for record in all {
                prop_assert_eq!(record.annotations.len(), 1);
            }
            Ok(())
        })?;
    }
}

#[test]
fn one_thread_for_blocking_work_is_enough() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let store: Store = Arc::new(ymir_assets::GitAssetStore::init(folder.path()).unwrap());
        let source = dataset(&store, "all", 0..5000).await;
        let (some, others) = (branch("some"), branch("others"));
        let made = tokio::join!(
            sample(&store, &source.id, 4000, 1, &some),
            sample(&store, &source.id, 4500, 2, &others)
        );
        assert_eq!(ids(&store, &made.0.unwrap().id).await.len(), 4000);
        assert_eq!(ids(&store, &made.1.unwrap().id).await.len(), 4500);
    });
}
