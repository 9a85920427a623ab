//! The blob store: the bytes of images and model files, in files named by their SHA-256.

mod dir;
mod export;
mod put;
mod reference;
mod sweep;

pub(crate) use dir::BlobDir;
