use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::str::FromStr;

use ymir_core::{BlobId, BlobInfo, Error, ErrorKind, Result};

use super::dir::{BlobDir, missing};
use super::reference::Entry;

impl BlobDir {
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the sizes of blobs, none for one that is not there.
    pub(crate) fn sizes(&self, ids: &[BlobId]) -> Result<Vec<Option<u64>>> {
        ids.iter().map(|id| self.size(id)).collect()
    }

    fn size(&self, id: &BlobId) -> Result<Option<u64>> {
        let path = self.path(id);
        let fail = |path: &Path, e| Error::io("cannot look at a blob", path, e);
        match self.entry(id).map_err(|e| fail(&path, e))? {
            None => Ok(None),
            Some(Entry::Own(data)) => Ok(Some(data.len())),
            Some(Entry::Reference(link)) => match self.target(id, &link) {
                Ok(file) => fs::metadata(&file).map(|data| Some(data.len())).or_else(|e| {
                    if e.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(fail(&file, e)) }
                }),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    /// Returns a part of the bytes of a blob.
    pub(crate) fn read_range(&self, id: &BlobId, range: Range<u64>) -> Result<Vec<u8>> {
        let path = self.file(id)?;
        read_part(&path, range).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => missing(id),
            _ => Error::io("cannot read a blob", &path, e).with("blob", id),
        })
    }

    /// Returns the blobs behind an id, in the order of their ids.
    pub(crate) fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobInfo>> {
        let mut found = Vec::new();
        for byte in after.map_or(0, |after| after.as_bytes()[0])..=255 {
            if found.len() >= limit {
                break;
            }
            let prefix = hex::encode([byte]);
            let mut ids = self.ids_in(&self.root.join(&prefix), &prefix)?;
            ids.retain(|id| after.is_none_or(|after| *id > after));
            ids.sort_unstable();
            ids.truncate(limit - found.len());
            for id in ids {
                found.extend(self.size(&id)?.map(|size| BlobInfo { id, size }));
            }
        }
        Ok(found)
    }

    fn ids_in(&self, folder: &Path, prefix: &str) -> Result<Vec<BlobId>> {
        let fail = |e| Error::io("cannot list the blobs", folder, e);
        let entries = match fs::read_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(fail)?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(fail)?.file_name();
            // What is named otherwise is not ours.
            let id =
                name.to_str().and_then(|rest| BlobId::from_str(&format!("{prefix}{rest}")).ok());
            ids.extend(id);
        }
        Ok(ids)
    }
}

/// Returns a part of a file, up to its end.
pub(super) fn read_part(path: &Path, range: Range<u64>) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let end = range.end.min(file.metadata()?.len());
    let mut bytes = vec![0; end.saturating_sub(range.start) as usize];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes)
}
