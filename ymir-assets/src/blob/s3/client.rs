use std::future::Future;
use std::path::Path;
use std::time::{Duration, SystemTime};

use object_store::aws::AmazonS3;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStoreExt};
use tokio::runtime::Handle;
use ymir_core::{BlobId, Error, ErrorKind, Result};

use super::cache::Cache;
use super::options::S3Options;

/// The blobs in a bucket, with the local cache of their files.
#[derive(Debug)]
pub(crate) struct S3Blobs {
    pub(super) client: AmazonS3,
    pub(super) prefix: Key,
    pub(super) cache: Cache,
    /// What errors say of where the blobs are.
    place: String,
}

impl S3Blobs {
    /// Returns the blobs in a bucket, with the cache in a directory.
    pub(crate) fn new(options: &S3Options, cache: &Path) -> Result<Self> {
        let (client, prefix) = options.client()?;
        let cache = Cache::new(cache, options.cache_bytes);
        Ok(Self { client, prefix, cache, place: format!("s3://{}", options.bucket) })
    }

    /// Returns the key of a blob.
    pub(super) fn key(&self, id: &BlobId) -> Key {
        let digits = id.to_string();
        self.prefix.clone().join(&digits[..2]).join(&digits[2..])
    }

    /// Returns the key of the object that tells when a blob was put in again.
    pub(super) fn mark(&self, id: &BlobId) -> Key {
        self.prefix.clone().join("renewed").join(id.to_string())
    }

    /// Returns what is known of an object, if there is one.
    pub(super) async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>> {
        match self.client.head(key).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("cannot look a blob up in the object store", key, error)),
        }
    }

    /// Returns the error for a request that failed.
    pub(super) fn failed(&self, message: &str, key: &Key, error: object_store::Error) -> Error {
        use object_store::Error as S3;
        let (kind, remedy) = match &error {
            S3::PermissionDenied { .. } | S3::Unauthenticated { .. } => {
                (ErrorKind::Unauthorized, "check the credentials and what they allow")
            }
            S3::NotFound { .. } => (ErrorKind::NotFound, "check that the bucket exists"),
            _ => (ErrorKind::Unavailable, "check that the server is reached, then try again"),
        };
        Error::new(kind, format!("{message}; {remedy}"))
            .with("key", format!("{}/{key}", self.place))
            .retryable(kind == ErrorKind::Unavailable)
            .caused_by(error)
    }
}

/// Waits for requests, on a thread that may block.
pub(super) fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let handle = Handle::try_current().map_err(|e| {
        let message = "an object store is used from within a tokio runtime";
        Error::invalid(message).caused_by(e)
    })?;
    handle.block_on(work)
}

/// Returns how long ago an object was written.
pub(super) fn age(meta: &ObjectMeta) -> Duration {
    SystemTime::now().duration_since(meta.last_modified.into()).unwrap_or_default()
}
