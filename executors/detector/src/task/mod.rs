//! The tasks: training, and scanning images for mining and inference.

pub mod detector;
pub mod prepare;
pub mod scan;
pub mod stages;
pub mod train;

use crate::contract::log::Log;
use crate::contract::monitor::Monitor;

/// Where a task reports to.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Log lines.
    pub log: &'a Log,
    /// Progress.
    pub monitor: &'a Monitor,
}
