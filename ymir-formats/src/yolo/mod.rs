//! YOLO: a text file per image with a row per object, in Ultralytics' and in Darknet's layout.

mod describe;
mod layout;
mod places;
mod read;
mod row;
mod rows;
mod write;

pub(super) use describe::yolo_layout;
pub(super) use read::YoloReader;
pub(super) use write::YoloWriter;
