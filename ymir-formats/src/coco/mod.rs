//! COCO: JSON documents of images, annotations and categories.

mod json;
mod lenient;
mod plain;
mod read;
mod segmentation;
mod write;

pub(super) use read::{CocoReader, is_coco};
pub(super) use write::CocoWriter;
