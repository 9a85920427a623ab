//! YMIR's default executor: a small object detector that trains on a CPU.
//!
//! The program reads the executor contract (`env.yaml`, `config.yaml`, index files) and writes the
//! contract's results. It is no part of the SDK's API; the library exists for its tests.

pub mod app;
pub mod contract;
pub mod data;
pub mod detect;
pub mod error;
pub mod model;
pub mod nn;
pub mod task;
