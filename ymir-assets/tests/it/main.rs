//! The store in git, and the blobs in a directory or an object store.

mod blob_references;
mod blob_store;
#[cfg(feature = "s3")]
mod s3;
mod store_conformance;
mod store_descriptors;
mod store_flipped;
mod store_foreign;
mod store_frozen;
mod store_history;
mod store_hostile;
mod store_maintenance;
mod store_model;
mod store_processes;
mod store_repository;
