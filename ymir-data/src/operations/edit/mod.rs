//! Changes of a dataset by hand: records put in, changed and taken out, in one commit.

mod apply;
mod classes;
mod commit;
mod images;
mod model;

pub use commit::edit;
pub use model::{DatasetEdit, EditOptions, EditReport};
