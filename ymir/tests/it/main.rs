//! The facade.

mod arrow;
mod blobs;
mod clones;
mod common;
mod datasets;
mod docker;
mod evaluation;
mod host;
mod label_jobs;
mod labels;
mod object_types;
mod project_loop;
mod survival;
mod tasks;
mod vectors;
mod workspace;
