//! Conformance suites: one per trait of `ymir-core`, run against every implementation.

pub mod asset_store;
pub mod blob_store;
pub mod label_backend;
pub mod runtime;
pub mod scheduler;
