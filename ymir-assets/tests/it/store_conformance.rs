//! The conformance suite of the asset store, on the one in a directory.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use ymir_assets::GitAssetStore;
use ymir_core::AssetStore;

/// A folder of the build that each run of the tests begins with anew.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("store-conformance");
    let _ = std::fs::remove_dir_all(&folder);
    folder
});

fn empty_store() -> Arc<dyn AssetStore> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    Arc::new(GitAssetStore::init(&FOLDER.join(n.to_string())).unwrap())
}

ymir_testkit::asset_store_tests!(empty_store);
