//! The blob store: the bytes of images and model files, in files or objects named by
//! their SHA-256.

mod blobs;
mod dir;
mod export;
mod platform;
mod put;
mod reference;
#[cfg(feature = "s3")]
mod s3;
mod sweep;

pub(crate) use blobs::Blobs;
#[cfg(feature = "s3")]
pub(crate) use s3::S3Blobs;
#[cfg(feature = "s3")]
pub use s3::{S3Credentials, S3Options};
