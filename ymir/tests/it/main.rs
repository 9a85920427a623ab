//! The facade.

mod arrow;
mod blobs;
mod common;
mod datasets;
mod docker;
mod evaluation;
mod host;
mod label_jobs;
mod labels;
mod project_loop;
mod tasks;
mod vectors;
mod workspace;
