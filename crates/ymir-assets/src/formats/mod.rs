//! Annotation formats, in and out: Pascal VOC, and plain folders of images.

mod assemble;
mod classes;
mod draft;
mod export;
mod export_names;
mod export_staging;
mod format;
mod image_file;
mod image_info;
mod import;
mod import_options;
mod import_report;
mod intake;
mod list;
mod pair;
mod progress;
mod scan;
mod voc_read;
mod voc_text;
mod voc_write;

pub use export::{ExportOptions, ExportReport, Renamed, export_voc};
pub use format::{Format, export_dataset, import_dataset};
pub use image_info::{ImageInfo, inspect_image, read_image_info};
pub use import::{import_images, import_voc};
pub use import_options::ImportOptions;
pub use import_report::{Dropped, Duplicate, ImportReport, SkipReason, Skipped, UnknownClass};
pub(crate) use progress::Ticker;
pub use progress::{OnProgress, Progress};
