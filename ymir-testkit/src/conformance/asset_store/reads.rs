use std::sync::Arc;

use ymir_core::{AssetId, AssetStore, Change, ClassId, DiffOptions, Edit, PageOptions, Record};

use super::fixture::{add_classes, commit, id, puts, record, records};

/// `get` answers in the order asked, with `None` for what is missing, also for ids asked twice.
pub async fn records_are_found_in_the_order_asked(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..20)).await;
    let mut close = *id(5).as_bytes();
    close[AssetId::LEN - 1] ^= 1;
    let ids = [id(7), id(200), id(3), AssetId::new(close), id(7)];
    let expected = [Some(record(7)), None, Some(record(3)), None, Some(record(7))];
    // Twice, as the second answer may come from a cache.
    for _ in 0..2 {
        assert_eq!(store.get(&version.id, &ids).await.unwrap(), expected);
    }
    assert_eq!(store.get(&version.id, &[]).await.unwrap(), []);
}

/// Pages are the runs of the sorted records, whatever offset and limit.
pub async fn pages_are_runs_of_the_sorted_records(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let mut edits = puts(0..30);
    edits.reverse();
    let version = commit(&*store, "a", edits).await;
    let expected = records(0..30);
    for (offset, limit) in [(0, 100), (0, 7), (7, 7), (29, 1), (28, 10), (5, 0), (0, usize::MAX)] {
        let options = PageOptions { offset, limit, class: None };
        let page = store.page(&version.id, options).await.unwrap();
        let run: Vec<Record> = expected.iter().skip(offset as usize).take(limit).cloned().collect();
        assert_eq!(page.records, run, "offset {offset}, limit {limit}");
        assert_eq!(page.total, 30);
    }
}

/// An offset at or past the end gives no records and the right total.
pub async fn a_page_past_the_end_is_empty(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..10)).await;
    for offset in [10, 11, u64::MAX] {
        let options = PageOptions { offset, ..PageOptions::default() };
        let page = store.page(&version.id, options).await.unwrap();
        assert_eq!((page.records.len(), page.total), (0, 10));
    }
}

/// With a class, only assets that have it count and are returned.
pub async fn a_page_of_a_class_has_only_its_assets(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..60)).await;
    for class in [ClassId(0), ClassId(1), ClassId(2), ClassId(u32::MAX)] {
        let has = |r: &Record| r.annotations.iter().any(|a| a.class.id() == Some(class));
        let expected: Vec<Record> = records(0..60).into_iter().filter(has).collect();
        for (offset, limit) in [(0, 100), (0, 4), (3, 5), (expected.len() as u64, 1)] {
            let options = PageOptions { offset, limit, class: Some(class) };
            let page = store.page(&version.id, options).await.unwrap();
            let run = expected.iter().skip(offset as usize).take(limit);
            assert_eq!(
                page.records,
                run.cloned().collect::<Vec<_>>(),
                "{class:?} {offset} {limit}"
            );
            assert_eq!(page.total, expected.len() as u64);
        }
    }
}

/// A diff has what was added, removed and changed, in the order of the ids.
pub async fn a_diff_has_every_change_in_order(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let from = commit(&*store, "a", puts(0..10)).await.id;
    let mut changed = record(4);
    changed.annotations.clear();
    changed.asset.width += 1;
    let edits = vec![
        Edit::Put(record(12)),
        Edit::Remove(id(2)),
        Edit::Put(changed.clone()),
        // What is put in again as it was is no difference.
        Edit::Put(record(7)),
    ];
    let to = commit(&*store, "a", edits).await.id;
    let expected = vec![
        Change::Removed(record(2)),
        Change::Changed { from: record(4), to: changed.clone() },
        Change::Added(record(12)),
    ];
    assert_eq!(store.diff(&from, &to, DiffOptions::default()).await.unwrap(), expected);
    let back = vec![
        Change::Added(record(2)),
        Change::Changed { from: changed, to: record(4) },
        Change::Removed(record(12)),
    ];
    assert_eq!(store.diff(&to, &from, DiffOptions::default()).await.unwrap(), back);
    assert_eq!(store.diff(&to, &to, DiffOptions::default()).await.unwrap(), []);
}

/// A diff can be read page by page.
pub async fn a_diff_goes_on_after_an_id(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let from = commit(&*store, "a", Vec::new()).await.id;
    let to = commit(&*store, "a", puts((0..20).map(|n| n * 3))).await.id;
    let whole = store.diff(&from, &to, DiffOptions::default()).await.unwrap();
    assert_eq!(whole.len(), 20);
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = store.diff(&from, &to, DiffOptions { after, limit: 6 }).await.unwrap();
        assert!(page.len() <= 6);
        let Some(last) = page.last() else { break };
        after = Some(last.id());
        pages.extend(page);
    }
    assert_eq!(pages, whole);
    // Between two assets, and behind the last.
    let options = DiffOptions { after: Some(id(4)), limit: 1 };
    let next = store.diff(&from, &to, options).await.unwrap();
    assert_eq!(next, [Change::Added(record(6))]);
    let options = DiffOptions { after: Some(id(57)), limit: 1 };
    assert_eq!(store.diff(&from, &to, options).await.unwrap(), []);
}
