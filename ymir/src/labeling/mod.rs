//! Labeling: jobs at a backend, the registry of those in flight, and what comes back of them.

mod collect;
mod images;
mod job;
mod options;
mod registry;
mod start;

pub use job::{LabelJob, LabelJobInfo};
pub use options::LabelOptions;
