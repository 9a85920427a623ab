use std::cell::Cell;
use std::collections::HashMap;
use std::future::ready;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use ymir_core::{BlobId, BlobInfo, Error, GarbageOptions, GarbageReport, Result};

use super::super::dir::missing;
use super::client::{S3Blobs, age, wait};
use super::transfer::PARALLEL;

/// The largest object that S3 copies in one request; greater ones are never deleted, since they could
/// not be put back.
const LARGEST_COPY: u64 = 5 << 30;
/// A blob that is aside for this long was left there by a collection that broke off.
const BROKEN_OFF: Duration = Duration::from_secs(3600);

/// What the object store has.
#[derive(Default)]
struct Listing {
    blobs: HashMap<BlobId, ObjectMeta>,
    marks: HashMap<BlobId, ObjectMeta>,
    aside: Vec<(BlobId, ObjectMeta)>,
}

impl S3Blobs {
    /// Checks that blobs are there with their sizes, and their hashes if that is asked for; returns
    /// those that are not.
    pub(crate) fn check(
        &self,
        blobs: &[(BlobId, u64)],
        hashes: bool,
    ) -> Result<Vec<(BlobId, Error)>> {
        wait(async {
            let found = self.listing().await?.blobs;
            let check = |(id, size): &(BlobId, u64)| {
                let (id, size, found) = (*id, *size, found.get(id).map(|meta| meta.size));
                async move { self.check_one(&id, size, found, hashes).await.err().map(|e| (id, e)) }
            };
            let checks = stream::iter(blobs.iter().map(check)).buffered(PARALLEL);
            Ok(checks.filter_map(|problem| async { problem }).collect().await)
        })
    }

    /// Returns the sizes of blobs, none for one that is not there.
    pub(crate) fn sizes(&self, ids: &[BlobId]) -> Result<Vec<Option<u64>>> {
        let size = |id: &BlobId| {
            let key = self.key(id);
            async move { Ok(self.head(&key).await?.map(|meta| meta.size)) }
        };
        wait(stream::iter(ids.iter().map(size)).buffered(PARALLEL).try_collect())
    }

    /// Returns the blobs behind an id, in the order of their ids.
    pub(crate) fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobInfo>> {
        let listing = wait(self.listing())?;
        let blobs = listing.blobs.into_iter().map(|(id, meta)| BlobInfo { id, size: meta.size });
        let mut blobs: Vec<_> =
            blobs.filter(|blob| after.is_none_or(|after| blob.id > after)).collect();
        blobs.sort_unstable_by_key(|blob| blob.id);
        blobs.truncate(limit);
        Ok(blobs)
    }

    async fn check_one(
        &self,
        id: &BlobId,
        size: u64,
        found: Option<u64>,
        hashes: bool,
    ) -> Result<()> {
        let found = found.ok_or_else(|| missing(id))?;
        if found != size {
            return Err(self.damaged(id).with("size", size).with("found", found));
        }
        if hashes {
            self.stream(id, |_| Ok(())).await?;
        }
        Ok(())
    }

    /// Deletes the blobs that are not among those in use and not young.
    pub(crate) fn sweep(
        &self,
        used: &HashMap<BlobId, u64>,
        options: GarbageOptions,
    ) -> Result<GarbageReport> {
        wait(async {
            let listing = self.listing().await?;
            let in_use = listing.blobs.keys().filter(|id| used.contains_key(id)).count() as u64;
            let mut report = GarbageReport { in_use, ..GarbageReport::default() };
            if !options.dry_run {
                self.put_back(&listing, used, options.grace).await?;
            }
            let unused = listing.blobs.iter().filter(|(id, _)| !used.contains_key(id));
            self.sweep_unused(unused, options, &mut report).await?;
            let old = listing.marks.values().filter(|mark| age(mark) >= options.grace);
            if !options.dry_run {
                let deletions = old.map(|mark| self.delete_mark(mark, options.grace));
                stream::iter(deletions).buffer_unordered(PARALLEL).try_collect::<()>().await?;
            }
            Ok(report)
        })
    }

    /// Deletes those of the blobs that are not young, many at a time. After a failure no further
    /// deletion begins, and those that had begun are brought to their end.
    async fn sweep_unused(
        &self,
        unused: impl Iterator<Item = (&BlobId, &ObjectMeta)>,
        options: GarbageOptions,
        report: &mut GarbageReport,
    ) -> Result<()> {
        let failed = Cell::new(false);
        let mut fates = stream::iter(unused)
            .take_while(|_| ready(!failed.get()))
            .map(|(id, blob)| self.sweep_one(id, blob, options))
            .buffer_unordered(PARALLEL);
        let mut swept = Ok(());
        while let Some(fate) = fates.next().await {
            match fate {
                Ok(Some(bytes)) => {
                    report.blobs += 1;
                    report.bytes += bytes;
                }
                Ok(None) => report.kept_young += 1,
                Err(error) => {
                    failed.set(true);
                    swept = swept.and(Err(error));
                }
            }
        }
        swept
    }

