//! Stores that earlier versions of the format made stay readable, and equal records equal.

use ymir_assets::GitAssetStore;
use ymir_core::{
    Annotation, AssetStore, Base, Branch, CommitRequest, DiffOptions, Edits, Expect, Manifest,
    PageOptions, Record, Selector, Version,
};
use ymir_testkit::generate::records::SyntheticRecords;

const RECORDS: SyntheticRecords = SyntheticRecords { assets: 300, boxes: 2, classes: 3, seed: 8 };

async fn commit(store: &GitAssetStore, base: Base, records: Vec<Record>) -> Version {
    let request = CommitRequest {
        branch: Branch::dataset("frozen").unwrap(),
        base,
        edits: Edits::put(records),
        expect: Expect::Any,
        manifest: Manifest::default(),
        message: String::new(),
    };
    store.commit(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_format_1_is_read_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = include_bytes!("../data/store-1.tar.gz");
    tar::Archive::new(flate2::read::GzDecoder::new(&file[..])).unpack(dir.path()).unwrap();
    let store = GitAssetStore::open(dir.path()).unwrap();
    let branch = Branch::dataset("frozen").unwrap();
    let first = store.resolve(&branch, &Selector::Latest).await.unwrap();
    assert_eq!(first.id.to_string(), "5cbd40d81befab1e7bde2b37ca368a5163c3bbd6");
    assert_eq!(store.classes().await.unwrap().len(), 3);
    let mut records: Vec<_> = RECORDS.iter().collect();
    records.sort_by_key(|record| record.asset.id);
    let options = PageOptions { limit: 1000, ..PageOptions::default() };
    assert_eq!(store.page(&first.id, options).await.unwrap().records, records);

    let again = commit(&store, Base::Empty, records).await;
    assert_eq!(again.content, first.content);
    let shaped = RECORDS.shaped(0);
    let next = commit(&store, Base::Version(first.id), vec![shaped.clone()]).await;
    assert_ne!(next.content, first.content);
    let diff = store.diff(&first.id, &next.id, DiffOptions::default()).await.unwrap();
    assert_eq!(diff.len(), 1);
    let back = store.get(&next.id, &[shaped.asset.id]).await.unwrap();
    assert_eq!(back, [Some(shaped.clone())]);

    // Without its shapes it is what it was, to the byte.
    let plain = RECORDS.record(0);
    assert!(shaped.annotations.iter().any(|a: &Annotation| a.shape.is_some()));
    let back = commit(&store, Base::Tip, vec![plain]).await;
    assert_eq!(back.content, first.content);
}
