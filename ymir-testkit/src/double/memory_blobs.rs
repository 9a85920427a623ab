use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use tempfile::TempDir;
use ymir_core::{
    BlobCapabilities, BlobId, BlobInfo, BlobSource, BlobStore, Error, ErrorKind, GarbageOptions,
    GarbageReport, Result, Transfer,
};

/// A blob store in memory, for tests.
///
/// Blobs that were asked for as files stand in a temporary directory too, and whoever writes into
/// such a file spoils the blob, as with a store on disk. A batch is put in, and exported, whole or
/// not at all.
#[derive(Clone, Default)]
pub struct MemoryBlobStore(Arc<Mutex<Blobs>>);

impl MemoryBlobStore {
    /// Returns an empty store. Its clones are handles of the same.
    pub fn new() -> Self {
        Self::default()
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Blobs) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let blobs = self.0.clone();
        blocking(move || work(&mut lock(&blobs))).await
    }
}

impl fmt::Debug for MemoryBlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBlobStore").finish_non_exhaustive()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in another test's thread leaves whole states behind: each is built before it is put in.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let broken = |error| {
        Error::new(ErrorKind::Unexpected, "a thread of the in-memory store panicked")
            .caused_by(error)
    };
    tokio::task::spawn_blocking(work).await.map_err(broken)?
}

#[async_trait]
impl BlobStore for MemoryBlobStore {
    fn capabilities(&self) -> BlobCapabilities {
        BlobCapabilities { files: true, references: false, sweep: true }
    }

    async fn put(&self, sources: Vec<BlobSource>) -> Result<Vec<BlobInfo>> {
        self.with(|blobs| blobs.put(sources)).await
    }

    async fn sizes(&self, ids: &[BlobId]) -> Result<Vec<Option<u64>>> {
        let blobs = lock(&self.0);
        Ok(ids.iter().map(|id| Some(blobs.bytes.get(id)?.bytes.len() as u64)).collect())
    }

    async fn read(&self, id: &BlobId) -> Result<Vec<u8>> {
        let id = *id;
        self.with(move |blobs| blobs.read(&id)).await
    }

    async fn read_range(&self, id: &BlobId, range: Range<u64>) -> Result<Vec<u8>> {
        let bytes = self.read(id).await?;
        let end = range.end.min(bytes.len() as u64);
        Ok(bytes[range.start.min(end) as usize..end as usize].to_vec())
    }

    async fn export(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        let wanted = blobs.to_vec();
        self.with(move |blobs| blobs.export(&wanted, transfer)).await
    }

    async fn file(&self, id: &BlobId) -> Result<PathBuf> {
        let id = *id;
        self.with(move |blobs| blobs.file(&id)).await
    }

    async fn check(&self, wanted: &[(BlobId, u64)], hashes: bool) -> Result<Vec<(BlobId, Error)>> {
        let wanted = wanted.to_vec();
        self.with(move |blobs| {
            let check = |(id, size): &(BlobId, u64)| blobs.check(id, *size, hashes).err();
            Ok(wanted.iter().filter_map(|blob| Some((blob.0, check(blob)?))).collect())
        })
        .await
    }

    async fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobInfo>> {
        let blobs = lock(&self.0);
        let all = blobs.bytes.iter();
        let infos = all.map(|(id, blob)| BlobInfo { id: *id, size: blob.bytes.len() as u64 });
        let mut infos: Vec<_> =
            infos.filter(|info| after.is_none_or(|after| info.id > after)).collect();
        infos.sort_unstable_by_key(|info| info.id);
        infos.truncate(limit);
        Ok(infos)
    }

    async fn sweep(
        &self,
        used: HashMap<BlobId, u64>,
        options: GarbageOptions,
    ) -> Result<GarbageReport> {
        Ok(lock(&self.0).sweep(&used, options))
    }
}

struct Blob {
    bytes: Arc<Vec<u8>>,
    put: Instant,
}

#[derive(Default)]
struct Blobs {
    bytes: HashMap<BlobId, Blob>,
    directory: Option<TempDir>,
}

fn missing(id: &BlobId) -> Error {
    Error::not_found("no blob of this id in this store").with("blob", id)
}

impl Blobs {
    /// Takes in all sources or none.
    fn put(&mut self, sources: Vec<BlobSource>) -> Result<Vec<BlobInfo>> {
        let read = |source| match source {
            BlobSource::Bytes(bytes) => Ok(bytes),
            BlobSource::File(path, _) => std::fs::read(&path)
                .map_err(|error| Error::io("cannot read the file of a new blob", &path, error)),
        };
        let blobs: Vec<Vec<u8>> = sources.into_iter().map(read).collect::<Result<_>>()?;
        let keep = |bytes: Vec<u8>| {
            let info = BlobInfo { id: BlobId::of(&bytes), size: bytes.len() as u64 };
            let put = Instant::now();
            let there = self.bytes.entry(info.id);
            there.or_insert_with(|| Blob { bytes: Arc::new(bytes), put }).put = put;
            info
        };
        Ok(blobs.into_iter().map(keep).collect())
    }

    fn read(&self, id: &BlobId) -> Result<Vec<u8>> {
        let bytes = &self.bytes.get(id).ok_or_else(|| missing(id))?.bytes;
        if let Some(path) = self.path(id)
            && let Ok(found) = std::fs::read(&path)
            && BlobId::of(&found) != *id
        {
            let message = "someone wrote into the file of this blob";
            return Err(Error::corrupted(message).with("blob", id).with("path", path.display()));
        }
        Ok(bytes.to_vec())
    }

    fn check(&self, id: &BlobId, size: u64, hashes: bool) -> Result<()> {
        let found = self.bytes.get(id).ok_or_else(|| missing(id))?.bytes.len() as u64;
        if found != size {
            let error = Error::corrupted("the blob has another size").with("blob", id);
            return Err(error.with("size", size).with("found", found));
        }
        if hashes { self.read(id).map(drop) } else { Ok(()) }
    }

    fn sweep(&mut self, used: &HashMap<BlobId, u64>, options: GarbageOptions) -> GarbageReport {
        let mut report = GarbageReport::default();
        self.bytes.retain(|id, blob| {
            if used.contains_key(id) {
                report.in_use += 1;
                return true;
            }
            if blob.put.elapsed() < options.grace {
                report.kept_young += 1;
                return true;
            }
            report.blobs += 1;
            report.bytes += blob.bytes.len() as u64;
            options.dry_run
        });
        report
    }

    fn path(&self, id: &BlobId) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.path().join(id.to_string()))
    }

    /// Returns the file of a blob; it is written when it is first asked for.
    fn file(&mut self, id: &BlobId) -> Result<PathBuf> {
        let bytes = self.bytes.get(id).ok_or_else(|| missing(id))?.bytes.clone();
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
    fn export(&mut self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
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
