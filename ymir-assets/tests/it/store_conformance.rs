//! The conformance suites of the asset store and the blob store, on those in a directory, and on a
//! combination of stores of both kinds.

use std::path::PathBuf;
use std::sync::Arc;

use ymir_assets::{DirBlobStore, GitAssetStore, StoreOptions};
use ymir_core::{AssetStore, BlobStore};
use ymir_testkit::double::MemoryBlobStore;
use ymir_testkit::fixture::folder_in;

fn folder() -> PathBuf {
    folder_in(env!("CARGO_TARGET_TMPDIR"))
}

fn empty_store() -> Arc<dyn AssetStore> {
    Arc::new(GitAssetStore::init(&folder()).unwrap())
}

ymir_testkit::asset_store_tests!(empty_store);

fn blobs() -> Arc<dyn BlobStore> {
    Arc::new(DirBlobStore::new(&folder().join("blobs")))
}

mod blobs_in_a_directory {
    ymir_testkit::blob_store_tests!(super::blobs);
}

/// Versions in git, blobs in memory.
fn combined() -> Arc<dyn AssetStore> {
    let root = folder();
    GitAssetStore::init(&root).unwrap();
    let blobs = Arc::new(MemoryBlobStore::new());
    Arc::new(GitAssetStore::open_with_blobs(&root, StoreOptions::default(), blobs).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_in_git_go_with_blobs_in_memory() {
    ymir_testkit::conformance::asset_store::run_all(combined).await;
}
