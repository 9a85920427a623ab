use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::TryStreamExt;
use ymir_core::{
    AssetStore, ChunkId, Columns, Edit, ErrorKind, Matcher, Query, Record, ScanBatch, ScanOptions,
    VersionId,
};

use super::fixture::{add_classes, assert_kind, commit, id, puts, record, records};

async fn scan(store: &dyn AssetStore, version: &VersionId, options: ScanOptions) -> Vec<ScanBatch> {
    store.scan(version, options).try_collect().await.expect("the scan is valid")
}

fn records_of(batches: Vec<ScanBatch>) -> Vec<Record> {
    batches.into_iter().flat_map(|batch| batch.records).collect()
}

/// A scan has the records that a query is true of, behind an id, each once and in order.
pub async fn a_scan_has_the_records_in_order(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..250)).await.id;
    let table = store.classes().await.unwrap();
    for text in ["all", "class:dog", "negative", "width>700 and not class:cat", "bytes<0"] {
        let query: Query = text.parse().unwrap();
        let matcher = Matcher::new(&query, &table).unwrap();
        for after in [None, Some(id(0)), Some(id(100)), Some(id(249))] {
            let expected = records((0..250).filter(|n| after.is_none_or(|after| id(*n) > after)));
            let expected: Vec<_> =
                expected.into_iter().filter(|record| matcher.matches(record)).collect();
            let options = ScanOptions { query: query.clone(), after, ..ScanOptions::default() };
            let found = records_of(scan(&*store, &version, options).await);
            assert_eq!(found, expected, "{text} after {after:?}");
        }
    }
    let empty = commit(&*store, "b", Vec::new()).await.id;
    assert_eq!(records_of(scan(&*store, &empty, ScanOptions::default()).await), []);
}

/// What is not asked for of a record is empty, also where a query has looked at it.
pub async fn a_scan_has_the_columns_asked_for(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..40)).await.id;
    // Once read whole, once from whatever cache that has filled.
    for columns in [Columns::BOXES, Columns::ASSETS, Columns::ALL, Columns::BOXES, Columns::ASSETS]
    {
        let query = "class:dog and flag:truncated".parse().unwrap();
        let options = ScanOptions { query, columns, ..ScanOptions::default() };
        let is_wanted = |r: &Record| {
            r.annotations
                .iter()
                .any(|a| a.class.id().is_some_and(|c| c.0 == 1) && a.flags.truncated)
        };
        let mut expected: Vec<_> = records(0..40).into_iter().filter(is_wanted).collect();
        assert!(!expected.is_empty());
        expected.iter_mut().for_each(|record| columns.strip(record));
        let found = records_of(scan(&*store, &version, options).await);
        assert_eq!(found, expected, "{columns:?}");
    }
}

/// Chunks with equal ids have equal records, and a small change leaves most of them as they are.
pub async fn a_scan_tells_chunks(store: Arc<dyn AssetStore>) {
    if !store.capabilities().chunks {
        return;
    }
    add_classes(&*store).await;
    let mut whole = puts(0..250);
    // More than one chunk holds, wherever a store cuts.
    let mut more = record(250);
    for n in 0..2000_u32 {
        more.asset.id = ymir_core::AssetId::of(&n.to_le_bytes());
        whole.push(Edit::Put(more.clone()));
    }
    let first = commit(&*store, "a", whole).await.id;
    let mut changed = record(7);
    changed.annotations.clear();
    let second = commit(&*store, "a", vec![Edit::Put(changed)]).await.id;
    let chunks = async |version, options| {
        let batches = scan(&*store, version, options).await;
        let all = batches.into_iter().map(|b| (b.chunk.expect("it has chunks"), b.records));
        all.collect::<HashMap<ChunkId, Vec<Record>>>()
    };
    let old = chunks(&first, ScanOptions::default()).await;
    let new = chunks(&second, ScanOptions::default()).await;
    let kept: HashSet<ChunkId> = old.keys().filter(|id| new.contains_key(id)).copied().collect();
    assert_eq!((old.len() - kept.len(), new.len() - kept.len()), (1, 1));
    assert!(kept.iter().all(|id| old[id] == new[id]));
    // What is known is told and passed over.
    let known = Arc::new(kept.clone());
    let batches = scan(&*store, &second, ScanOptions { known, ..ScanOptions::default() }).await;
    assert_eq!(batches.len(), new.len());
    for batch in batches {
        let chunk = batch.chunk.unwrap();
        assert_eq!(batch.is_known, kept.contains(&chunk));
        let expected = if batch.is_known { &[][..] } else { &new[&chunk] };
        assert_eq!(batch.records, expected);
    }
}

/// A scan of an unknown version or class, or of a query that contradicts itself, is one error.
pub async fn a_scan_that_cannot_be_is_refused(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..10)).await.id;
    for (version, text, kind) in [
        (VersionId::new([7; 16]), "all", ErrorKind::NotFound),
        (VersionId::new([7; 20]), "all", ErrorKind::NotFound),
        (version, "class:cow", ErrorKind::NotFound),
        (version, "class:cat and class:dog", ErrorKind::InvalidInput),
    ] {
        let options = ScanOptions { query: text.parse().unwrap(), ..ScanOptions::default() };
        assert_kind(store.scan(&version, options).try_collect::<Vec<_>>().await, kind);
    }
}
