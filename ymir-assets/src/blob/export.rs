use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use ymir_core::{BlobId, Error, ErrorKind, Result, Transfer};
use ymir_formats::support::in_parallel;

use super::dir::BlobDir;
use super::platform::reflink;

impl BlobDir {
    /// Makes blobs stand as files at other paths.
    pub(crate) fn export(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        // What can be known to fail fails before anything is made.
        let check = |(id, path): &(BlobId, PathBuf)| {
            let file = self.file(id)?;
            if fs::symlink_metadata(path).is_ok() { Err(exists(id, path)) } else { Ok(file) }
        };
        let export = |(file, (id, path)): (&PathBuf, &(BlobId, PathBuf))| {
            export_file(file, id, path, transfer).map_err(|e| match (e.kind(), self.file(id)) {
                (io::ErrorKind::AlreadyExists, _) => exists(id, path),
                (io::ErrorKind::InvalidData, _) => self.damaged(id, file),
                (io::ErrorKind::NotFound, Err(error)) => error,
                _ => Error::io("cannot export a blob", path, e).with("blob", id),
            })
        };
        in_parallel(|| {
            let files: Vec<PathBuf> = blobs.par_iter().map(check).collect::<Result<_>>()?;
            files.par_iter().zip(blobs).try_for_each(export)
        })
    }
}

/// Makes the file of a blob stand at another path too. What is copied is checked: `InvalidData` if it
/// is not the blob.
pub(super) fn export_file(
    file: &Path,
    id: &BlobId,
    path: &Path,
    transfer: Transfer,
) -> io::Result<()> {
    match transfer {
        Transfer::Reference => return symlink(std::path::absolute(file)?, path),
        Transfer::HardLink => match fs::hard_link(file, path) {
            Ok(()) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(e),
            // Another file system, or one without links, or too many of them: copied.
            Err(_) => {}
        },
        Transfer::Copy => {}
    }
    let mut source = File::open(file)?;
    let mut target = File::create_new(path)?;
    if reflink(&source, &target) {
        return Ok(());
    }
    copy(&mut source, &mut target, id).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

/// Copies the bytes of a blob, if they are that.
fn copy(source: &mut File, target: &mut File, id: &BlobId) -> io::Result<()> {
    let size = source.metadata()?.len().clamp(1, 1 << 17) as usize;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; size]);
    loop {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                hash.update(&buffer[..n]);
                target.write_all(&buffer[..n])?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    match BlobId::new(hash.finalize().into()) == *id {
        true => Ok(()),
        false => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Returns the error for a path at which there is something.
pub(super) fn exists(id: &BlobId, path: &Path) -> Error {
    let message = "a file stands where a blob is to be exported; choose another path";
    Error::new(ErrorKind::AlreadyExists, message).with("path", path.display()).with("blob", id)
}
