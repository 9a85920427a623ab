//! Operations carry what annotations have beyond their boxes.

use std::sync::Arc;

use ymir_core::{AssetStore, Branch, Change, DiffOptions, Record};
use ymir_data::operations::{MergeStrategy, exclude, merge, select};
use ymir_testkit::generate::records::SyntheticRecords;

use crate::common::{commit, records, store_tests};

type Store = Arc<dyn AssetStore>;

const RECORDS: SyntheticRecords = SyntheticRecords { assets: 0, boxes: 4, classes: 2, seed: 3 };

fn branch(name: &str) -> Branch {
    Branch::dataset(name).unwrap()
}

fn shaped(numbers: impl IntoIterator<Item = u64>) -> Vec<Record> {
    let mut records: Vec<_> = numbers.into_iter().map(|n| RECORDS.shaped(n)).collect();
    records.sort_by_key(|record| record.asset.id);
    records
}

async fn operations_carry_shapes(store: Store) {
    store.add_classes(&RECORDS.new_classes()).await.unwrap();
    let first = commit(&store, &branch("first"), shaped(0..400)).await;
    let second = commit(&store, &branch("second"), shaped(300..600)).await;

    let strategy = MergeStrategy::default();
    let merged = merge(&store, &first.id, &second.id, strategy, &branch("both")).await.unwrap();
    assert_eq!(records(&store, &merged.id).await, shaped(0..600));
    let rest = exclude(&store, &merged.id, &[first.id], &branch("rest")).await.unwrap();
    assert_eq!(records(&store, &rest.id).await, shaped(400..600));
    let wanted: Vec<_> = shaped(7..9).iter().map(|record| record.asset.id).collect();
    let some = select(&store, &merged.id, &wanted, &branch("some")).await.unwrap();
    assert_eq!(records(&store, &some.id).await, shaped(7..9));
}

async fn a_change_of_a_shape_alone_is_a_difference(store: Store) {
    store.add_classes(&RECORDS.new_classes()).await.unwrap();
    let before = commit(&store, &branch("before"), shaped(0..300)).await;
    let mut changed = shaped(0..300);
    changed[5].annotations.iter_mut().for_each(|annotation| annotation.shape = None);
    let after = commit(&store, &branch("after"), changed.clone()).await;
    let diff = store.diff(&before.id, &after.id, DiffOptions::default()).await.unwrap();
    let [Change::Changed { from, to }] = &diff[..] else { panic!("{diff:?}") };
    assert_eq!((from, to), (&shaped(0..300)[5], &changed[5]));
}

store_tests!(operations_carry_shapes, a_change_of_a_shape_alone_is_a_difference);
