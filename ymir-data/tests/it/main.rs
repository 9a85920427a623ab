//! Imports, exports, operations and the loader, over the double of the testkit and the store in git.

mod common;
mod edit;
mod formats;
mod loader;
mod operations;
mod operations_errors;
mod operations_model;
mod operations_shapes;
mod similar;
mod voc_export;
mod voc_hostile;
mod voc_import;
mod voc_read;
