//! Annotation formats, in and out: Pascal VOC, and plain folders of images.

mod image_file;
mod image_info;

pub use image_info::{ImageInfo, inspect_image, read_image_info};
