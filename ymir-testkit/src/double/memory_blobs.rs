use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use ymir_core::{BlobId, BlobInfo, BlobSource, Error, ErrorKind, Result, Transfer};

/// The blobs of a store. Those that were asked for as files stand in a temporary directory too,
/// and whoever writes into such a file spoils the blob, as with a store on disk.
#[derive(Default)]
pub(super) struct Blobs {
    bytes: HashMap<BlobId, Arc<Vec<u8>>>,
    directory: Option<TempDir>,
}

fn missing(id: &BlobId) -> Error {
    Error::not_found("no blob of this id in this store").with("blob", id)
}

impl Blobs {
    /// Takes in all sources or none.
    pub(super) fn put(&mut self, sources: Vec<BlobSource>) -> Result<Vec<BlobInfo>> {
        let read = |source| match source {
            BlobSource::Bytes(bytes) => Ok(bytes),
            BlobSource::File(path, _) => std::fs::read(&path)
                .map_err(|error| Error::io("cannot read the file of a new blob", &path, error)),
        };
        let blobs: Vec<Vec<u8>> = sources.into_iter().map(read).collect::<Result<_>>()?;
        let keep = |bytes: Vec<u8>| {
            let info = BlobInfo { id: BlobId::of(&bytes), size: bytes.len() as u64 };
            self.bytes.entry(info.id).or_insert_with(|| Arc::new(bytes));
            info
        };
        Ok(blobs.into_iter().map(keep).collect())
    }

    pub(super) fn read(&self, id: &BlobId) -> Result<Vec<u8>> {
        let bytes = self.bytes.get(id).ok_or_else(|| missing(id))?;
        if let Some(path) = self.path(id)
            && let Ok(found) = std::fs::read(&path)
            && BlobId::of(&found) != *id
        {
            let message = "someone wrote into the file of this blob";
            return Err(Error::corrupted(message).with("blob", id).with("path", path.display()));
        }
        Ok(bytes.to_vec())
    }

    fn path(&self, id: &BlobId) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.path().join(id.to_string()))
    }

    /// Returns the file of a blob; it is written when it is first asked for.
    pub(super) fn file(&mut self, id: &BlobId) -> Result<PathBuf> {
        let bytes = self.bytes.get(id).ok_or_else(|| missing(id))?.clone();
        if self.directory.is_none() {
            let directory = tempfile::tempdir().map_err(|error| {
                let parent = std::env::temp_dir();
                Error::io("cannot make a directory for blobs", &parent, error)
            })?;
            self.directory = Some(directory);
        }
        let path = self.path(id).ok_or_else(|| missing(id))?;
        if !path.exists() {
            write_new(&path, &bytes)?;
        }
        Ok(path)
    }

    /// Makes all blobs stand as files, or none.
    pub(super) fn export(&mut self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        if let Some((id, _)) = blobs.iter().find(|(id, _)| !self.bytes.contains_key(id)) {
            return Err(missing(id));
        }
        let mut written: Vec<&Path> = Vec::new();
        for (id, path) in blobs {
            if let Err(error) = self.export_one(id, path, transfer) {
                // What this call wrote goes; a file that was there before stays.
                written.iter().for_each(|path| drop(std::fs::remove_file(path)));
                return Err(error);
            }
            written.push(path);
        }
        Ok(())
    }

    fn export_one(&mut self, id: &BlobId, path: &Path, transfer: Transfer) -> Result<()> {
        if path.symlink_metadata().is_ok() {
            let message = "a blob cannot be written over what is there";
            return Err(Error::new(ErrorKind::AlreadyExists, message).with("path", path.display()));
        }
        match transfer {
            Transfer::Copy => write_new(path, &self.read(id)?),
            Transfer::HardLink => {
                let file = self.file(id)?;
                match std::fs::hard_link(&file, path) {
                    Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
                        write_new(path, &self.read(id)?)
                    }
                    done => done.map_err(|error| Error::io("cannot link a blob", path, error)),
                }
            }
            Transfer::Reference => std::os::unix::fs::symlink(self.file(id)?, path)
                .map_err(|error| Error::io("cannot refer to a blob", path, error)),
        }
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::File::create_new(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| Error::io("cannot write the file of a blob", path, error))
}
