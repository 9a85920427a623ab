//! YMIR's dataset store (git and protobuf), blob store, formats, dataset operations and evaluation.

pub mod evaluation;
pub mod formats;
pub mod operations;
mod blob;
mod blocking;
mod pages;
mod store;

pub use store::{GitAssetStore, StoreOptions};
