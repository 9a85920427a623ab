//! The store of versions: the trait, and what its methods take and return.

mod edit;
mod read;
mod scan;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;

use crate::{
    AssetId, BlobId, BlobInfo, BlobSource, BlobStore, Branch, BranchKind, ClassEdit, ClassTable,
    Error, ErrorKind, FsckOptions, FsckReport, GarbageOptions, GarbageReport, Manifest, Matcher,
    Name, NewClass, Query, Record, Result, Selector, TaskId, TaskRecord, Transfer, Version,
    VersionId,
};

pub use edit::{Base, CommitRequest, Edit, EditSource, Edits, Expect};
pub use read::{Change, DiffOptions, FindOptions, LogOptions, Page, PageOptions};
pub use scan::{Columns, Records, Scan, ScanBatch, ScanOptions};

/// What an [`AssetStore`] can do beyond versions and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreCapabilities {
    /// Its scans tell chunks, whose ids stay the same as long as their records do.
    pub chunks: bool,
    /// It can check itself ([`AssetStore::fsck`]).
    pub fsck: bool,
    /// It can delete blobs that no version reaches ([`AssetStore::collect_garbage`]).
    pub garbage: bool,
    /// It keeps blobs as files on this machine ([`AssetStore::blob_file`]).
    pub blob_files: bool,
    /// Other processes can open the same store meanwhile.
    pub shared: bool,
}

/// The versions, their records and the blobs of one workspace.
///
/// All methods may be called from any number of threads at once, and from any number of processes
/// with [`StoreCapabilities::shared`]. What a method returned stays true: versions and blobs are
/// immutable. Dropping the future of a method stops its work or lets it come to its end; it never
/// leaves a part of it.
///
/// Beside the errors that a method names, each may return `Corrupted` for what is not as it was
/// written, and those of the disk or the network, which say whether a retry can help.
#[async_trait]
pub trait AssetStore: Send + Sync + fmt::Debug {
    /// Returns what this store can do.
    ///
    /// # Behavior
    ///
    /// - It is the same for as long as the store is open, and costs nothing.
    /// - What it denies is `Unsupported`; what it grants is not.
    fn capabilities(&self) -> StoreCapabilities;

    /// Returns the store of the blobs.
    ///
    /// # Behavior
    ///
    /// - What is put in there is what [`AssetStore::read_blob`] and the other methods of blobs see,
    ///   and the other way round.
    fn blobs(&self) -> &dyn BlobStore;

    /// Returns the names of all branches of a kind.
    ///
    /// # Behavior
    ///
    /// - The names are sorted; a kind without branches gives an empty list.
    ///
    /// # Errors
    ///
    /// - None of its own.
    async fn branches(&self, kind: BranchKind) -> Result<Vec<Name>>;

    /// Returns the version of a branch that is meant.
    ///
    /// # Behavior
    ///
    /// - `Latest` is the newest, `Number(n)` the n-th, counted from 1, `Id` the one on this branch
    ///   whose id starts with the digits.
    ///
    /// # Errors
    ///
    /// - `NotFound` if the branch or the version does not exist; the message names what does.
    /// - `InvalidInput` if the digits of an `Id` fit several versions.
    async fn resolve(&self, branch: &Branch, selector: &Selector) -> Result<Version>;

    /// Returns a version by its id, from whatever branch.
    ///
    /// # Behavior
    ///
    /// - It is what [`AssetStore::resolve`] returns for the id.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is none.
    async fn version(&self, id: &VersionId) -> Result<Version>;

    /// Returns versions of a branch, newest first.
    ///
    /// # Behavior
    ///
    /// - The numbers fall by one from each to the next.
    /// - A page costs the same on a branch of ten versions as on one of ten thousand.
    ///
    /// # Errors
    ///
    /// - `NotFound` if the branch does not exist.
    async fn log(&self, branch: &Branch, options: LogOptions) -> Result<Vec<Version>>;

    /// Returns the newest version of a branch that the work with this fingerprint made
    /// ([`TaskRecord::fingerprint`](crate::TaskRecord::fingerprint)).
    ///
    /// # Behavior
    ///
    /// - `None` if there is none, also where the branch does not exist.
    /// - `None` for an empty fingerprint, which is that of work that reads something outside the
    ///   workspace.
    async fn find_by_fingerprint(
        &self,
        branch: &Branch,
        fingerprint: &str,
    ) -> Result<Option<Version>> {
        match fingerprint {
            "" => Ok(None),
            _ => find_made(self, branch, &|record| record.fingerprint == fingerprint).await,
        }
    }

    /// Returns the newest version of a branch that a task made.
    ///
    /// # Behavior
    ///
    /// - `None` if there is none, also where the branch does not exist. So a task that was broken
    ///   off between its commit and its own record of it learns that it has committed.
    async fn find_by_task(&self, branch: &Branch, task: &TaskId) -> Result<Option<Version>> {
        find_made(self, branch, &|record| record.task.as_ref() == Some(task)).await
    }

