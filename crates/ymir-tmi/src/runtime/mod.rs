//! Runtimes: what starts an executor, follows it and stops it.

mod lines;
mod local;

pub use local::{LocalOptions, LocalRuntime};
