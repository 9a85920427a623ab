use std::fs::{self, File};
use std::io::{Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStoreExt, PutPayload, WriteMultipart};
use sha2::{Digest, Sha256};
use ymir_core::{BlobId, BlobInfo, BlobSource, Error, ErrorKind, Result, Transfer};
use ymir_formats::support::Watched;

use super::super::dir::missing;
use super::super::export::{exists, export_file};
use super::super::list::read_part;
use super::super::put::{Staged, new_file};
use super::client::{S3Blobs, age, wait};

/// So many requests run at the same time.
pub(super) const PARALLEL: usize = 16;
/// So many blobs are staged or fetched before they are made durable in the cache together.
const BATCH: usize = 64;
/// Files from this size on are sent in parts, so many at a time.
const MULTIPART: u64 = 16 << 20;
const PARTS: usize = 4;
/// A blob that is put in again counts as new, unless it is younger than this anyway.
const RENEW: Duration = Duration::from_secs(1);
/// How often a file is fetched again that is evicted before it can be used.
const ATTEMPTS: usize = 3;

impl S3Blobs {
    /// Puts blobs in. The object store has them when it returns, whatever the transfer.
    pub(crate) fn put(&self, sources: &[BlobSource], watched: &Watched) -> Result<Vec<BlobInfo>> {
        let mut infos = Vec::with_capacity(sources.len());
        for batch in sources.chunks(BATCH) {
            let size = |source: &BlobSource| match source {
                BlobSource::Bytes(bytes) => bytes.len() as u64,
                BlobSource::File(path, _) => fs::metadata(path).map_or(0, |data| data.len()),
            };
            self.cache.reserve(batch.iter().map(size).sum());
            // The cache has files of its own: what others do to the source must not reach it.
            let copied: Vec<BlobSource> = batch.iter().map(copied).collect();
            let staged = self.put_batch(&copied, watched)?;
            infos.extend(staged);
        }
        Ok(infos)
    }

    /// Puts blobs in, once more if one leaves the cache before it is sent.
    fn put_batch(&self, sources: &[BlobSource], watched: &Watched) -> Result<Vec<BlobInfo>> {
        let mut attempt = 1;
        loop {
            let staged = self.cache.dir.put(sources, watched)?;
            let sent = wait(async {
                let uploads = staged.iter().map(|info| self.upload(info));
                stream::iter(uploads).buffered(PARALLEL).try_collect::<Vec<_>>().await
            })?;
            match staged.iter().zip(sent).find(|(_, sent)| !sent) {
                Some((info, _)) if attempt == ATTEMPTS => return Err(crowded(&info.id)),
                Some(_) => attempt += 1,
                None => return Ok(staged),
            }
        }
    }

    /// Sends a blob unless it is there; returns whether it is now: it is not if it left the cache, or
    /// was damaged there.
    async fn upload(&self, info: &BlobInfo) -> Result<bool> {
        let key = self.key(&info.id);
        if self.is_present(info, &key).await? {
            return Ok(true);
        }
        let path = self.cache.dir.path(&info.id);
        let fail = |e| Error::io("cannot read a file of the cache", &path, e);
        let mut file = match File::open(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            file => file.map_err(fail)?,
        };
        if info.size < MULTIPART {
            let mut bytes = Vec::with_capacity(info.size as usize);
            file.read_to_end(&mut bytes).map_err(fail)?;
            if BlobId::of(&bytes) != info.id {
                self.cache.forget(&info.id);
                return Ok(false);
            }
            let sent = self.client.put(&key, PutPayload::from(bytes)).await;
            sent.map_err(|e| self.failed("cannot store a blob", &key, e))?;
            return Ok(true);
        }
        self.upload_parts(&key, file, &path, &info.id).await
    }

    async fn upload_parts(
        &self,
        key: &Key,
        mut file: File,
        path: &Path,
        id: &BlobId,
    ) -> Result<bool> {
        let failed = |e| self.failed("cannot store a blob", key, e);
        let upload = self.client.put_multipart(key).await.map_err(failed)?;
        let mut writer = WriteMultipart::new(upload);
        let (mut buffer, mut hash) = (vec![0; 1 << 20], Sha256::new());
        let sent = async {
            loop {
                writer.wait_for_capacity(PARTS).await.map_err(failed)?;
                let read = file.read(&mut buffer);
                match read.map_err(|e| Error::io("cannot read a file of the cache", path, e))? {
                    0 => return Ok::<_, Error>(BlobId::new(hash.finalize().into()) == *id),
                    n => {
                        hash.update(&buffer[..n]);
                        writer.write(&buffer[..n]);
                    }
                }
            }
        };
        match sent.await {
            Ok(true) => writer.finish().await.map(|_| true).map_err(failed),
            broken => {
                // What was sent is not an object yet; a server that is gone drops it itself.
                let _ = writer.abort().await;
                self.cache.forget(id);
                broken
            }
        }
    }

    /// Returns a file with the bytes of a blob, which is fetched if it is not in the cache.
    pub(crate) fn file(&self, id: &BlobId) -> Result<PathBuf> {
        for _ in 0..ATTEMPTS {
            if let Some(path) = self.cache.file(id) {
                return Ok(path);
            }
            self.fetch(&[*id])?;
        }
        Err(crowded(id))
    }

    /// Returns the bytes of a blob after a check of its hash.
    pub(crate) fn read(&self, id: &BlobId) -> Result<Vec<u8>> {
        for _ in 0..ATTEMPTS {
            self.file(id)?;
            match self.cache.dir.read(id) {
                Err(e) if e.kind() == ErrorKind::Corrupted => self.cache.forget(id),
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                read => return read,
            }
        }
        Err(crowded(id))
    }

