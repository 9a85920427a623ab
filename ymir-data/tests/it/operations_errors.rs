//! What operations refuse, how they tell of progress, and what they leave behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ymir_core::Progress;
use ymir_core::{
    AssetStore, BlobSource, Branch, ErrorKind, Name, Transfer, UnknownClasses, Version,
};
use ymir_data::operations::{
    CopyOptions, FuseOptions, Part, SplitOptions, copy, filter, fuse, relabel, sample_rate, split,
};

use crate::common::{add_class, boxed, commit, git_store, record, records, store, store_tests};

type Store = Arc<dyn AssetStore>;

fn branch(name: &str) -> Branch {
    Branch::dataset(name).unwrap()
}

async fn dataset(store: &Store, assets: usize) -> Version {
    add_class(store, "cat").await;
    add_class(store, "dog").await;
    let boxes = |n: usize| (0..n % 3).map(|k| boxed((n / 3 % 2) as u32, k as f64)).collect();
    let records = (0..assets).map(|n| record(n, boxes(n))).collect();
    commit(store, &branch("all"), records).await
}

fn part(name: &str, fraction: f64) -> Part {
    Part { name: Name::new(name).unwrap(), fraction }
}

async fn parts_of_a_split_are_checked(store: Store) {
    let source = dataset(&store, 10).await;
    for (parts, word) in [
        (vec![], "at least one"),
        (vec![part("a", 0.5), part("a", 0.5)], "one name"),
        (vec![part("a", 0.0)], "above 0"),
        (vec![part("a", f64::NAN)], "above 0"),
        (vec![part("a", 0.7), part("b", 0.4)], "more than 1"),
    ] {
        let options = SplitOptions { parts, seed: 0, unstratified: false };
        let error = split(&store, &source.id, &options, &|_| ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(store.log(&branch("a"), Default::default()).await.is_err());
}

/// Each class, and the assets without one, are in each part in proportion.
async fn a_split_keeps_the_shares_of_the_classes(store: Store) {
    add_class(&store, "cat").await;
    add_class(&store, "dog").await;
    let of = |n: usize| match n {
        0..20 => vec![boxed(1, 0.0), boxed(0, 1.0)],
        20..120 => vec![],
        _ => vec![boxed(0, 0.0)],
    };
    let all = (0..1000).map(|n| record(n, of(n))).collect();
    let source = commit(&store, &branch("all"), all).await;
    let parts = vec![part("train", 0.7), part("val", 0.2), part("test", 0.1)];
    let options = SplitOptions { parts, seed: 5, unstratified: false };
    let made = split(&store, &source.id, &options, &|_| ()).await.unwrap();
    let mut found = Vec::new();
    for version in &made {
        let summary = store.manifest(&version.id).await.unwrap().summary;
        let dogs = summary.count(Some(ymir_core::ClassId(1)));
        found.push((summary.assets, summary.negatives, dogs));
    }
    assert_eq!(found, [(700, 70, 14), (200, 20, 4), (100, 10, 2)]);
    let other = SplitOptions { seed: 6, ..options.clone() };
    let other = split(&store, &source.id, &other, &|_| ()).await.unwrap();
    assert_ne!(other[1].content, made[1].content);
    // A part that is there already is not made again; the one that is missing is.
    let without = SplitOptions { parts: options.parts[..].to_vec(), ..options };
    assert_eq!(split(&store, &source.id, &without, &|_| ()).await.unwrap(), made);
}

async fn what_cannot_be_relabeled_is_refused(store: Store) {
    let source = dataset(&store, 10).await;
    crate::common::add_class_with(&store, "cat", &["kitty"]).await;
    for (changes, kind) in [
        (vec![("cow", Some("cat"))], ErrorKind::NotFound),
        (vec![("cat", None), ("kitty", Some("dog"))], ErrorKind::InvalidInput),
        (vec![("cat", Some(" "))], ErrorKind::InvalidInput),
    ] {
        let own = |(old, new): (&str, Option<&str>)| (old.to_owned(), new.map(str::to_owned));
        let classes: BTreeMap<_, _> = changes.into_iter().map(own).collect();
        let error = relabel(&store, &source.id, &classes, &branch("new"), &|_| ()).await;
        assert_eq!(error.unwrap_err().kind(), kind, "{classes:?}");
    }
    assert!(store.log(&branch("new"), Default::default()).await.is_err());
    assert_eq!(store.classes().await.unwrap().len(), 2);
}

async fn rates_and_sources_are_checked(store: Store) {
    let source = dataset(&store, 10).await;
    for rate in [-0.1, 1.5, f64::NAN] {
        let error = sample_rate(&store, &source.id, rate, 0, &branch("some")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let some = sample_rate(&store, &source.id, 0.25, 0, &branch("some")).await.unwrap();
    assert_eq!(store.manifest(&some.id).await.unwrap().summary.assets, 3);
    let error = fuse(&store, &FuseOptions::default(), &branch("some"), &|_| ()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
    let (query, target) = ("class:cow".parse().unwrap(), branch("b"));
    let error = filter(&store, &source.id, &query, &target, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn progress_is_told_to_its_end(store: Store) {
    let source = dataset(&store, 5000).await;
    let (last, total) = (AtomicU64::new(0), AtomicU64::new(0));
    let tell = |progress: Progress| {
        assert!(progress.done >= last.swap(progress.done, Ordering::Relaxed));
        total.store(progress.total, Ordering::Relaxed);
    };
    let (query, target) = ("class:cat".parse().unwrap(), branch("b"));
    let made = filter(&store, &source.id, &query, &target, &tell).await.unwrap();
    let assets = store.manifest(&made.id).await.unwrap().summary.assets;
    assert_eq!((last.into_inner(), total.into_inner()), (assets, assets));
}

async fn an_operation_that_is_dropped_commits_nothing(store: Store) {
    let source = dataset(&store, 20_000).await;
    let query = "boxes<2 and width=640".parse().unwrap();
    let whole = filter(&store, &source.id, &query, &branch("whole"), &|_| ()).await.unwrap();
    for polls in 0..20 {
        let target = branch("some");
        let mut work = Box::pin(filter(&store, &source.id, &query, &target, &|_| ()));
        let wait = std::time::Duration::from_micros(200 * polls);
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
    parts_of_a_split_are_checked,
    a_split_keeps_the_shares_of_the_classes,
    what_cannot_be_relabeled_is_refused,
    rates_and_sources_are_checked,
    progress_is_told_to_its_end,
    an_operation_that_is_dropped_commits_nothing,
];

#[tokio::test]
async fn a_copy_brings_its_files() {
    for (from, to) in [(git_store(), git_store()), (store(), git_store()), (git_store(), store())] {
        add_class(&from, "cat").await;
        let files: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; 500]).collect();
        let sources = files.iter().cloned().map(BlobSource::Bytes).collect();
        let blobs = from.put_blobs(sources).await.unwrap();
        let with_file = |(n, blob): (usize, &ymir_core::BlobInfo)| {
            let mut record = record(n, vec![boxed(0, 1.0)]);
            record.asset.id = blob.id;
            record
        };
        let all: Vec<_> = blobs.iter().enumerate().map(with_file).collect();
        let source = commit(&from, &branch("all"), all).await;
        let stop = CopyOptions { unknown_classes: UnknownClasses::Stop, ..CopyOptions::default() };
        let error = copy(&from, &source.id, &to, &branch("copy"), &stop, &|_| ()).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("cat"), "{error}");

        let options = CopyOptions::default();
        let made = copy(&from, &source.id, &to, &branch("copy"), &options, &|_| ()).await.unwrap();
        assert_eq!(records(&to, &made.id).await, records(&from, &source.id).await);
        for (blob, bytes) in blobs.iter().zip(&files) {
            assert_eq!(to.read_blob(&blob.id).await.unwrap(), *bytes);
        }
        let ignore =
            CopyOptions { unknown_classes: UnknownClasses::Ignore, ..CopyOptions::default() };
        let ignored = CopyOptions { transfer: Transfer::Copy, ..ignore };
        let other = store();
        let made = copy(&from, &source.id, &other, &branch("copy"), &ignored, &|_| ()).await;
        let summary = other.manifest(&made.unwrap().id).await.unwrap().summary;
        assert_eq!((summary.assets, summary.annotations), (40, 0));
    }
}

#[tokio::test]
async fn a_copy_does_not_refer_to_the_files_of_another_workspace() {
    let (from, to) = (git_store(), git_store());
    let source = dataset(&from, 3).await;
    let options = CopyOptions { transfer: Transfer::Reference, ..CopyOptions::default() };
    let error = copy(&from, &source.id, &to, &branch("copy"), &options, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("transfer") && error.to_string().contains("hard_link"));
    assert!(to.log(&branch("copy"), Default::default()).await.is_err());
}

#[tokio::test]
async fn a_file_that_is_missing_ends_a_copy() {
    let (from, to) = (git_store(), git_store());
    let source = dataset(&from, 3).await;
    let options = CopyOptions::default();
    let error = copy(&from, &source.id, &to, &branch("copy"), &options, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(to.log(&branch("copy"), Default::default()).await.is_err());
}
