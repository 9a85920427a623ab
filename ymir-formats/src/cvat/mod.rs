//! CVAT's XML 1.1 for images and for video.

mod read;
mod track;
mod write;

pub(super) use read::{CvatReader, is_cvat};
pub(super) use write::CvatWriter;
