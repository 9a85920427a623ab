use std::sync::Arc;

use futures::future::join_all;
use futures::{StreamExt, stream};
use ymir_core::{
    AssetStore, BBox, Base, Class, ClassId, Edit, Edits, Error, ErrorKind, Expect, Keypoint, Mask,
    Shape, Summary,
};

use super::fixture::{
    add_classes, all, assert_kind, boxed, branch, class, commit, id, puts, record, records, request,
};

/// Every field of a record comes back exactly.
pub async fn records_come_back_exactly(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let version = commit(&*store, "a", puts(0..60)).await;
    assert_eq!(all(&*store, &version).await, records(0..60));
}

/// An empty dataset is a version like any other.
pub async fn an_empty_commit_is_a_version(store: Arc<dyn AssetStore>) {
    let version = commit(&*store, "a", Vec::new()).await;
    assert_eq!(version.number, 1);
    assert_eq!(all(&*store, &version).await, []);
    assert_eq!(store.manifest(&version.id).await.unwrap().summary, Summary::default());
}

/// Edits put in, replace and take out; a later one of the same asset wins; taking out what is not
/// there does nothing.
pub async fn edits_are_applied_in_order(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    commit(&*store, "a", puts(0..10)).await;
    let mut replaced = record(3);
    replaced.asset.file_name = "other.png".into();
    let edits = vec![
        Edit::Put(record(20)),
        Edit::Remove(id(20)),
        Edit::Remove(id(4)),
        Edit::Put(replaced.clone()),
        Edit::Remove(id(5)),
        Edit::Put(record(5)),
        Edit::Remove(id(99)),
    ];
    let version = commit(&*store, "a", edits).await;
    let mut expected = records((0..10).filter(|n| *n != 4));
    expected[3] = replaced;
    assert_eq!(all(&*store, &version).await, expected);
}

/// Earlier versions stay as they were.
pub async fn versions_are_immutable(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let first = commit(&*store, "a", puts(0..5)).await;
    commit(&*store, "a", (0..5).map(|n| Edit::Remove(id(n))).collect()).await;
    assert_eq!(all(&*store, &first).await, records(0..5));
}

/// The base decides what the edits are applied to.
pub async fn each_base_is_what_it_says(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let other = commit(&*store, "other", puts(0..2)).await;
    commit(&*store, "a", puts(2..4)).await;
    let commit = async |base| {
        let request = request("a", base, Expect::Any, puts([9]).into());
        let version = store.commit(request).await.unwrap();
        all(&*store, &version).await
    };
    assert_eq!(commit(Base::Tip).await, records([2, 3, 9]));
    assert_eq!(commit(Base::Version(other.id)).await, records([0, 1, 9]));
    assert_eq!(commit(Base::Empty).await, records([9]));
    assert_eq!(store.log(&branch("a"), Default::default()).await.unwrap().len(), 4);
}

/// Equal records give equal content, however they came about; other records other content.
pub async fn equal_records_have_equal_content(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let at_once = commit(&*store, "a", puts(0..30)).await;
    let mut reversed = puts(0..30);
    reversed.reverse();
    let reversed = commit(&*store, "b", reversed).await;
    commit(&*store, "c", puts(20..40)).await;
    commit(&*store, "c", (30..40).map(|n| Edit::Remove(id(n))).collect()).await;
    let in_steps = commit(&*store, "c", puts(0..25)).await;
    assert_eq!(at_once.content, reversed.content);
    assert_eq!(at_once.content, in_steps.content);
    let smaller = commit(&*store, "a", vec![Edit::Remove(id(0))]).await;
    assert_ne!(at_once.content, smaller.content);
    // Zero has two representations and is one number.
    let zero = |x| vec![Edit::Put(boxed(1, 0, BBox::new(x, 0.0, 1.0, 1.0)))];
    let (plus, minus) =
        (commit(&*store, "d", zero(0.0)).await, commit(&*store, "e", zero(-0.0)).await);
    assert_eq!(plus.content, minus.content);
}

/// The summary of a manifest is that of the records.
pub async fn a_summary_counts_the_records(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    commit(&*store, "a", puts(0..50)).await;
    let version = commit(&*store, "a", (10..20).map(|n| Edit::Remove(id(n))).collect()).await;
    let mut expected = Summary::default();
    all(&*store, &version).await.iter().for_each(|record| expected.add(record));
    assert_eq!(expected.assets, 40);
    assert_eq!(store.manifest(&version.id).await.unwrap().summary, expected);
}

