//! What the program prints: results on standard output, progress on standard error.

mod error;
mod format;
mod print;
mod progress;
mod table;

pub(crate) use error::print_error;
pub(crate) use format::{bytes, clean, metric, seconds};
pub(crate) use print::Output;
pub(crate) use progress::Bar;
pub(crate) use table::Table;
