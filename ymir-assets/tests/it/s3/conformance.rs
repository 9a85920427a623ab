use std::sync::Arc;

use ymir_assets::{DirBlobStore, GitAssetStore, S3BlobStore};
use ymir_core::{AssetStore, BlobStore};

use super::server::Fixture;

/// Returns an empty store; without a server, one with its blobs in a directory.
fn empty_store() -> Arc<dyn AssetStore> {
    match Fixture::new() {
        Some(fixture) => {
            // The folder stays for as long as the test runs, and goes with the build.
            let Fixture { dir, store, .. } = fixture;
            drop(dir.keep());
            Arc::new(store)
        }
        None => Arc::new(GitAssetStore::init(&tempfile::tempdir().unwrap().keep()).unwrap()),
    }
}

ymir_testkit::asset_store_tests!(empty_store);

/// Returns an empty store of blobs; without a server, one in a directory.
fn empty_blobs() -> Arc<dyn BlobStore> {
    match Fixture::new() {
        Some(fixture) => {
            let Fixture { dir, options, .. } = fixture;
            let cache = dir.keep().join("cache");
            Arc::new(S3BlobStore::new(&options, &cache).unwrap())
        }
        None => Arc::new(DirBlobStore::new(&tempfile::tempdir().unwrap().keep())),
    }
}

mod blobs {
    ymir_testkit::blob_store_tests!(super::empty_blobs);
}
