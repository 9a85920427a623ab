//! What the tests of formats, operations and evaluation share.
#![allow(dead_code, unused_imports, unused_macros)]

pub(crate) mod mir;
pub(crate) mod pictures;
pub(crate) mod voc;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use ymir_assets::GitAssetStore;
use ymir_core::{
    Annotation, Asset, AssetId, AssetStore, Attributes, BBox, Base, Branch, Class, ClassId,
    CommitRequest, Edits, Expect, Manifest, MediaType, NewClass, PageOptions, Record, Version,
    VersionId,
};
use ymir_testkit::double::MemoryAssetStore;

/// Runs tests, functions of a store, on the store in a directory and on the double.
macro_rules! store_tests {
    ($($name:ident),* $(,)?) => {
        mod on_git {
            $(#[tokio::test] async fn $name() { super::$name(super::common::git_store()).await })*
        }
        mod on_memory {
            $(#[tokio::test] async fn $name() { super::$name(super::common::store()).await })*
        }
    };
}
pub(crate) use store_tests;

/// Everything that a test program writes, removed at its next run.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = std::env::current_exe().unwrap();
    let name = program.file_stem().unwrap().to_owned();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
});

/// Returns a new folder.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let folder = FOLDER.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) fn store() -> Arc<dyn AssetStore> {
    Arc::new(MemoryAssetStore::new())
}

pub(crate) fn git_store() -> Arc<dyn AssetStore> {
    Arc::new(GitAssetStore::init(&folder().join("store")).unwrap())
}

pub(crate) async fn add_class(store: &Arc<dyn AssetStore>, name: &str) {
    add_class_with(store, name, &[]).await;
}

pub(crate) async fn add_class_with(store: &Arc<dyn AssetStore>, name: &str, aliases: &[&str]) {
    let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
    store.add_classes(&[NewClass { name: name.to_owned(), aliases }]).await.unwrap();
}

pub(crate) fn id(n: usize) -> AssetId {
    AssetId::of(&n.to_le_bytes())
}

/// Returns the n-th of a series of records.
pub(crate) fn record(n: usize, annotations: Vec<Annotation>) -> Record {
    let asset = Asset {
        id: id(n),
        width: 640,
        height: 480,
        channels: 3,
        byte_size: 1000 + n as u64,
        media_type: MediaType::Jpeg,
        file_name: format!("{n}.jpg"),
        attributes: Attributes::new(),
    };
    Record { asset, annotations }
}

pub(crate) fn boxed(class: u32, x: f64) -> Annotation {
    Annotation::new(Class::Id(ClassId(class)), BBox::new(x, 10.0, 20.0, 30.0))
}

pub(crate) async fn commit(
    store: &Arc<dyn AssetStore>,
    branch: &Branch,
    records: Vec<Record>,
) -> Version {
    let request = CommitRequest {
        branch: branch.clone(),
        base: Base::Empty,
        edits: Edits::put(records),
        expect: Expect::Any,
        manifest: Manifest::default(),
        message: "Test".to_owned(),
    };
    store.commit(request).await.unwrap()
}

/// Returns all records of a version.
pub(crate) async fn records(store: &Arc<dyn AssetStore>, version: &VersionId) -> Vec<Record> {
    let options = PageOptions { limit: usize::MAX >> 1, ..PageOptions::default() };
    store.page(version, options).await.unwrap().records
}

pub(crate) async fn ids(store: &Arc<dyn AssetStore>, version: &VersionId) -> Vec<AssetId> {
    records(store, version).await.into_iter().map(|record| record.asset.id).collect()
}

/// Writes a file and the folders that it stands in.
pub(crate) fn put(folder: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}
