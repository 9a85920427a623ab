//! `ymir show`: what a version is, by its kind.

mod command;
mod dataset;
mod lineage;
mod model;
mod project;

pub(crate) use command::Show;
pub(super) use dataset::{annotation_objects, record_object, records};
