//! CVAT's XML 1.1 for images.

mod read;
mod write;

pub(super) use read::{CvatReader, is_cvat};
pub(super) use write::CvatWriter;