    /// Returns a part of the bytes of a blob: from the cache, or else that part alone.
    pub(crate) fn read_range(&self, id: &BlobId, range: Range<u64>) -> Result<Vec<u8>> {
        if let Some(path) = self.cache.file(id)
            && let Ok(bytes) = read_part(&path, range.clone())
        {
            return Ok(bytes);
        }
        let key = self.key(id);
        wait(async {
            let size = self.head(&key).await?.ok_or_else(|| missing(id))?.size;
            let range = range.start.min(size)..range.end.min(size);
            if range.is_empty() {
                return Ok(Vec::new());
            }
            let bytes = self.client.get_range(&key, range).await;
            bytes.map(Vec::from).map_err(|e| self.failed("cannot read a blob", &key, e))
        })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.cache.dir.root
    }

    /// Makes blobs stand as files at other paths.
    pub(crate) fn export(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        if let Some((id, path)) = blobs.iter().find(|(_, path)| fs::symlink_metadata(path).is_ok())
        {
            return Err(exists(id, path));
        }
        for batch in blobs.chunks(BATCH) {
            let absent = batch.iter().map(|(id, _)| *id).filter(|id| self.cache.file(id).is_none());
            self.fetch(&absent.collect::<Vec<_>>())?;
            batch.iter().try_for_each(|(id, path)| self.export_one(id, path, transfer))?;
        }
        Ok(())
    }

    fn export_one(&self, id: &BlobId, path: &Path, transfer: Transfer) -> Result<()> {
        // A link to a file that the cache may delete would not last.
        let transfer = if transfer == Transfer::Reference { Transfer::Copy } else { transfer };
        for _ in 0..ATTEMPTS {
            let file = self.file(id)?;
            match export_file(&file, id, path, transfer) {
                Ok(()) => return Ok(()),
                Err(e) if e.kind() == std::io::ErrorKind::InvalidData => self.cache.forget(id),
                Err(_) if !file.exists() => {}
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                    return Err(exists(id, path));
                }
                Err(e) => return Err(Error::io("cannot export a blob", path, e).with("blob", id)),
            }
        }
        Err(crowded(id))
    }

    /// Brings blobs into the cache, checked by their hashes.
    fn fetch(&self, ids: &[BlobId]) -> Result<()> {
        let temporary = self.cache.dir.temporary()?;
        let staged = wait(async {
            let downloads = ids.iter().map(|id| self.download(id, &temporary));
            stream::iter(downloads).buffer_unordered(PARALLEL).try_collect::<Vec<_>>().await
        })?;
        self.cache.reserve(staged.iter().map(|(info, _)| info.size).sum());
        self.cache.dir.settle_all(staged).map(drop)
    }

    async fn download(&self, id: &BlobId, temporary: &Path) -> Result<(BlobInfo, Staged)> {
        let mut file = new_file(temporary)
            .map_err(|e| Error::io("cannot write into the cache of blobs", temporary, e))?;
        let size = self.stream(id, |bytes| file.write_all(bytes)).await?;
        Ok((BlobInfo { id: *id, size }, Staged::File(file.into_temp_path())))
    }

    /// Reads a blob from the object store piece by piece, checks its hash at the end, and returns
    /// its size.
    pub(super) async fn stream(
        &self,
        id: &BlobId,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<u64> {
        let key = self.key(id);
        let failed = |e| match e {
            object_store::Error::NotFound { .. } => missing(id),
            e => self.failed("cannot read a blob", &key, e),
        };
        let found = match self.client.get(&key).await {
            // A collection that broke off may have left it aside.
            Err(e @ object_store::Error::NotFound { .. }) => match self.find_aside(id).await? {
                Some(aside) => self.client.get(&aside).await,
                None => Err(e),
            },
            found => found,
        };
        let mut pieces = found.map_err(failed)?.into_stream();
        let (mut hash, mut size) = (Sha256::new(), 0);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(failed)?;
            hash.update(&piece);
            size += piece.len() as u64;
            take(&piece).map_err(|e| Error::io("cannot write a blob", &self.cache.dir.root, e))?;
        }
        let found = BlobId::new(hash.finalize().into());
        if found != *id {
            return Err(self.damaged(id).with("found", found));
        }
        Ok(size)
    }

    /// Returns whether a blob is there with the right size; if so it counts as put in now.
    async fn is_present(&self, info: &BlobInfo, key: &Key) -> Result<bool> {
        let is_whole = |found: Option<ObjectMeta>| found.filter(|found| found.size == info.size);
        let Some(found) = is_whole(self.head(key).await?) else { return Ok(false) };
        if age(&found) < RENEW {
            return Ok(true);
        }
        let mark = self.mark(&info.id);
        let put = self.client.put(&mark, PutPayload::new()).await;
        put.map_err(|e| self.failed("cannot mark a blob as put in", &mark, e))?;
        // Once more: what was found may have been deleted before the mark was there.
        Ok(is_whole(self.head(key).await?).is_some())
    }
}

/// Returns a source whose bytes become the cache's own.
fn copied(source: &BlobSource) -> BlobSource {
    match source {
        BlobSource::Bytes(bytes) => BlobSource::Bytes(bytes.clone()),
        BlobSource::File(path, _) => BlobSource::File(path.clone(), Transfer::Copy),
    }
}

fn crowded(id: &BlobId) -> Error {
    let message = "a file left the cache of blobs before it could be used, again and again; make \
                   the cache larger";
    Error::new(ErrorKind::ResourceExhausted, message).with("blob", id).retryable(true)
}
