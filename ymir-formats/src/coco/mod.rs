//! COCO: JSON documents of images, annotations and categories.

mod document;
mod json;
mod labels;
mod lenient;
mod plain;
mod read;
mod segmentation;
mod write;

pub use document::{CocoDocument, Extras};
pub use labels::{LabelContext, read_coco_labels};
pub(super) use read::{CocoReader, is_coco};
pub(super) use write::CocoWriter;
