use ymir_core::{FsckOptions, FsckReport, GarbageOptions, GarbageReport, Result};

use crate::Workspace;

impl Workspace {
    /// Checks everything that the versions of the workspace are made of.
    ///
    /// # Errors
    ///
    /// As [`AssetStore::fsck`](ymir_core::AssetStore::fsck); damage is in the report.
    pub async fn fsck(&self, options: FsckOptions) -> Result<FsckReport> {
        self.store().fsck(options).await
    }

    /// Deletes the image and model files that no version reaches.
    ///
    /// # Errors
    ///
    /// As [`AssetStore::collect_garbage`](ymir_core::AssetStore::collect_garbage).
    pub async fn collect_garbage(&self, options: GarbageOptions) -> Result<GarbageReport> {
        self.store().collect_garbage(options).await
    }
}
