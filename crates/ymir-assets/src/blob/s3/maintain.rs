use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use ymir_core::{BlobId, Error, GarbageOptions, GarbageReport, Result};

use super::super::dir::missing;
use super::client::{S3Blobs, age, wait};
use super::transfer::PARALLEL;

/// What the object store has.
#[derive(Default)]
struct Listing {
    blobs: HashMap<BlobId, ObjectMeta>,
    marks: HashMap<BlobId, ObjectMeta>,
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
            let found = self.list().await?.blobs;
            let check = |(id, size): &(BlobId, u64)| {
                let (id, size, found) = (*id, *size, found.get(id).map(|meta| meta.size));
                async move { self.check_one(&id, size, found, hashes).await.err().map(|e| (id, e)) }
            };
            let checks = stream::iter(blobs.iter().map(check)).buffered(PARALLEL);
            Ok(checks.filter_map(|problem| async { problem }).collect().await)
        })
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
            let listing = self.list().await?;
            let in_use = listing.blobs.keys().filter(|id| used.contains_key(id)).count() as u64;
            let mut report = GarbageReport { in_use, ..GarbageReport::default() };
            for (id, blob) in listing.blobs.iter().filter(|(id, _)| !used.contains_key(id)) {
                let is_young = |meta: &ObjectMeta| age(meta) < options.grace;
                // A last look at the mark: the blob may have been put in again meanwhile.
                if is_young(blob) || self.head(&self.mark(id)).await?.as_ref().is_some_and(is_young)
                {
                    report.kept_young += 1;
                    continue;
                }
                report.blobs += 1;
                report.bytes += blob.size;
                if !options.dry_run {
                    self.delete(&blob.location).await?;
                    self.cache.forget(id);
                }
            }
            let old = listing.marks.values().filter(|mark| age(mark) >= options.grace);
            if !options.dry_run {
                let deletions = old.map(|mark| self.delete(&mark.location));
                stream::iter(deletions).buffer_unordered(PARALLEL).try_collect::<()>().await?;
            }
            Ok(report)
        })
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        match self.client.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.failed("cannot delete a blob", key, e)),
        }
    }

    async fn list(&self) -> Result<Listing> {
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
