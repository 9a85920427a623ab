use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ymir_core::{
    BlobCapabilities, BlobId, BlobInfo, BlobSource, BlobStore, Error, GarbageOptions,
    GarbageReport, Result, Transfer,
};
use ymir_formats::support::{Waiter, blocking};

use super::dir::BlobDir;
#[cfg(feature = "s3")]
use super::s3::{S3Blobs, S3Options};

/// Blobs in the files of a directory.
///
/// Cloning it is cheap and gives another handle of the same directory.
#[derive(Debug, Clone)]
pub struct DirBlobStore(Arc<BlobDir>);

impl DirBlobStore {
    /// Returns the blobs below a directory, which the first one put in makes.
    pub fn new(root: &Path) -> Self {
        Self(Arc::new(BlobDir::new(root)))
    }
}

/// Blobs in an S3-compatible object store, with a cache of their files on this machine.
///
/// Its methods need the runtime of `tokio` with its I/O and time.
#[cfg(feature = "s3")]
#[derive(Debug, Clone)]
pub struct S3BlobStore(Arc<S3Blobs>);

#[cfg(feature = "s3")]
impl S3BlobStore {
    /// Returns the blobs in a bucket, with the cache in a directory.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for options that make no sense together.
    pub fn new(options: &S3Options, cache: &Path) -> Result<Self> {
        Ok(Self(Arc::new(S3Blobs::new(options, cache)?)))
    }
}

/// Implements [`BlobStore`] by the methods of the same names that block, on threads that may.
macro_rules! blob_store {
    ($name:ident, $capabilities:expr) => {
        #[async_trait]
        impl BlobStore for $name {
            fn capabilities(&self) -> BlobCapabilities {
                $capabilities
            }

            async fn put(&self, sources: Vec<BlobSource>) -> Result<Vec<BlobInfo>> {
                let (blobs, waiter) = (self.0.clone(), Waiter::default());
                let watched = waiter.watched();
                blocking(move || blobs.put(&sources, &watched)).await
            }

            async fn sizes(&self, ids: &[BlobId]) -> Result<Vec<Option<u64>>> {
                let (blobs, ids) = (self.0.clone(), ids.to_vec());
                blocking(move || blobs.sizes(&ids)).await
            }

            async fn read(&self, id: &BlobId) -> Result<Vec<u8>> {
                let (blobs, id) = (self.0.clone(), *id);
                blocking(move || blobs.read(&id)).await
            }

            async fn read_range(&self, id: &BlobId, range: Range<u64>) -> Result<Vec<u8>> {
                let (blobs, id) = (self.0.clone(), *id);
                blocking(move || blobs.read_range(&id, range)).await
            }

            async fn export(&self, wanted: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
                let (blobs, wanted) = (self.0.clone(), wanted.to_vec());
                blocking(move || blobs.export(&wanted, transfer)).await
            }

            async fn file(&self, id: &BlobId) -> Result<PathBuf> {
                let (blobs, id) = (self.0.clone(), *id);
                blocking(move || blobs.file(&id)).await
            }

            async fn check(
                &self,
                wanted: &[(BlobId, u64)],
                hashes: bool,
            ) -> Result<Vec<(BlobId, Error)>> {
                let (blobs, wanted) = (self.0.clone(), wanted.to_vec());
                blocking(move || blobs.check(&wanted, hashes)).await
            }

            async fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobInfo>> {
                let blobs = self.0.clone();
                blocking(move || blobs.list(after, limit)).await
            }

            async fn sweep(
                &self,
                used: HashMap<BlobId, u64>,
                options: GarbageOptions,
            ) -> Result<GarbageReport> {
                let blobs = self.0.clone();
                blocking(move || blobs.sweep(&used, options)).await
            }

            fn root(&self) -> Option<&Path> {
                Some(self.0.root())
            }
        }
    };
}

blob_store!(DirBlobStore, BlobCapabilities { files: true, references: true, sweep: true });

#[cfg(feature = "s3")]
blob_store!(S3BlobStore, BlobCapabilities { files: true, references: false, sweep: true });
