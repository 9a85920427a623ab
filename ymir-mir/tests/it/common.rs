//! A repository that the original's own command made (see `tools/make-mir-repo`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::GzDecoder;
use ymir_assets::GitAssetStore;
use ymir_core::{AssetStore, BranchKind, Record, VersionId};
use ymir_mir::{MirOptions, MirReport, MirVersion, import_mir};
use ymir_testkit::double::MemoryAssetStore;
pub(crate) use ymir_testkit::fixture::*;

pub(crate) type Store = Arc<dyn AssetStore>;

/// Runs tests, functions of a store, on the store in a directory and on the double.
macro_rules! store_tests {
    ($($name:ident),* $(,)?) => {
        mod on_git {
            $(#[tokio::test] async fn $name() { super::$name(crate::common::git_store()).await })*
        }
        mod on_memory {
            $(#[tokio::test] async fn $name() { super::$name(crate::common::store()).await })*
        }
    };
}
pub(crate) use store_tests;

/// Returns a new folder.
pub(crate) fn folder() -> PathBuf {
    folder_in(env!("CARGO_TARGET_TMPDIR"))
}

pub(crate) fn store() -> Arc<dyn AssetStore> {
    Arc::new(MemoryAssetStore::new())
}

pub(crate) fn git_store() -> Arc<dyn AssetStore> {
    Arc::new(GitAssetStore::init(&folder().join("store")).unwrap())
}

/// Unpacks the repository with its images and models; `media` and `models` beside `repo`.
pub(crate) fn original() -> PathBuf {
    let folder = folder();
    let packed = include_bytes!("../data/mir/mir.tar.gz");
    tar::Archive::new(GzDecoder::new(&packed[..])).unpack(&folder).unwrap();
    folder
}

pub(crate) fn options(original: &Path) -> MirOptions {
    MirOptions {
        media: Some(original.join("media")),
        models: Some(original.join("models")),
        ..MirOptions::default()
    }
}

pub(crate) async fn import(store: &Store, original: &Path, options: &MirOptions) -> MirReport {
    import_mir(store, &original.join("repo"), options, &|_| {}).await.unwrap()
}

pub(crate) fn version<'a>(report: &'a MirReport, name: &str) -> &'a MirVersion {
    report.versions.iter().find(|version| version.name == name).unwrap()
}

pub(crate) async fn named(store: &Store, version: &VersionId) -> BTreeMap<String, Record> {
    let records = records(store, version).await.into_iter();
    records.map(|record| (record.asset.file_name.clone(), record)).collect()
}

pub(crate) async fn nothing_is_there(store: &Store) {
    for kind in BranchKind::ALL {
        assert_eq!(store.branches(kind).await.unwrap(), []);
    }
    assert!(store.classes().await.unwrap().is_empty());
}
