use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ymir_core::{AssetId, AssetStore, ErrorKind, ImageSource, Result};

/// The images of a workspace as a source for labeling: files where the store keeps them as such.
#[derive(Debug)]
pub(super) struct StoreImages(pub(super) Arc<dyn AssetStore>);

#[async_trait]
impl ImageSource for StoreImages {
    async fn bytes(&self, id: &AssetId) -> Result<Vec<u8>> {
        self.0.read_blob(id).await
    }

    async fn file(&self, id: &AssetId) -> Result<Option<PathBuf>> {
        match self.0.blob_file(id).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
            file => file.map(Some),
        }
    }
}
