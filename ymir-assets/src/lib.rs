//! YMIR's asset store: versions in git and protobuf, blobs in a directory or an object store.

mod blob;
mod store;

pub use blob::DirBlobStore;
#[cfg(feature = "s3")]
pub use blob::{S3BlobStore, S3Credentials, S3Options};
pub use store::{Cache, ClockCache, GitAssetStore, StoreOptions, StoreStats};
