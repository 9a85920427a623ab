//! Annotation formats and image files, as records: readers, writers, headers, masks.
//!
//! Nothing here knows a store. A [`Draft`] is what was read of a folder; its images get their ids
//! from whoever keeps them, and [`Settled`] then gives the records. A [`Writer`] is given records
//! whose images are in their places.

mod archive;
mod ark;
mod assemble;
mod carries;
mod clip;
mod coco;
mod cvat;
mod detect;
mod document;
mod document_files;
mod draft;
mod edges;
mod executor_files;
mod export_names;
mod file_index;
mod files;
mod folders;
mod format;
mod image_file;
mod image_index;
mod image_info;
mod images_find;
mod intake;
mod label_studio;
mod labelme;
mod list;
mod losses;
mod masks;
mod output;
mod pair;
mod raster;
mod read_options;
mod reader;
mod report;
mod rotated;
mod scan;
mod settle;
mod shared_documents;
mod split_lists;
mod splits;
pub mod support;
mod trace;
mod turned;
mod unread;
mod voc_export;
mod voc_find;
mod voc_read;
mod voc_text;
mod voc_write;
mod writer;
mod yolo;

pub use archive::{Unpacked, is_archive};
pub use assemble::{Names, Stored};
pub use coco::{CocoDocument, Extras, LabelContext, read_coco_labels};
pub use draft::{Draft, stop_if};
pub use executor_files::{executor_ark, executor_voc};
pub use export_names::FileNames;
pub use format::Format;
pub use image_info::{ImageInfo, inspect_image, read_image_info};
pub use intake::{Refusal, read_file};
pub use losses::{Losses, Lost};
pub use output::make_folder;
pub use read_options::ReadOptions;
pub use report::{Dropped, Duplicate, SkipReason, Skipped};
pub use settle::{Notes, Records, Settled};
pub use splits::SPLIT;
pub use writer::{Item, Setting, Writer};