    /// Returns what a version says about itself.
    ///
    /// # Behavior
    ///
    /// - `summary` is that of its records. `classes` are those of the table at the commit, with the
    ///   names that they have now.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such version; `Corrupted` if it cannot be read.
    async fn manifest(&self, version: &VersionId) -> Result<Manifest>;

    /// Commits a new version.
    ///
    /// # Behavior
    ///
    /// - The records are those of the base with the edits applied; equal records give a version
    ///   with equal `content`, however they came about.
    /// - It is atomic and durable: when it returns, a crash of the machine does not lose it; when
    ///   it fails, nothing has changed.
    /// - With `Base::Tip` and `Expect::Any` no commit of another writer is lost: each is applied on
    ///   top of the one before.
    ///
    /// # Errors
    ///
    /// - `Conflict` if the expected tip is not the tip; `AlreadyExists` if the branch was expected
    ///   to be new.
    /// - `NotFound` if the base does not exist.
    /// - `InvalidInput` for an annotation whose class id is not in the table, whose box is not
    ///   finite, or whose box has a negative size.
    /// - The error that the edits yielded.
    async fn commit(&self, request: CommitRequest) -> Result<Version>;

    /// Returns the records of assets by id.
    ///
    /// # Behavior
    ///
    /// - They are in the order asked, also where an id is asked for twice; `None` stands for one
    ///   that the version lacks.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such version.
    async fn get(&self, version: &VersionId, ids: &[AssetId]) -> Result<Vec<Option<Record>>>;

    /// Returns a run of records, in the order of their asset ids.
    ///
    /// # Behavior
    ///
    /// - An offset at or past the end gives no records and the right total.
    /// - With a class, only assets that have it count and are returned.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such version.
    async fn page(&self, version: &VersionId, options: PageOptions) -> Result<Page>;

