//! What is done with datasets over any [`AssetStore`](ymir_core::AssetStore): imports, exports,
//! operations that make versions of versions, and reading for training.

mod class_resolution;
mod export;
mod export_staging;
mod images;
mod import;
mod import_edits;
mod import_images;
mod import_options;
mod import_report;
pub mod loader;
pub mod operations;

pub use export::{ExportOptions, ExportReport, Renamed, export_dataset};
pub use import::import_dataset;
pub use import_options::ImportOptions;
pub use import_report::{ImportReport, UnknownClass};
