//! Pictures: decoding, fitting to the network's input, caching, augmentation.

pub mod augment;
pub mod dataset;
pub mod picture;
