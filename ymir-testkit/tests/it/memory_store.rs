//! What the in-memory store does beyond the conformance suite: its strictness and its faults.

use std::sync::Arc;

use ymir_core::{
    Annotation, Asset, AssetId, AssetStore, BBox, Base, BlobSource, Branch, BranchKind, Class,
    ClassId, CommitRequest, Edit, Edits, Error, ErrorKind, Expect, Manifest, MediaType, Name,
    NewClass, PageOptions, Record, Selector, Transfer, Version,
};
use ymir_testkit::double::{Fault, FaultyAssetStore, MemoryAssetStore, StoreMethod, When};

fn record(n: u64, annotations: Vec<Annotation>) -> Record {
    let asset = Asset {
        id: AssetId::of(&n.to_le_bytes()),
        width: 64,
        height: 48,
        channels: 3,
        byte_size: 100 + n,
        media_type: MediaType::Jpeg,
        file_name: format!("{n}.jpg"),
        attributes: Default::default(),
    };
    Record { asset, annotations }
}

fn object(class: u32) -> Annotation {
    Annotation::new(Class::Id(ClassId(class)), BBox::new(1.0, 2.0, 3.0, 4.0))
}

fn request(name: &str, base: Base, edits: Edits) -> CommitRequest {
    CommitRequest {
        branch: Branch::dataset(name).unwrap(),
        base,
        edits,
        expect: Expect::Any,
        manifest: Manifest::default(),
        message: "a commit\n\nwith a body".into(),
    }
}

async fn put(store: &dyn AssetStore, records: Vec<Record>) -> Result<Version, Error> {
    store.commit(request("train", Base::Tip, Edits::put(records))).await
}

async fn with_class() -> MemoryAssetStore {
    let store = MemoryAssetStore::new();
    let class = NewClass { name: "cat".into(), aliases: vec!["kitten".into()] };
    store.add_classes(&[class]).await.unwrap();
    store
}

#[tokio::test]
async fn equal_records_have_equal_content_however_they_came_about() {
    let store = with_class().await;
    let (a, b, c) = (record(1, vec![object(0)]), record(2, vec![]), record(3, vec![]));
    let once = put(&store, vec![a.clone(), b.clone()]).await.unwrap();
    let edits = vec![Edit::Put(c.clone()), Edit::Put(b), Edit::Put(a), Edit::Remove(c.asset.id)];
    let other = store.commit(request("other", Base::Empty, edits.into())).await.unwrap();
    assert_eq!(once.content, other.content);
    assert_ne!(once.id, other.id);
    let more = put(&store, vec![c]).await.unwrap();
    assert_ne!(more.content, once.content);
    assert_eq!((more.number, more.parent, more.message.as_str()), (2, Some(once.id), "a commit"));
    let summary = store.manifest(&more.id).await.unwrap().summary;
    assert_eq!((summary.assets, summary.negatives, summary.count(Some(ClassId(0)))), (3, 2, 1));
}

