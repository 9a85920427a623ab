//! Blobs in an S3-compatible object store, with a local cache: `<prefix>/ab/cdef…` is the blob whose
//! SHA-256 is `abcdef…`, `<prefix>/renewed/<id>` an empty object that tells when it was put in again,
//! `<prefix>/aside/<id>/…` the blob while it is being deleted.

mod cache;
mod client;
mod maintain;
mod options;
mod transfer;

pub(crate) use client::S3Blobs;
pub use options::{S3Credentials, S3Options};
