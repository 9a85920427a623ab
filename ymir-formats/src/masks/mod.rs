//! Masks as PNG files: a colour per class and, where there are two, one per object.

mod colours;
mod pixels;
mod read;
mod write;

pub(super) use read::{MasksReader, has_masks};
pub(super) use write::MasksWriter;
