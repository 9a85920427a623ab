//! The blob store: the bytes of images and model files, in files or objects named by
//! their SHA-256.

mod blobs;
mod dir;
mod export;
mod list;
mod platform;
mod put;
mod reference;
#[cfg(feature = "s3")]
mod s3;
mod sweep;

pub use blobs::DirBlobStore;
#[cfg(feature = "s3")]
pub use blobs::S3BlobStore;
#[cfg(feature = "s3")]
pub use s3::{S3Credentials, S3Options};