/// `Expect::New` is met by a branch without versions only.
pub async fn a_branch_expected_to_be_new_must_be(store: Arc<dyn AssetStore>) {
    let new = || request("a", Base::Empty, Expect::New, Edits::none());
    store.commit(new()).await.unwrap();
    assert_kind(store.commit(new()).await, ErrorKind::AlreadyExists);
    assert_eq!(store.log(&branch("a"), Default::default()).await.unwrap().len(), 1);
}

/// `Expect::Tip` is met by the newest version only.
pub async fn an_expected_tip_must_be_the_tip(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let first = commit(&*store, "a", puts([1])).await;
    let on = |tip| request("a", Base::Tip, Expect::Tip(tip), puts([2]).into());
    store.commit(on(first.id)).await.unwrap();
    let error = assert_kind(store.commit(on(first.id)).await, ErrorKind::Conflict);
    assert!(error.is_retryable());
    let absent = request("none", Base::Tip, Expect::Tip(first.id), Edits::none());
    assert_kind(store.commit(absent).await, ErrorKind::Conflict);
    assert_eq!(store.log(&branch("a"), Default::default()).await.unwrap().len(), 2);
}

/// A base that does not exist is `NotFound`.
pub async fn a_missing_base_is_not_found(store: Arc<dyn AssetStore>) {
    let missing = ymir_core::VersionId::new([3; 20]);
    let request = request("a", Base::Version(missing), Expect::Any, Edits::none());
    assert_kind(store.commit(request).await, ErrorKind::NotFound);
    assert_kind(store.log(&branch("a"), Default::default()).await, ErrorKind::NotFound);
}

/// An annotation that is not valid is `InvalidInput`, and nothing is committed.
pub async fn invalid_annotations_are_refused(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let whole = BBox::new(0.0, 0.0, 1.0, 1.0);
    let boxes = [
        BBox { x: f64::NAN, ..whole },
        BBox { y: f64::INFINITY, ..whole },
        BBox { w: f64::NEG_INFINITY, ..whole },
        BBox { w: -1.0, ..whole },
        BBox { h: -0.5, ..whole },
    ];
    let mut invalid = vec![boxed(1, 2, whole), boxed(1, u32::MAX, whole)];
    invalid.extend(boxes.map(|bbox| boxed(1, 0, bbox)));
    let size = (boxed(1, 0, whole).asset.width, boxed(1, 0, whole).asset.height);
    let shapes = [
        Shape::Polygons(Vec::new()),
        Shape::Polygons(vec![vec![[0.0, 0.0], [1.0, 1.0]]]),
        Shape::Polygons(vec![vec![[0.0, 0.0], [1.0, 1.0], [0.0, f64::INFINITY]]]),
        Shape::Mask(Mask::new(size.1, size.0, vec![size.0 * size.1]).unwrap()),
        Shape::Image,
    ];
    invalid.extend(shapes.map(|shape| {
        let mut record = boxed(1, 0, whole);
        record.annotations[0].shape = Some(shape);
        record
    }));
    let mut lost = boxed(1, 0, whole);
    lost.annotations[0].keypoints = vec![Keypoint { x: f64::NAN, ..Keypoint::default() }];
    invalid.push(lost);
    for record in invalid {
        let edits = vec![Edit::Put(super::fixture::record(2)), Edit::Put(record)];
        let request = request("a", Base::Tip, Expect::Any, edits.into());
        assert_kind(store.commit(request).await, ErrorKind::InvalidInput);
    }
    assert_kind(store.log(&branch("a"), Default::default()).await, ErrorKind::NotFound);
    // An empty box is odd, yet valid.
    commit(&*store, "a", vec![Edit::Put(boxed(1, 1, BBox::new(5.0, 5.0, 0.0, 0.0)))]).await;
}

/// The error that the edits yield ends the commit without a trace.
pub async fn an_error_of_the_edits_is_returned(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let before = commit(&*store, "a", puts([1])).await;
    let failing = puts(2..5).into_iter().map(Ok);
    let failing = failing.chain([Err(Error::new(ErrorKind::Timeout, "the source fell silent"))]);
    let request = request("a", Base::Tip, Expect::Any, Edits::new(failing));
    let error = assert_kind(store.commit(request).await, ErrorKind::Timeout);
    assert_eq!(error.message(), "the source fell silent");
    assert_eq!(store.log(&branch("a"), Default::default()).await.unwrap(), [before]);
}

