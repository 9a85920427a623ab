use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use ymir_core::{BlobId, Error, ErrorKind, Result, Transfer};

use super::dir::BlobDir;
use super::put::reflink;
use crate::parallel::in_parallel;

impl BlobDir {
    /// Makes blobs stand as files at other paths.
    pub(crate) fn export(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        // What can be known to fail fails before anything is made.
        let check = |(id, path): &(BlobId, PathBuf)| {
            let file = self.file(id)?;
            if fs::symlink_metadata(path).is_ok() { Err(exists(id, path)) } else { Ok(file) }
        };
        let export = |(file, (id, path)): (&PathBuf, &(BlobId, PathBuf))| {
            export_file(file, path, transfer).map_err(|e| match (e.kind(), self.file(id)) {
                (io::ErrorKind::AlreadyExists, _) => exists(id, path),
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

/// Makes a file stand at another path too.
pub(super) fn export_file(file: &Path, path: &Path, transfer: Transfer) -> io::Result<()> {
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
    io::copy(&mut source, &mut target).map(drop).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

/// Returns the error for a path at which there is something.
pub(super) fn exists(id: &BlobId, path: &Path) -> Error {
    let message = "a file stands where a blob is to be exported; choose another path";
    Error::new(ErrorKind::AlreadyExists, message).with("path", path.display()).with("blob", id)
}
