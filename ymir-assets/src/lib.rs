//! YMIR's dataset store (git and protobuf), blob store, formats, dataset operations and evaluation.

mod blob;
mod blocking;
pub mod evaluation;
pub mod formats;
mod images;
pub mod loader;
pub mod mir;
pub mod operations;
mod parallel;
mod read_whole;
mod sorter;
mod spill;
mod store;
mod working_folder;

pub use blob::DirBlobStore;
#[cfg(feature = "s3")]
pub use blob::{S3BlobStore, S3Credentials, S3Options};
pub use store::{Cache, ClockCache, GitAssetStore, StoreOptions, StoreStats};
