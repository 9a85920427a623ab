//! Reading for training: the records of a version, with their images, in batches in a random order
//! that is the same for the same seed and differs by epoch.

mod batch;
mod options;
mod order;
mod stream;
mod windows;

pub use batch::{Batch, Image, LoadedAsset};
pub use options::{Images, LoaderOptions};
pub use stream::Loader;
