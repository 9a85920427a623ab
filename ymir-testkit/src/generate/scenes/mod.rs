//! Rendered scenes with objects in them, for demos and tests of detectors: small parts on a
//! workbench, among things that resemble them.

mod canvas;
mod compose;
mod render;
mod shape;
mod voc;

pub use render::{Scene, SceneOptions, class_names, render};
pub use voc::write_voc;
