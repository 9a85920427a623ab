//! What the benchmarks share: how they are started, how they measure, what they measure on.

pub mod detections;
pub mod harness;
pub mod images;
pub mod measure;
pub mod report;
