use std::sync::Arc;

use ymir_core::{
    AssetStore, Base, Edits, ErrorKind, Expect, LogOptions, Manifest, TaskId, TaskRecord, Version,
};

use super::fixture::{assert_kind, branch, request};

fn task(n: u32) -> TaskId {
    TaskId::new(format!("t_{n}")).expect("a valid id")
}

/// Commits what a task made.
async fn made(store: &dyn AssetStore, name: &str, fingerprint: &str, by: Option<u32>) -> Version {
    let record = TaskRecord {
        task: by.map(task),
        fingerprint: fingerprint.to_owned(),
        ..TaskRecord::default()
    };
    let manifest = Manifest { task: record, ..Manifest::default() };
    let request = request(name, Base::Tip, Expect::Any, Edits::none());
    let request = ymir_core::CommitRequest { manifest, ..request };
    store.commit(request).await.expect("the commit is valid")
}

/// A log can be read in pages, by the number of the last version of the page before.
pub async fn a_log_is_read_in_pages(store: Arc<dyn AssetStore>) {
    for n in 0..7 {
        made(&*store, "a", "", Some(n)).await;
    }
    let log = async |before, limit| {
        let options = LogOptions { before, limit };
        let versions = store.log(&branch("a"), options).await.unwrap();
        versions.into_iter().map(|version| version.number).collect::<Vec<_>>()
    };
    assert_eq!(log(None, usize::MAX).await, [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(log(None, 3).await, [7, 6, 5]);
    assert_eq!(log(Some(5), 3).await, [4, 3, 2]);
    assert_eq!(log(Some(2), 3).await, [1]);
    assert_eq!(log(Some(1), 3).await, [0; 0]);
    assert_eq!(log(Some(0), 3).await, [0; 0]);
    assert_eq!(log(Some(100), 1).await, [7]);
    assert_eq!(log(None, 0).await, [0; 0]);
    let options = LogOptions { before: Some(3), limit: 1 };
    assert_kind(store.log(&branch("b"), options).await, ErrorKind::NotFound);
}

/// The newest version that some work made is found by the fingerprint of the work.
pub async fn work_is_found_by_its_fingerprint(store: Arc<dyn AssetStore>) {
    made(&*store, "a", "one", None).await;
    let two = made(&*store, "a", "two", None).await;
    let again = made(&*store, "a", "one", None).await;
    made(&*store, "a", "", None).await;
    made(&*store, "b", "three", None).await;
    let find = async |name, text| store.find_by_fingerprint(&branch(name), text).await.unwrap();
    assert_eq!(find("a", "two").await, Some(two));
    assert_eq!(find("a", "one").await, Some(again));
    for (name, text) in [("a", "three"), ("a", ""), ("a", "on"), ("gone", "one")] {
        assert_eq!(find(name, text).await, None, "{name} {text}");
    }
}

/// The newest version that a task made is found by the id of the task.
pub async fn work_is_found_by_its_task(store: Arc<dyn AssetStore>) {
    let first = made(&*store, "a", "same", Some(1)).await;
    made(&*store, "a", "same", Some(2)).await;
    let third = made(&*store, "a", "", Some(2)).await;
    made(&*store, "a", "", None).await;
    made(&*store, "b", "", Some(3)).await;
    let find = async |name, n| store.find_by_task(&branch(name), &task(n)).await.unwrap();
    assert_eq!(find("a", 1).await, Some(first));
    assert_eq!(find("a", 2).await, Some(third));
    assert_eq!(find("a", 3).await, None);
    assert_eq!(find("gone", 1).await, None);
}