/// A class may be added while the edits are read, by the edits themselves for example.
pub async fn classes_can_be_added_before_a_commit_ends(store: Arc<dyn AssetStore>) {
    store.add_classes(&[class("cat", &[])]).await.unwrap();
    let record = boxed(1, 1, BBox::new(0.0, 0.0, 1.0, 1.0));
    let adder = store.clone();
    let edits = stream::once(async move {
        adder.add_classes(&[class("dog", &[])]).await?;
        Ok(vec![Edit::Put(record)])
    });
    let request = request("a", Base::Tip, Expect::Any, Edits::stream(edits));
    let version = store.commit(request).await.unwrap();
    let manifest = store.manifest(&version.id).await.unwrap();
    assert_eq!(manifest.summary.count(Some(ClassId(1))), 1);
    assert_eq!(manifest.classes.len(), 2);
}

/// A stream of edits may read from the store that commits them, and ends a commit by an error.
pub async fn edits_may_be_made_of_what_the_store_has(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let source = commit(&*store, "a", puts(0..40)).await;
    let halves = |failing: bool| {
        let (store, source) = (store.clone(), source.id);
        let half = move |half: u8| {
            let store = store.clone();
            async move {
                if failing && half == 1 {
                    return Err(Error::new(ErrorKind::Timeout, "the source fell silent"));
                }
                let ids: Vec<_> = (half * 20..half * 20 + 20).map(id).collect();
                let records = store.get(&source, &ids).await?;
                Ok(records.into_iter().flatten().map(Edit::Put).collect())
            }
        };
        Edits::stream(stream::iter(0..2).then(half))
    };
    let version = store.commit(request("b", Base::Empty, Expect::New, halves(false))).await;
    let version = version.unwrap();
    assert_eq!(version.content, source.content);
    let failed = store.commit(request("b", Base::Tip, Expect::Any, halves(true))).await;
    assert_kind(failed, ErrorKind::Timeout);
    assert_eq!(store.log(&branch("b"), Default::default()).await.unwrap(), [version]);
}

/// With `Base::Tip` and `Expect::Any` no commit of another writer is lost.
pub async fn concurrent_commits_are_all_kept(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let write = |writer: u8| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..5 {
                commit(&*store, "a", puts([writer * 10 + n])).await;
            }
        })
    };
    join_all((0..4).map(write)).await.into_iter().for_each(|joined| joined.unwrap());
    let log = store.log(&branch("a"), Default::default()).await.unwrap();
    let numbers: Vec<u64> = log.iter().map(|version| version.number).collect();
    assert_eq!(numbers, (1..=20).rev().collect::<Vec<_>>());
    let expected = records((0..4).flat_map(|writer| (0..5).map(move |n| writer * 10 + n)));
    assert_eq!(all(&*store, &log[0]).await, expected);
}

/// Of writers that expect one tip, one wins.
pub async fn one_of_several_expectations_is_met(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let tip = commit(&*store, "a", puts([0])).await.id;
    let write = |n: u8| {
        let store = store.clone();
        tokio::spawn(async move {
            let request = request("a", Base::Tip, Expect::Tip(tip), puts([n]).into());
            store.commit(request).await.map(drop).map_err(|e| e.kind())
        })
    };
    let results: Vec<_> =
        join_all((1..5).map(write)).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(results.iter().all(|r| matches!(r, Ok(()) | Err(ErrorKind::Conflict))), "{results:?}");
    assert_eq!(store.log(&branch("a"), Default::default()).await.unwrap().len(), 2);
}

/// A class outside the table is kept by its name and is in no class count.
pub async fn a_class_outside_the_table_is_kept_by_name(store: Arc<dyn AssetStore>) {
    let mut record = boxed(1, 0, BBox::new(0.0, 0.0, 1.0, 1.0));
    record.annotations[0].class = Class::Name("  Straße ".into());
    let version = commit(&*store, "a", vec![Edit::Put(record.clone())]).await;
    assert_eq!(all(&*store, &version).await, [record]);
    let summary = store.manifest(&version.id).await.unwrap().summary;
    assert_eq!((summary.annotations, summary.negatives, summary.classes.len()), (1, 0, 0));
}
