//! The executor contract: what is written to `/in`, and what is read back from `/out`.
//!
//! Plain files only: no store, no runtime. Everything below `/out` is treated as hostile: sizes
//! are bounded, links and special files are refused, and no path leaves its folder.

mod annotations;
mod config;
mod inference;
pub(crate) mod manifest;
mod mining;
mod monitor;
mod out;
mod prepare;
mod samples;
mod sanitise;
mod seen;
mod task;
mod training;
mod yaml;
pub(crate) mod yaml_read;

pub use config::ExportFormat;
pub use inference::{DetectionDetails, InferenceResult, read_inference};
pub use manifest::read_manifest;
pub use mining::read_mining;
pub use monitor::{Monitor, MonitorReader, MonitorState};
pub use prepare::{TaskWriter, prepare};
pub use samples::{Sample, SampleSet};
pub use sanitise::sanitise_output;
pub use task::{ContractTask, Item, Prepared, TaskClass};
pub use training::{
    ResultFile, ResultLimits, ResultStage, TrainingResult, read_partial_training, read_training,
};

pub(crate) use out::{OutDir, check_relative, one_line};
pub(crate) use samples::read_samples;

/// The version of the contract that is written.
pub const PROTOCOL_VERSION: &str = "1.1.0";

/// The return code for an executor that failed without giving one.
pub const RETURN_CODE_FAILED: i64 = 160_004;

/// The return code for an executor that ran out of memory.
pub const RETURN_CODE_OUT_OF_MEMORY: i64 = 300_103;
