//! The doubles and generators.

mod label_conformance;
mod memory_store;
mod scenes;
mod store_conformance;
