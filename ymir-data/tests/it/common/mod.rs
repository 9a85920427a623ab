//! What the tests share.

pub(crate) mod voc;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ymir_assets::GitAssetStore;
use ymir_core::AssetStore;
use ymir_testkit::double::MemoryAssetStore;
pub(crate) use ymir_testkit::fixture::*;

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

/// Writes a file and the folders that it stands in.
pub(crate) fn put(folder: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}
