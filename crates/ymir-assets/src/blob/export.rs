use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use ymir_core::{BlobId, Error, ErrorKind, Result, Transfer};

use super::dir::{BlobDir, missing};
use super::put::reflink;
use crate::parallel::in_parallel;

impl BlobDir {
    /// Makes blobs stand as files at other paths.
    pub(crate) fn export(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        // What can be known to fail fails before anything is made.
        let check = |(id, path): &(BlobId, PathBuf)| {
            self.file(id)?;
            if fs::symlink_metadata(path).is_ok() { Err(exists(id, path)) } else { Ok(()) }
        };
        let export = |(id, path): &(BlobId, PathBuf)| {
            self.export_one(id, path, transfer).map_err(|e| match e.kind() {
                io::ErrorKind::AlreadyExists => exists(id, path),
                io::ErrorKind::NotFound if !self.path(id).exists() => missing(id),
                _ => Error::io("cannot export a blob", path, e).with("blob", id),
            })
        };
        in_parallel(|| {
            blobs.par_iter().try_for_each(check)?;
            blobs.par_iter().try_for_each(export)
        })
    }

    fn export_one(&self, id: &BlobId, path: &Path, transfer: Transfer) -> io::Result<()> {
        let blob = self.path(id);
        if transfer == Transfer::HardLink {
            match fs::hard_link(&blob, path) {
                Ok(()) => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(e),
                // Another file system, or one without links, or too many of them: copied.
                Err(_) => {}
            }
        }
        let mut source = File::open(&blob)?;
        let mut target = File::create_new(path)?;
        if reflink(&source, &target) {
            return Ok(());
        }
        io::copy(&mut source, &mut target).map(drop).inspect_err(|_| {
            let _ = fs::remove_file(path);
        })
    }
}

fn exists(id: &BlobId, path: &Path) -> Error {
    let message = "a file stands where a blob is to be exported; choose another path";
    Error::new(ErrorKind::AlreadyExists, message).with("path", path.display()).with("blob", id)
}
