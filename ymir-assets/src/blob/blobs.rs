use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ymir_core::{
    BlobId, BlobInfo, BlobSource, Error, GarbageOptions, GarbageReport, Result, Transfer,
};
use ymir_formats::support::Watched;

use super::dir::BlobDir;
#[cfg(feature = "s3")]
use super::s3::S3Blobs;

/// The blobs of a store, wherever they are. All methods block; those of an object store use the
/// tokio runtime that they are called on.
#[derive(Debug)]
pub(crate) enum Blobs {
    /// In files of a directory.
    Dir(BlobDir),
    /// In an S3-compatible object store.
    #[cfg(feature = "s3")]
    S3(S3Blobs),
}

/// Calls a method of whatever there is.
macro_rules! either {
    ($blobs:expr, $name:ident($($argument:expr),*)) => {
        match $blobs {
            Blobs::Dir(blobs) => blobs.$name($($argument),*),
            #[cfg(feature = "s3")]
            Blobs::S3(blobs) => blobs.$name($($argument),*),
        }
    };
}

impl Blobs {
    /// Returns the blobs in a directory.
    pub(crate) fn in_dir(root: &Path) -> Self {
        Self::Dir(BlobDir::new(root))
    }

    /// Puts blobs in, durable together when it returns; none if nobody waits for it any more.
    pub(crate) fn put(&self, sources: &[BlobSource], watched: &Watched) -> Result<Vec<BlobInfo>> {
        either!(self, put(sources, watched))
    }

    /// Returns the bytes of a blob after a check of its hash.
    pub(crate) fn read(&self, id: &BlobId) -> Result<Vec<u8>> {
        either!(self, read(id))
    }

    /// Returns a file with the bytes of a blob.
    pub(crate) fn file(&self, id: &BlobId) -> Result<PathBuf> {
        either!(self, file(id))
    }

    /// Makes blobs stand as files at other paths.
    pub(crate) fn export(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        either!(self, export(blobs, transfer))
    }

    /// Checks that blobs are there with their sizes, and their hashes if that is asked for; returns
    /// those that are not.
    pub(crate) fn check(
        &self,
        blobs: &[(BlobId, u64)],
        hashes: bool,
    ) -> Result<Vec<(BlobId, Error)>> {
        either!(self, check(blobs, hashes))
    }

    /// Deletes the blobs that are not among those in use and not young.
    pub(crate) fn sweep(
        &self,
        used: &HashMap<BlobId, u64>,
        options: GarbageOptions,
    ) -> Result<GarbageReport> {
        either!(self, sweep(used, options))
    }
}
