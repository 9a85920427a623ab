//! Files that stay where they are: the store keeps a symbolic link to each.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use ymir_core::{BlobId, BlobInfo, Error, ErrorKind, Result};

use super::dir::{BlobDir, hash};
use super::platform::stamp;
use super::put::Staged;

/// What stands in the place of a blob.
pub(super) enum Entry {
    /// The store's own file.
    Own(Metadata),
    /// A link to a file elsewhere.
    Reference(Metadata),
}

impl BlobDir {
    /// Returns what stands in the place of a blob, if it is anything that the store makes.
    pub(super) fn entry(&self, id: &BlobId) -> io::Result<Option<Entry>> {
        match fs::symlink_metadata(self.path(id)) {
            Ok(data) if data.is_symlink() => Ok(Some(Entry::Reference(data))),
            Ok(data) => Ok(data.is_file().then_some(Entry::Own(data))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Makes a link to a file that is to stay where it is, and is what was hashed.
    pub(super) fn refer(
        &self,
        path: &Path,
        source: &mut File,
        temporary: &Path,
    ) -> io::Result<(BlobInfo, Staged)> {
        let data = source.metadata()?;
        let target = fs::canonicalize(path)?;
        let (id, size) = hash(source, data.len())?;
        let info = BlobInfo { id, size };
        if self.is_present(&info, temporary)? {
            return Ok((info, Staged::Present));
        }
        // Also where there is a reference: the last file that was named is the one to find.
        let link = |to: &Path| symlink(&target, to);
        let link = tempfile::Builder::new().prefix("link-").make_in(temporary, link)?;
        stamp(link.path(), data.mtime(), data.mtime_nsec())?;
        Ok((info, Staged::Reference(link.into_temp_path())))
    }

    /// Returns the file that a reference means, if it still is what it was.
    ///
    /// The link has the time of the file. If the file's is another, its bytes are read, and if they
    /// are the same the link gets the new time. A file that was replaced by another with the same
    /// time is not noticed here, but by whoever reads the blob through the store, and by `fsck`.
    pub(super) fn target(&self, id: &BlobId, link: &Metadata) -> Result<PathBuf> {
        let place = self.path(id);
        let target = fs::read_link(&place)
            .map_err(|e| Error::io("cannot read the reference of a blob", &place, e))?;
        let fail = |e| unreadable(id, &target, e);
        let data = fs::metadata(&target).map_err(fail)?;
        // Opening a pipe would wait for whoever writes into it.
        if !data.is_file() {
            return Err(changed(id, &target));
        }
        if (data.mtime(), data.mtime_nsec()) != (link.mtime(), link.mtime_nsec()) {
            let mut file = File::open(&target).map_err(fail)?;
            if hash(&mut file, data.len()).map_err(fail)?.0 != *id {
                return Err(changed(id, &target));
            }
            // Only spares the next one the reading.
            let _ = stamp(&place, data.mtime(), data.mtime_nsec());
        }
        Ok(target)
    }
}

/// Returns the error for a referenced file that cannot be read.
pub(super) fn unreadable(id: &BlobId, target: &Path, error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::NotFound => {
            "the file that a blob refers to is gone; put it back, or import it from where it is now"
        }
        _ => "cannot read the file that a blob refers to",
    };
    Error::io(message, target, error).with("blob", id)
}

/// Returns the error for a referenced file with other bytes.
pub(super) fn changed(id: &BlobId, target: &Path) -> Error {
    let message = "the file that a blob refers to was changed after its import; put the original \
                   back, or import it from where it is now";
    Error::new(ErrorKind::Corrupted, message).with("path", target.display()).with("blob", id)
}
