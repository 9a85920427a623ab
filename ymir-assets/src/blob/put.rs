use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rayon::prelude::*;
use tempfile::{NamedTempFile, TempPath};
use ymir_core::{BlobId, BlobInfo, BlobSource, Error, Result, Transfer};
use ymir_formats::support::{Watched, in_parallel, read_whole};

use super::dir::{BlobDir, hash};
use super::platform::{flush_file_system, hard_link, reflink};
use super::reference::Entry;
use crate::store::{remove_stale, sync_all};

/// The folder of files that are being written.
pub(super) const TEMPORARY: &str = "tmp";
/// Files up to this size are read once, hashed and written from memory.
const IN_MEMORY: u64 = 4 << 20;
/// Up to so many files or folders are made durable one by one, all at the same time; more by one flush of
/// the file system.
const ONE_BY_ONE: usize = 16;

/// A new blob, not in its place yet.
pub(super) enum Staged {
    /// It is there already.
    Present,
    /// In a temporary file.
    File(TempPath),
    /// In a file elsewhere, to which this is a link.
    Reference(TempPath),
}

impl BlobDir {
    /// Puts blobs in, durable together when it returns; none if nobody waits for it any more.
    pub(crate) fn put(&self, sources: &[BlobSource], watched: &Watched) -> Result<Vec<BlobInfo>> {
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        let temporary = self.temporary()?;
        let _keep = self.keep()?;
        let staged: Vec<(BlobInfo, Staged)> = in_parallel(|| {
            let stage = |source| {
                watched.go_on()?;
                self.stage(source, &temporary)
            };
            sources.par_iter().map(stage).collect::<Result<_>>()
        })?;
        watched.go_on()?;
        self.settle_all(staged)
    }

    /// Returns the folder of files that are being written; what dead processes left there goes.
    pub(super) fn temporary(&self) -> Result<PathBuf> {
        let temporary = self.root.join(TEMPORARY);
        let fail = |e| Error::io("cannot make the directory of the blobs", &temporary, e);
        fs::create_dir_all(&temporary).map_err(fail)?;
        self.swept.call_once(|| remove_stale(&temporary));
        Ok(temporary)
    }

    /// Moves new blobs to their places, durable together when it returns.
    pub(super) fn settle_all(&self, staged: Vec<(BlobInfo, Staged)>) -> Result<Vec<BlobInfo>> {
        let new: Vec<&Path> = staged.iter().filter_map(|(_, staged)| staged.path()).collect();
        self.flush(&new)?;

        // Also of blobs that are there: who put them in may not have come to this yet. A folder
        // may be new itself, and the root with it.
        let mut folders = BTreeSet::from([self.root.clone()]);
        folders.extend(self.root.parent().map(Path::to_owned));
        let mut infos = Vec::with_capacity(staged.len());
        for (info, staged) in staged {
            if let Staged::File(file) | Staged::Reference(file) = staged {
                self.settle(&info.id, file)?;
            }
            folders.extend(self.path(&info.id).parent().map(Path::to_owned));
            infos.push(info);
        }
        let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
        self.flush(&folders)?;
        Ok(infos)
    }

    /// Returns whether a file of the store's own is in the place of a blob with the right size; if
    /// so it counts as put in now. One of another size is the rest of a crash of the machine; one
    /// of another user may not be renewed, and is replaced.
    pub(super) fn is_present(&self, info: &BlobInfo, temporary: &Path) -> io::Result<bool> {
        match self.entry(&info.id)? {
            Some(Entry::Own(data)) if data.len() == info.size => {
                match self.renew(&self.path(&info.id), &data, temporary) {
                    Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(false),
                    renewed => renewed.map(|()| true),
                }
            }
            _ => Ok(false),
        }
    }

    fn stage(&self, source: &BlobSource, temporary: &Path) -> Result<(BlobInfo, Staged)> {
        match source {
            BlobSource::Bytes(bytes) => self.stage_bytes(bytes, temporary),
            BlobSource::File(path, transfer) => self
                .stage_file(path, *transfer, temporary)
                .map_err(|e| Error::io("cannot store a file as a blob", path, e)),
        }
    }

    fn stage_bytes(&self, bytes: &[u8], temporary: &Path) -> Result<(BlobInfo, Staged)> {
        self.write(bytes, temporary).map_err(|e| Error::io("cannot write a blob", temporary, e))
    }

    fn write(&self, bytes: &[u8], temporary: &Path) -> io::Result<(BlobInfo, Staged)> {
        let info = BlobInfo { id: BlobId::of(bytes), size: bytes.len() as u64 };
        if self.is_present(&info, temporary)? {
            return Ok((info, Staged::Present));
        }
        let mut file = new_file(temporary)?;
        file.write_all(bytes)?;
        protect(&file)?;
        Ok((info, Staged::File(file.into_temp_path())))
    }

