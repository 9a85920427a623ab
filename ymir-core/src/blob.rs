use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{BlobId, Error, ErrorKind, GarbageOptions, GarbageReport, Result};

/// How the bytes of a file come to stand at another path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// A copy of its own (a reflink where the file system has them).
    #[default]
    Copy,
    /// A hard link, or a copy across file systems. Whoever writes into the file in place changes
    /// both.
    HardLink,
    /// A symbolic link: the bytes stay where they are and nothing is copied. A blob put in like
    /// this can be read as long as its file is neither moved nor changed; one that was is an error
    /// that names it.
    Reference,
}

/// Where the bytes of a new blob come from.
#[derive(Debug, Clone)]
pub enum BlobSource {
    /// Memory.
    Bytes(Vec<u8>),
    /// A file, with how it is taken over.
    File(PathBuf, Transfer),
}

/// A blob in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobInfo {
    /// The SHA-256 of its bytes.
    pub id: BlobId,
    /// The number of its bytes.
    pub size: u64,
}

/// What a [`BlobStore`] can do beyond putting in and reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlobCapabilities {
    /// It keeps blobs as files on this machine, which [`BlobStore::file`] returns.
    pub files: bool,
    /// It can leave a file where it is ([`Transfer::Reference`]); else it copies.
    pub references: bool,
    /// It can list what it has ([`BlobStore::list`]) and delete what nobody needs
    /// ([`BlobStore::sweep`]).
    pub sweep: bool,
}

/// Bytes by their hash: the images and model files of a workspace.
///
/// It knows nothing of versions, so that any store of versions and any store of bytes combine. All
/// methods may be called from any number of threads and processes at once.
#[async_trait]
pub trait BlobStore: Send + Sync + fmt::Debug {
    /// Returns what this store can do.
    ///
    /// # Behavior
    ///
    /// - It is the same for as long as the store is open, and costs nothing.
    fn capabilities(&self) -> BlobCapabilities;

    /// Puts blobs in and returns them in the order given.
    ///
    /// # Behavior
    ///
    /// - They are durable when it returns, made so together.
    /// - A blob that is there already is not written again, unless what is there is a reference:
    ///   then the last source stands for it.
    /// - It counts as put in now for the time of grace of [`BlobStore::sweep`].
    ///
    /// # Errors
    ///
    /// - `NotFound` if a source file is missing.
    async fn put(&self, sources: Vec<BlobSource>) -> Result<Vec<BlobInfo>>;

    /// Returns the sizes of blobs in the order asked, `None` for one that is not there.
    ///
    /// # Behavior
    ///
    /// - Their bytes are not read.
    ///
    /// # Errors
    ///
    /// - None of its own.
    async fn sizes(&self, ids: &[BlobId]) -> Result<Vec<Option<u64>>>;

    /// Returns the bytes of a blob.
    ///
    /// # Behavior
    ///
    /// - They have the hash that the id says.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is none, or the file of a reference is gone; `Corrupted` if its bytes
    ///   do not have its hash.
    async fn read(&self, id: &BlobId) -> Result<Vec<u8>>;

    /// Returns a part of the bytes of a blob.
    ///
    /// # Behavior
    ///
    /// - What of the range is behind the end of the blob is left out.
    /// - The bytes are not checked: only whole blobs have a hash.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such blob, or the file of a reference is gone.
    async fn read_range(&self, id: &BlobId, range: Range<u64>) -> Result<Vec<u8>>;

    /// Makes blobs stand as files at these paths, whose folders exist.
    ///
    /// # Behavior
    ///
    /// - What is at a path is never written over.
    /// - What a store cannot link or refer to it copies.
    ///
    /// # Errors
    ///
    /// - `NotFound` if a blob does not exist; `AlreadyExists` if a path does.
    async fn export(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()>;

    /// Returns the file of a blob, for reading only.
    ///
    /// # Behavior
    ///
    /// - It is there when the method returns. A store with a cache may delete it later: who needs it
    ///   for longer exports it.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is none; `Unsupported` without [`BlobCapabilities::files`].
    async fn file(&self, id: &BlobId) -> Result<PathBuf> {
        let message = "this blob store keeps no files; use `export`";
        Err(Error::new(ErrorKind::Unsupported, message).with("blob", id))
    }

    /// Checks that blobs are there with their sizes, and their hashes if that is asked for.
    ///
    /// # Behavior
    ///
    /// - Damage is no error: those that are not as they should be are returned, with what is wrong.
    ///
    /// # Errors
    ///
    /// - None of its own.
    async fn check(&self, blobs: &[(BlobId, u64)], hashes: bool) -> Result<Vec<(BlobId, Error)>>;

    /// Returns the blobs behind an id.
    ///
    /// # Behavior
    ///
    /// - They are in the order of their ids, each once.
    ///
    /// # Errors
    ///
    /// - `Unsupported` without [`BlobCapabilities::sweep`].
    async fn list(&self, _after: Option<BlobId>, _limit: usize) -> Result<Vec<BlobInfo>> {
        Err(Error::new(ErrorKind::Unsupported, "this blob store does not list its blobs"))
    }

    /// Deletes the blobs that are not among those in use, given with their sizes.
    ///
    /// # Behavior
    ///
    /// - A blob that was put in, or put in again, within the time of grace is kept.
    ///
    /// # Errors
    ///
    /// - `Unsupported` without [`BlobCapabilities::sweep`].
    async fn sweep(
        &self,
        _used: HashMap<BlobId, u64>,
        _options: GarbageOptions,
    ) -> Result<GarbageReport> {
        Err(Error::new(ErrorKind::Unsupported, "this blob store keeps all blobs"))
    }

    /// Returns the folder in which it keeps blobs, if it does on this machine.
    fn root(&self) -> Option<&Path> {
        None
    }
}
