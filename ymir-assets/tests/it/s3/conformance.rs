use std::sync::Arc;

use ymir_assets::GitAssetStore;
use ymir_core::AssetStore;

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