#[tokio::test]
async fn a_version_of_another_store_is_unknown() {
    let (ours, theirs) = (with_class().await, with_class().await);
    let here = put(&ours, vec![record(1, vec![])]).await.unwrap();
    let there = put(&theirs, vec![record(1, vec![])]).await.unwrap();
    assert_eq!(here.content, there.content);
    for error in [
        ours.version(&there.id).await.unwrap_err(),
        ours.page(&there.id, PageOptions::default()).await.unwrap_err(),
        ours.diff(&here.id, &there.id, Default::default()).await.unwrap_err(),
        ours.commit(request("x", Base::Version(there.id), Edits::none())).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert!(
        ours.log(&Branch::dataset("x").unwrap(), Default::default()).await.is_err(),
        "a failed commit left a trace"
    );
}

#[tokio::test]
async fn sloppy_records_are_refused_without_a_trace() {
    let store = with_class().await;
    let boxed = |bbox| Annotation { bbox, ..object(0) };
    let sloppy = [
        object(1),
        boxed(BBox::new(f64::NAN, 0.0, 1.0, 1.0)),
        boxed(BBox::new(0.0, 0.0, 1.0, f64::INFINITY)),
        boxed(BBox::new(0.0, 0.0, -1.0, 1.0)),
        object(0).with_score(1.5),
        object(0).with_score(f64::NAN),
        Annotation { rotate_angle: Some(f64::NAN), ..object(0) },
        Annotation { class: Class::Name(" ".into()), ..object(0) },
    ];
    for annotation in sloppy {
        let records = vec![record(1, vec![]), record(2, vec![annotation.clone()])];
        let error = put(&store, records).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{annotation:?}");
        assert!(store.branches(BranchKind::Dataset).await.unwrap().is_empty());
    }
    let failing = Edits::new(
        [Ok(Edit::Put(record(1, vec![]))), Err(Error::new(ErrorKind::Cancelled, "stop"))]
            .into_iter(),
    );
    let error = store.commit(request("train", Base::Empty, failing)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(store.branches(BranchKind::Dataset).await.unwrap().is_empty());
}

#[tokio::test]
async fn digits_of_an_id_must_be_enough_and_lower_case() {
    let store = with_class().await;
    let version = put(&store, vec![]).await.unwrap();
    let digits = version.id.to_string();
    let branch = version.branch.clone();
    let by = |digits: &str| Selector::Id(digits.to_owned());
    assert_eq!(store.resolve(&branch, &by(&digits[..6])).await.unwrap(), version);
    for bad in ["", &digits[..3], "zzzz", &format!("{digits}0")] {
        let error = store.resolve(&branch, &by(bad)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
    }
    for none in [Selector::Number(0), Selector::Number(2), Selector::Number(u64::MAX)] {
        let error = store.resolve(&branch, &none).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let absurd = PageOptions { offset: u64::MAX, limit: usize::MAX, class: None };
    assert!(store.page(&version.id, absurd).await.unwrap().records.is_empty());
}

#[tokio::test]
async fn writing_into_the_file_of_a_blob_spoils_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = MemoryAssetStore::new();
    let blob = store.put_blobs(vec![BlobSource::Bytes(b"abc".to_vec())]).await.unwrap()[0];
    let path = directory.path().join("linked");
    store.export_blobs(&[(blob.id, path.clone())], Transfer::HardLink).await.unwrap();
    assert_eq!(store.read_blob(&blob.id).await.unwrap(), b"abc");
    std::fs::write(&path, b"xyz").unwrap();
    assert_eq!(store.read_blob(&blob.id).await.unwrap_err().kind(), ErrorKind::Corrupted);
}

#[tokio::test]
async fn a_failed_export_leaves_nothing_and_overwrites_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = MemoryAssetStore::new();
    let blob = store.put_blobs(vec![BlobSource::Bytes(b"abc".to_vec())]).await.unwrap()[0];
    let (first, taken) = (directory.path().join("first"), directory.path().join("taken"));
    std::fs::write(&taken, b"mine").unwrap();
    let wanted = [(blob.id, first.clone()), (blob.id, taken.clone())];
    let error = store.export_blobs(&wanted, Transfer::Copy).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(!first.exists());
    assert_eq!(std::fs::read(&taken).unwrap(), b"mine");
}

#[tokio::test]
async fn faults_hit_the_named_call_before_or_after_the_work() {
    let inner = Arc::new(with_class().await);
    let fault = |call, when| Fault {
        method: StoreMethod::Commit,
        call,
        kind: ErrorKind::Unavailable,
        when,
    };
    let faults = vec![fault(2, When::Before), fault(3, When::After)];
    let store = FaultyAssetStore::new(inner.clone(), faults);
    let branch = Branch::new(BranchKind::Dataset, Name::new("train").unwrap());
    put(&store, vec![]).await.unwrap();
    assert_eq!(put(&store, vec![]).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(inner.log(&branch, Default::default()).await.unwrap().len(), 1);
    assert!(put(&store, vec![]).await.unwrap_err().is_retryable());
    assert_eq!(inner.log(&branch, Default::default()).await.unwrap().len(), 2);
    put(&store, vec![]).await.unwrap();
    assert_eq!(store.calls(StoreMethod::Commit), 4);
    assert_eq!(store.calls(StoreMethod::Page), 0);
}
