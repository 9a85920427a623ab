//! What the tests share.

pub(crate) mod voc;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

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

/// Writes a file and the folders that it stands in.
pub(crate) fn put(folder: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}
