use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};
use ymir_core::{BlobId, Error, Result};
use ymir_formats::support::read_whole;

use super::reference::{Entry, changed};

/// Files up to this size are read at once.
const SMALL: u64 = 1 << 20;

/// The blobs below one directory: `ab/cdef…` holds the blob whose id is `abcdef…`, or is a symbolic
/// link to the file that does.
#[derive(Debug)]
pub(crate) struct BlobDir {
    pub(super) root: PathBuf,
    /// Whether the file system turned out not to share blocks between files.
    pub(super) no_reflinks: AtomicBool,
    /// Done when what dead processes left was deleted.
    pub(super) swept: Once,
}

impl BlobDir {
    /// Returns the blobs below a directory, which is made by the first one put in.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), no_reflinks: AtomicBool::new(false), swept: Once::new() }
    }

    /// Returns where a blob is, or would be.
    pub(super) fn path(&self, id: &BlobId) -> PathBuf {
        let digits = id.to_string();
        self.root.join(&digits[..2]).join(&digits[2..])
    }

    /// Returns the file of a blob; that of a reference is the one that it refers to.
    pub(crate) fn file(&self, id: &BlobId) -> Result<PathBuf> {
        let path = self.path(id);
        match self.entry(id).map_err(|e| Error::io("cannot read a blob", &path, e))? {
            Some(Entry::Own(_)) => Ok(path),
            Some(Entry::Reference(link)) => self.target(id, &link),
            None => Err(missing(id)),
        }
    }

    /// Returns the bytes of a blob after a check of its hash.
    pub(crate) fn read(&self, id: &BlobId) -> Result<Vec<u8>> {
        let path = self.file(id)?;
        let bytes = fs::read(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => missing(id),
            _ => Error::io("cannot read a blob", &path, e).with("blob", id),
        })?;
        let found = BlobId::of(&bytes);
        if found != *id {
            return Err(self.damaged(id, &path).with("found", found));
        }
        Ok(bytes)
    }

    /// Returns the error for a file of a blob that has other bytes.
    pub(super) fn damaged(&self, id: &BlobId, path: &Path) -> Error {
        if path != self.path(id) {
            return changed(id, path);
        }
        let message = "the bytes of a blob are not what was stored; delete the file and put the original in again";
        Error::corrupted(message).with("path", path.display()).with("blob", id)
    }
}

/// Returns the error for a blob that is not there.
pub(super) fn missing(id: &BlobId) -> Error {
    Error::not_found("no blob of this id in the store; import its file").with("blob", id)
}

/// Returns the hash and the number of the bytes of a file that is at its beginning and has, as far
/// as is known, so many.
pub(super) fn hash(file: &mut File, size: u64) -> io::Result<(BlobId, u64)> {
    if size <= SMALL {
        let bytes = read_whole(file, size as usize)?;
        return Ok((BlobId::of(&bytes), bytes.len() as u64));
    }
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 17]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((BlobId::new(hash.finalize().into()), size)),
            Ok(n) => {
                hash.update(&buffer[..n]);
                size += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