    fn stage_file(
        &self,
        path: &Path,
        transfer: Transfer,
        temporary: &Path,
    ) -> io::Result<(BlobInfo, Staged)> {
        let mut source = File::open(path)?;
        let data = source.metadata()?;
        if !data.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        if transfer == Transfer::Reference {
            return self.refer(path, &mut source, temporary);
        }
        if transfer == Transfer::HardLink
            && let Some(linked) = self.link(path, &mut source, &data, temporary)?
        {
            return Ok(linked);
        }
        if let Some(cloned) = self.clone_file(&source, temporary)? {
            return Ok(cloned);
        }
        if data.len() <= IN_MEMORY {
            let bytes = read_whole(&mut source, data.len() as usize)?;
            return self.write(&bytes, temporary);
        }
        let mut file = new_file(temporary)?;
        io::copy(&mut source, file.as_file_mut())?;
        self.adopt(file, temporary)
    }

    /// Hashes what a temporary file holds: what is stored is what was hashed, even if somebody
    /// wrote to the source meanwhile.
    fn adopt(&self, file: NamedTempFile, temporary: &Path) -> io::Result<(BlobInfo, Staged)> {
        let mut file_again = file.reopen()?;
        let size = file_again.metadata()?.len();
        let (id, size) = hash(&mut file_again, size)?;
        let info = BlobInfo { id, size };
        if self.is_present(&info, temporary)? {
            return Ok((info, Staged::Present));
        }
        protect(&file)?;
        Ok((info, Staged::File(file.into_temp_path())))
    }

    /// Links a file into the store; none where links cannot be made.
    fn link(
        &self,
        path: &Path,
        source: &mut File,
        data: &Metadata,
        temporary: &Path,
    ) -> io::Result<Option<(BlobInfo, Staged)>> {
        let (id, size) = hash(source, data.len())?;
        let info = BlobInfo { id, size };
        if self.is_present(&info, temporary)? {
            return Ok(Some((info, Staged::Present)));
        }
        let place =
            tempfile::Builder::new().prefix("link-").make_in(temporary, |to| hard_link(path, to));
        if let Ok(place) = place {
            let linked = fs::metadata(place.path())?;
            if (linked.dev(), linked.ino()) == (data.dev(), data.ino()) {
                return Ok(Some((info, Staged::File(place.into_temp_path()))));
            }
            // Another file took the name after it was opened: then the content is copied.
        }
        io::Seek::rewind(source)?;
        Ok(None)
    }

    /// Makes a copy that shares its blocks with the source; none where the file system cannot.
    fn clone_file(
        &self,
        source: &File,
        temporary: &Path,
    ) -> io::Result<Option<(BlobInfo, Staged)>> {
        if self.no_reflinks.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let file = new_file(temporary)?;
        if !reflink(source, file.as_file()) {
            self.no_reflinks.store(true, Ordering::Relaxed);
            return Ok(None);
        }
        self.adopt(file, temporary).map(Some)
    }

    /// Moves a new blob to its place.
    fn settle(&self, id: &BlobId, file: TempPath) -> Result<()> {
        let path = self.path(id);
        let folder = path.parent().expect("a blob stands in a folder");
        let fail = |e| Error::io("cannot store a blob", &path, e).with("blob", id);
        match file.persist(&path) {
            Ok(()) => {}
            Err(e) if e.error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder).map_err(fail)?;
                e.path.persist(&path).map_err(|e| fail(e.error))?;
            }
            Err(e) => return Err(fail(e.error)),
        }
        Ok(())
    }

    /// Makes the content of files, or the names in folders, durable.
    fn flush(&self, files: &[&Path]) -> Result<()> {
        let fail = |e| Error::io("cannot make the blobs durable", &self.root, e);
        if files.len() > ONE_BY_ONE && flush_file_system(&self.root).map_err(fail)? {
            return Ok(());
        }
        files.chunks(ONE_BY_ONE).try_for_each(sync_paths)
    }
}

impl Staged {
    /// Returns the file whose content is to be made durable.
    fn path(&self) -> Option<&Path> {
        match self {
            // The name of a link is all of it, and comes with the folder.
            Self::Present | Self::Reference(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

/// Makes a file for a new blob.
pub(super) fn new_file(dir: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix("blob-").tempfile_in(dir)
}

/// Makes a file of the store read-only.
fn protect(file: &NamedTempFile) -> io::Result<()> {
    file.as_file().set_permissions(Permissions::from_mode(0o444))
}

fn sync_paths(paths: &[&Path]) -> Result<()> {
    let open = |path: &&Path| File::open(path).map_err(|e| Error::io("cannot open", path, e));
    let files: Vec<File> = paths.iter().map(open).collect::<Result<_>>()?;
    let pairs: Vec<_> = files.iter().zip(paths.iter().copied()).collect();
    sync_all(&pairs)
}
