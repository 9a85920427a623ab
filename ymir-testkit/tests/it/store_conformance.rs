//! The conformance suite of asset stores, on the in-memory store and through the faulty wrapper.

use std::sync::Arc;

use ymir_core::{AssetStore, BlobStore};
use ymir_testkit::double::{FaultyAssetStore, MemoryAssetStore, MemoryBlobStore};

fn memory() -> Arc<dyn AssetStore> {
    Arc::new(MemoryAssetStore::new())
}

fn wrapped() -> Arc<dyn AssetStore> {
    Arc::new(FaultyAssetStore::new(memory(), Vec::new()))
}

mod in_memory {
    ymir_testkit::asset_store_tests!(super::memory);
}

mod without_faults {
    ymir_testkit::asset_store_tests!(super::wrapped);
}

fn blobs() -> Arc<dyn BlobStore> {
    Arc::new(MemoryBlobStore::new())
}

mod blobs_in_memory {
    ymir_testkit::blob_store_tests!(super::blobs);
}
