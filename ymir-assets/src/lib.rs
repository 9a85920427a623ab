//! YMIR's asset store: versions in git and protobuf, blobs in a directory or an object store.

mod blob;
mod store;

#[cfg(feature = "s3")]
pub use blob::{S3Credentials, S3Options};
pub use store::{GitAssetStore, StoreOptions};
