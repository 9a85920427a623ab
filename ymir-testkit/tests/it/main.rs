//! The doubles and generators.

mod memory_store;
mod scenes;
mod store_conformance;