    /// Deletes a blob that is not in use, unless it is young; returns how many bytes it had.
    async fn sweep_one(
        &self,
        id: &BlobId,
        blob: &ObjectMeta,
        options: GarbageOptions,
    ) -> Result<Option<u64>> {
        let grace = options.grace;
        let goes = age(blob) >= grace
            && !self.is_renewed(id, grace).await?
            && (options.dry_run || self.remove(id, blob, grace).await?);
        Ok(goes.then_some(blob.size))
    }

    /// Returns whether a blob was put in again within this time.
    async fn is_renewed(&self, id: &BlobId, within: Duration) -> Result<bool> {
        Ok(self.head(&self.mark(id)).await?.is_some_and(|mark| age(&mark) < within))
    }

    /// Deletes a blob, unless it is put in again meanwhile; returns whether it did.
    ///
    /// Who puts it in again marks it, then looks whether it is there. So the mark is there after
    /// the deletion if the blob was found before it, and then it is put back.
    async fn remove(&self, id: &BlobId, blob: &ObjectMeta, grace: Duration) -> Result<bool> {
        if blob.size > LARGEST_COPY {
            return Ok(false);
        }
        // Of this deletion alone: another collection may delete the same blob.
        let unique = format!("{:016x}", RandomState::new().build_hasher().finish());
        let aside = self.aside(id).join(unique);
        if !self.copy(&blob.location, &aside).await? {
            return Ok(false);
        }
        self.delete(&blob.location).await?;
        let renewed = self.is_renewed(id, grace).await?;
        if renewed {
            self.copy(&aside, &blob.location).await?;
        }
        self.delete(&aside).await?;
        if !renewed {
            self.cache.forget(id);
        }
        Ok(!renewed)
    }

    /// Ends what collections that broke off had begun.
    async fn put_back(
        &self,
        listing: &Listing,
        used: &HashMap<BlobId, u64>,
        grace: Duration,
    ) -> Result<()> {
        for (id, aside) in listing.aside.iter().filter(|(_, aside)| age(aside) >= BROKEN_OFF) {
            let renewed = || listing.marks.get(id).is_some_and(|mark| age(mark) < grace);
            if !listing.blobs.contains_key(id) && (used.contains_key(id) || renewed()) {
                self.copy(&aside.location, &self.key(id)).await?;
            }
            self.delete(&aside.location).await?;
        }
        Ok(())
    }

    /// Deletes the mark of a blob, unless it was marked again since it was listed.
    async fn delete_mark(&self, mark: &ObjectMeta, grace: Duration) -> Result<()> {
        match self.head(&mark.location).await? {
            Some(now) if age(&now) >= grace => self.delete(&mark.location).await,
            _ => Ok(()),
        }
    }

    /// Returns what the keys begin with of a blob that is being deleted.
    fn aside(&self, id: &BlobId) -> Key {
        self.prefix.clone().join("aside").join(id.to_string())
    }

    /// Returns the key of a blob that is aside, if it is.
    pub(super) async fn find_aside(&self, id: &BlobId) -> Result<Option<Key>> {
        let aside = self.aside(id);
        let mut found = self.client.list(Some(&aside));
        let first = found.try_next().await;
        let first = first.map_err(|e| self.failed("cannot list the blobs", &aside, e))?;
        Ok(first.map(|meta| meta.location))
    }

    /// Copies an object; returns whether there is one.
    async fn copy(&self, from: &Key, to: &Key) -> Result<bool> {
        match self.client.copy(from, to).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(e) => Err(self.failed("cannot copy a blob", from, e)),
        }
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        match self.client.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.failed("cannot delete a blob", key, e)),
        }
    }

    async fn listing(&self) -> Result<Listing> {
        let failed = |e| self.failed("cannot list the blobs", &self.prefix, e);
        let mut listing = Listing::default();
        let mut objects = self.client.list(Some(&self.prefix));
        while let Some(meta) = objects.try_next().await.map_err(failed)? {
            let Some(parts) = meta.location.prefix_match(&self.prefix) else { continue };
            let parts: Vec<_> = parts.map(|part| part.as_ref().to_owned()).collect();
            // What is named otherwise is not ours.
            match &parts[..] {
                [folder, id] if folder == "renewed" => {
                    if let Ok(id) = id.parse() {
                        listing.marks.insert(id, meta);
                    }
                }
                [folder, id, _] if folder == "aside" => {
                    if let Ok(id) = id.parse() {
                        listing.aside.push((id, meta));
                    }
                }
                [folder, rest] => {
                    if let Ok(id) = format!("{folder}{rest}").parse() {
                        listing.blobs.insert(id, meta);
                    }
                }
                _ => {}
            }
        }
        Ok(listing)
    }

    /// Returns the error for an object that has other bytes than its blob.
    pub(super) fn damaged(&self, id: &BlobId) -> Error {
        let message = "an object has other bytes than the blob that was stored; delete it and put \
                       the original in again";
        Error::corrupted(message).with("key", self.key(id)).with("blob", id)
    }
}
