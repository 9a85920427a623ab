//! Datasets are asked, made into others, and read for training.

use std::collections::BTreeMap;

use crate::common::fixture;
use futures::TryStreamExt;
use ymir::{
    CopyOptions, FindOptions, FuseOptions, Image, LoaderOptions, Matcher, Name, Part, Query,
    Record, SampleSize, SplitOptions, Workspace,
};

#[tokio::test]
async fn a_query_is_counted_paged_and_read() {
    let fixture = fixture().await;
    let pool = fixture.workspace.dataset("pool").await.unwrap();
    let all: Vec<Record> = pool.records().try_collect().await.unwrap();
    for text in ["class:coin", "class:coin and area>0.02", "not class:gear", "not all"] {
        let query: Query = text.parse().unwrap();
        let matcher = Matcher::new(&query, &pool.manifest().classes).unwrap();
        let fitting = all.iter().filter(|record| matcher.matches(*record));
        let expected: Vec<Record> = fitting.cloned().collect();
        let found = pool.query(&query);
        assert_eq!(found.query(), &query);
        assert_eq!(found.count().await.unwrap(), expected.len() as u64, "{text}");
        let ids = found.ids(FindOptions::default()).await.unwrap();
        assert!(ids.iter().eq(expected.iter().map(|record| &record.asset.id)));
        let page = found.page(1, 2).await.unwrap();
        let run: Vec<Record> = expected.iter().skip(1).take(2).cloned().collect();
        assert_eq!((page.records, page.total), (run, expected.len() as u64));
        let read: Vec<Record> = found.records(None).try_collect().await.unwrap();
        assert_eq!(read, expected);
        if let Some(first) = ids.first() {
            let rest: Vec<Record> = found.records(Some(*first)).try_collect().await.unwrap();
            assert_eq!(rest, expected[1..]);
        }
    }
}

#[tokio::test]
async fn datasets_are_made_of_datasets() {
    let fixture = fixture().await;
    let workspace = &fixture.workspace;
    let pool = workspace.dataset("pool").await.unwrap();
    let query: Query = "class:coin".parse().unwrap();
    let coins = pool.filter(&query, "coins").await.unwrap();
    let shared = pool.intersect(std::slice::from_ref(&coins), "shared").await.unwrap();
    assert_eq!(shared.version().content, coins.version().content);
    let fraction = 0.5;
    let part = |name| Part { name: Name::new(name).unwrap(), fraction };
    let options = SplitOptions { parts: vec![part("a"), part("b")], seed: 1, unstratified: false };
    let parts = pool.split(&options).await.unwrap();
    assert_eq!((parts[0].len(), parts[1].len()), (6, 6));
    let third = pool.sample_rate(0.25, 0, "some").await.unwrap();
    assert_eq!(third.len(), 3);

    let classes = BTreeMap::from([("coin".to_owned(), Some("disc".to_owned()))]);
    let discs = coins.relabel(&classes, "discs").await.unwrap();
    let compared = coins.compare(&discs).await.unwrap();
    assert_eq!((compared.changed(), compared.added.assets), (coins.len(), 0));
    let fuse = FuseOptions {
        sources: parts.iter().map(ymir::Dataset::id).collect(),
        excluded: vec![third.id()],
        sample: Some(SampleSize::Count(4)),
        ..FuseOptions::default()
    };
    assert_eq!(workspace.fuse(&fuse, "fused").await.unwrap().len(), 4);

    let other = Workspace::init(fixture.dir.join("other")).await.unwrap();
    let copied = discs.copy_to(&other, "discs", &CopyOptions::default()).await.unwrap();
    assert_eq!(copied.len(), discs.len());
    let first = copied.query(&Query::All).page(0, 1).await.unwrap().records.remove(0).asset;
    assert_eq!(other.image(&first.id).await.unwrap().len() as u64, first.byte_size);
}

#[tokio::test]
async fn a_dataset_is_read_in_batches() {
    let fixture = fixture().await;
    let pool = fixture.workspace.dataset("pool").await.unwrap();
    let options = LoaderOptions { batch: 5, ..LoaderOptions::default() };
    let batches = pool.loader(options).await.unwrap();
    let batches: Vec<_> = batches.try_collect().await.unwrap();
    let sizes: Vec<_> = batches.iter().map(|batch| batch.assets.len()).collect();
    assert_eq!(sizes, [5, 5, 2]);
    for asset in batches.iter().flat_map(|batch| &batch.assets) {
        let Image::Bytes(bytes) = &asset.image else { panic!("{:?}", asset.image) };
        assert_eq!(bytes.len() as u64, asset.record.asset.byte_size);
    }
}
