//! YOLO: a text file per image with a row per object, in Ultralytics' and in Darknet's layout.

mod layout;
mod read;
mod row;
mod rows;
mod write;

pub(super) use layout::is_yolo;
pub(super) use read::YoloReader;
pub(super) use write::YoloWriter;
