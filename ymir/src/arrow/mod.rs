//! Datasets as Arrow tables: a row per asset, its annotations as a list in it.

mod columns;
mod shapes;
mod table;

pub use table::ArrowTable;