    /// Reads the records of a version from first to last, as they are asked for.
    ///
    /// # Behavior
    ///
    /// - The records are in the order of their ids, each once: those that the query is true of,
    ///   behind `after`, with the columns that are asked for and nothing else.
    /// - What is in memory does not grow with the version: a batch is no more than a chunk.
    /// - With [`StoreCapabilities::chunks`], each batch tells its chunk. Chunks with equal ids have
    ///   equal records, in all versions of the store; versions that differ in few records share
    ///   all but few chunks. A chunk may be told with no records, where the query is true of none.
    /// - A chunk of `known` is told and not read.
    /// - It can be dropped at any time.
    ///
    /// # Errors
    ///
    /// The first item is the error of
    ///
    /// - `NotFound` if there is no such version, or no such class in its table;
    /// - `InvalidInput` if the query contradicts itself ([`Matcher::new`]).
    fn scan<'a>(&'a self, version: &VersionId, options: ScanOptions) -> Scan<'a>;

    /// Returns the ids of the assets that a query is true of, in their order.
    ///
    /// # Behavior
    ///
    /// - Classes are those of the version's class table.
    /// - It ends as soon as it has found as many as are wanted.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such version, or no such class.
    /// - `InvalidInput` if the query contradicts itself ([`Matcher::new`]).
    async fn find(
        &self,
        version: &VersionId,
        query: &Query,
        options: FindOptions,
    ) -> Result<Vec<AssetId>> {
        let FindOptions { after, offset: mut skip, limit } = options;
        let (query, columns) = (query.clone(), Columns::ASSETS);
        let scan = ScanOptions { query, after, columns, ..ScanOptions::default() };
        let (mut scan, mut ids) = (self.scan(version, scan), Vec::new());
        // A limit of none still tells what is wrong with the query.
        while let Some(batch) = scan.next().await {
            for record in batch?.records {
                match skip {
                    0 if ids.len() == limit => return Ok(ids),
                    0 => ids.push(record.asset.id),
                    _ => skip -= 1,
                }
            }
        }
        Ok(ids)
    }

    /// Returns how many assets a query is true of.
    ///
    /// # Behavior
    ///
    /// - It is the number of ids that [`AssetStore::find`] returns without a limit.
    ///
    /// # Errors
    ///
    /// - As [`AssetStore::find`].
    async fn count(&self, version: &VersionId, query: &Query) -> Result<u64> {
        let manifest = self.manifest(version).await?;
        let matcher = Matcher::new(query, &manifest.classes)?;
        if let Some(count) = matcher.count_in(&manifest.summary) {
            return Ok(count);
        }
        let (query, columns) = (query.clone(), Columns::ASSETS);
        let mut scan = self.scan(version, ScanOptions { query, columns, ..ScanOptions::default() });
        let mut count = 0;
        while let Some(batch) = scan.next().await {
            count += batch?.records.len() as u64;
        }
        Ok(count)
    }

    /// Returns what differs from one version to another.
    ///
    /// # Behavior
    ///
    /// - The changes are in the order of the asset ids, one per asset at most.
    /// - A record that was put in as it was is no difference.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such version.
    async fn diff(
        &self,
        from: &VersionId,
        to: &VersionId,
        options: DiffOptions,
    ) -> Result<Vec<Change>>;

    /// Returns the class table of the workspace.
    ///
    /// # Behavior
    ///
    /// - It is empty until the first class is added.
    ///
    /// # Errors
    ///
    /// - None of its own.
    async fn classes(&self) -> Result<ClassTable>;

    /// Changes the class table of the workspace and returns it. The edits are made in their order,
    /// all or none.
    ///
    /// # Behavior
    ///
    /// - Ids count up from 0 and are never used again. No class and no name goes.
    /// - Two writers at once both succeed, and a class that both add has one id.
    /// - Versions of before show a renamed class under its new name.
    ///
    /// # Errors
    ///
    /// - As [`ClassTable::apply`].
    async fn edit_classes(&self, edits: &[ClassEdit]) -> Result<ClassTable>;

    /// Adds classes to the class table, as [`AssetStore::edit_classes`].
    ///
    /// # Errors
    ///
    /// - As [`ClassTable::add`].
    async fn add_classes(&self, classes: &[NewClass]) -> Result<ClassTable> {
        let edits: Vec<_> = classes.iter().cloned().map(ClassEdit::Add).collect();
        self.edit_classes(&edits).await
    }

    /// Returns the versions that were fetched from another workspace into this store, for reading
    /// only. They have a class table of their own; copying one maps its classes by name.
    ///
    /// # Errors
    ///
    /// - `NotFound` if nothing was fetched under this name; `Unsupported` if nothing can be fetched
    ///   into this store.
    async fn fetched(&self, remote: &str) -> Result<Arc<dyn AssetStore>> {
        let message = "versions cannot be fetched into this asset store; copy them from the workspace that has them";
        Err(Error::new(ErrorKind::Unsupported, message).with("remote", remote))
    }

    /// Puts blobs in, as [`BlobStore::put`].
    ///
    /// # Errors
    ///
    /// As [`BlobStore::put`].
    async fn put_blobs(&self, sources: Vec<BlobSource>) -> Result<Vec<BlobInfo>> {
        self.blobs().put(sources).await
    }

    /// Returns the bytes of a blob, as [`BlobStore::read`].
    ///
    /// # Errors
    ///
    /// As [`BlobStore::read`].
    async fn read_blob(&self, id: &BlobId) -> Result<Vec<u8>> {
        self.blobs().read(id).await
    }

    /// Makes blobs stand as files, as [`BlobStore::export`].
    ///
    /// # Errors
    ///
    /// As [`BlobStore::export`].
    async fn export_blobs(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        self.blobs().export(blobs, transfer).await
    }

    /// Returns the file of a blob, as [`BlobStore::file`].
    ///
    /// # Errors
    ///
    /// As [`BlobStore::file`].
    async fn blob_file(&self, id: &BlobId) -> Result<PathBuf> {
        self.blobs().file(id).await
    }

    /// Checks everything that versions are made of: that it is there, whole, and what it says it is.
    ///
    /// # Behavior
    ///
    /// - Damage is no error but in the report, with what is damaged and the version that needs it.
    /// - Nothing is changed; others may read and write meanwhile.
    ///
    /// # Errors
    ///
    /// - `Unsupported` without [`StoreCapabilities::fsck`].
    async fn fsck(&self, _options: FsckOptions) -> Result<FsckReport> {
        Err(Error::new(ErrorKind::Unsupported, "this asset store cannot check itself"))
    }

    /// Deletes the blobs that no version reaches.
    ///
    /// # Behavior
    ///
    /// - A blob that was put in, or put in again, within the time of grace is kept. So it is safe
    ///   beside writers that commit what they put in within that time.
    ///
    /// # Errors
    ///
    /// - `Corrupted` if a version cannot be read: nothing is deleted then.
    /// - `Unsupported` without [`StoreCapabilities::garbage`].
    async fn collect_garbage(&self, _options: GarbageOptions) -> Result<GarbageReport> {
        Err(Error::new(ErrorKind::Unsupported, "this asset store keeps all blobs"))
    }

    /// Returns where the store keeps its data, if in a directory.
    ///
    /// # Behavior
    ///
    /// - `None` says nothing about where that is.
    fn root(&self) -> Option<&Path> {
        None
    }
}

/// Looks for a version by its lineage, newest first.
async fn find_made(
    store: &(impl AssetStore + ?Sized),
    branch: &Branch,
    is_wanted: &(dyn Fn(&TaskRecord) -> bool + Sync),
) -> Result<Option<Version>> {
    let mut options = LogOptions { before: None, limit: 100 };
    loop {
        let versions = match store.log(branch, options).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            versions => versions?,
        };
        for version in &versions {
            if is_wanted(&store.manifest(&version.id).await?.task) {
                return Ok(Some(version.clone()));
            }
        }
        match versions.last() {
            Some(oldest) if oldest.number > 1 => options.before = Some(oldest.number),
            _ => return Ok(None),
        }
    }
}
