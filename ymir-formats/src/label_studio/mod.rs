//! Label Studio's JSON: a list of tasks.

mod read;
mod task;
mod write;

pub(super) use read::{LabelStudioReader, is_label_studio};
pub(super) use write::LabelStudioWriter;
