use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    AssetId, BlobId, Branch, BranchKind, ClassEdit, ClassId, ClassTable, Error, ErrorKind,
    FsckOptions, FsckReport, GarbageOptions, GarbageReport, Manifest, Matcher, Name, NewClass,
    Query, Record, Result, Selector, Version, VersionId,
};

/// One change of a set of records.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Puts a record in, in place of the one with the same asset id.
    Put(Record),
    /// Takes the record of an asset out; nothing happens if there is none.
    Remove(AssetId),
}

/// A stream of edits; a later one of the same asset wins. An error ends the commit without a trace.
pub struct Edits(Box<dyn Iterator<Item = Result<Edit>> + Send>);

impl Edits {
    /// Returns the edits that an iterator yields; it is read once, on a thread that may block.
    pub fn new(edits: impl Iterator<Item = Result<Edit>> + Send + 'static) -> Self {
        Self(Box::new(edits))
    }

    /// Returns edits that put these records in.
    pub fn put(records: Vec<Record>) -> Self {
        Self::new(records.into_iter().map(|record| Ok(Edit::Put(record))))
    }

    /// Returns no edits.
    pub fn none() -> Self {
        Self::new(std::iter::empty())
    }
}

impl From<Vec<Edit>> for Edits {
    fn from(edits: Vec<Edit>) -> Self {
        Self::new(edits.into_iter().map(Ok))
    }
}

impl Iterator for Edits {
    type Item = Result<Edit>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl fmt::Debug for Edits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Edits(..)")
    }
}

/// The records that the edits of a commit start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// None.
    Empty,
    /// Those of a version, of any branch.
    Version(VersionId),
    /// Those of the newest version of the branch at the moment the commit takes effect; none if it
    /// has no version yet.
    Tip,
}

/// What must be true of the branch at the moment the commit takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// It has no version.
    New,
    /// This is its newest version.
    Tip(VersionId),
}

/// A new version of a branch.
#[derive(Debug)]
pub struct CommitRequest {
    /// The branch; made by its first commit.
    pub branch: Branch,
    /// The records to start from.
    pub base: Base,
    /// The changes of them.
    pub edits: Edits,
    /// The condition on the branch.
    pub expect: Expect,
    /// What the version says about itself. `classes` and `summary` are filled in by the store.
    pub manifest: Manifest,
    /// The commit message, for people.
    pub message: String,
}

/// Which records to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageOptions {
    /// How many records to pass over.
    pub offset: u64,
    /// How many to return at most.
    pub limit: usize,
    /// Only assets with an annotation of this class, where given.
    pub class: Option<ClassId>,
}

impl Default for PageOptions {
    /// The first 100 records.
    fn default() -> Self {
        Self { offset: 0, limit: 100, class: None }
    }
}

/// A run of records, in the order of their asset ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// How many there are on all pages together.
    pub total: u64,
}

/// Which of the assets that a query is true of to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindOptions {
    /// Only those whose id is greater, to go on where an answer ended.
    pub after: Option<AssetId>,
    /// How many of these to pass over.
    pub offset: u64,
    /// How many to return at most.
    pub limit: usize,
}

impl Default for FindOptions {
    /// All of them.
    fn default() -> Self {
        Self { after: None, offset: 0, limit: usize::MAX }
    }
}

/// Which differences to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiffOptions {
    /// Only those of assets whose id is greater, to go on where a page ended.
    pub after: Option<AssetId>,
    /// How many to return at most.
    pub limit: usize,
}

impl Default for DiffOptions {
    /// All of them.
    fn default() -> Self {
        Self { after: None, limit: usize::MAX }
    }
}

/// One difference between two versions.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Only the second has the asset.
    Added(Record),
    /// Only the first has the asset.
    Removed(Record),
    /// Both have it, with different metadata or annotations.
    Changed {
        /// The record in the first.
        from: Record,
        /// The record in the second.
        to: Record,
    },
}

impl Change {
    /// Returns the asset concerned.
    pub fn id(&self) -> AssetId {
        match self {
            Self::Added(record) | Self::Removed(record) | Self::Changed { to: record, .. } => {
                record.asset.id
            }
        }
    }
}

/// How the bytes of a file come to stand at another path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// A copy of its own (a reflink where the file system has them).
    #[default]
    Copy,
    /// A hard link, or a copy across file systems. Whoever writes into the file in place changes
    /// both.
    HardLink,
    /// A symbolic link: the bytes stay where they are and nothing is copied. A blob put in like
    /// this can be read as long as its file is neither moved nor changed; one that was is an error
    /// that names it.
    Reference,
}

/// Where the bytes of a new blob come from.
#[derive(Debug, Clone)]
pub enum BlobSource {
    /// Memory.
    Bytes(Vec<u8>),
    /// A file, with how it is taken over.
    File(PathBuf, Transfer),
}

/// A blob in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobInfo {
    /// The SHA-256 of its bytes.
    pub id: BlobId,
    /// The number of its bytes.
    pub size: u64,
}

/// The versions, their records and the blobs of one workspace.
///
/// All methods may be called from any number of threads and processes at once. What a method
/// returned stays true: versions and blobs are immutable.
#[async_trait]
pub trait AssetStore: Send + Sync + fmt::Debug {
    /// Returns the names of all branches of a kind.
    ///
    /// # Behavior
    ///
    /// - The names are sorted; a kind without branches gives an empty list.
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
    /// # Errors
    ///
    /// - `NotFound` if there is none.
    async fn version(&self, id: &VersionId) -> Result<Version>;

    /// Returns the versions of a branch, newest first.
    ///
    /// # Errors
    ///
    /// - `NotFound` if the branch does not exist.
    async fn log(&self, branch: &Branch) -> Result<Vec<Version>>;

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

    /// Returns the records of assets by id, in the order asked; `None` for one the version lacks.
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
        let matcher = Matcher::new(query, &self.manifest(version).await?.classes)?;
        let (mut ids, mut skip, mut offset) = (Vec::new(), options.offset, 0);
        while ids.len() < options.limit {
            let records = records_from(self, version, offset).await?;
            if records.is_empty() {
                break;
            }
            offset += records.len() as u64;
            let follows = |record: &&Record| options.after.is_none_or(|a| record.asset.id > a);
            for record in records.iter().filter(follows).filter(|r| matcher.matches(*r)) {
                match skip {
                    0 if ids.len() == options.limit => break,
                    0 => ids.push(record.asset.id),
                    _ => skip -= 1,
                }
            }
        }
        Ok(ids)
    }

    /// Returns how many assets a query is true of.
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
        let (mut count, mut offset) = (0, 0);
        loop {
            let records = records_from(self, version, offset).await?;
            if records.is_empty() {
                return Ok(count);
            }
            offset += records.len() as u64;
            count += records.iter().filter(|record| matcher.matches(*record)).count() as u64;
        }
    }

    /// Returns what differs from one version to another, in the order of the asset ids.
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

    /// Puts blobs in and returns them in the order given.
    ///
    /// # Behavior
    ///
    /// - They are durable when it returns, made so together.
    /// - A blob that is there already is not written again, unless what is there is a reference:
    ///   then the last source stands for it.
    ///
    /// # Errors
    ///
    /// - `NotFound` if a source file is missing.
    async fn put_blobs(&self, sources: Vec<BlobSource>) -> Result<Vec<BlobInfo>>;

    /// Returns the bytes of a blob.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is none, or the file of a reference is gone; `Corrupted` if its bytes
    ///   do not have its hash.
    async fn read_blob(&self, id: &BlobId) -> Result<Vec<u8>>;

    /// Makes blobs stand as files at these paths, whose folders exist.
    ///
    /// # Errors
    ///
    /// - `NotFound` if a blob does not exist; `AlreadyExists` if a path does.
    async fn export_blobs(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()>;

    /// Returns the file of a blob, for reading only, where the store keeps it as one.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is none; `Unsupported` if this store has no files.
    async fn blob_file(&self, id: &BlobId) -> Result<PathBuf> {
        let message = "this asset store keeps no files; use `export_blobs`";
        Err(Error::new(ErrorKind::Unsupported, message).with("blob", id))
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
    /// - `Unsupported` if this store cannot check itself.
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
    /// - `Unsupported` if this store keeps what it has.
    async fn collect_garbage(&self, _options: GarbageOptions) -> Result<GarbageReport> {
        Err(Error::new(ErrorKind::Unsupported, "this asset store keeps all blobs"))
    }

    /// Returns where the store keeps its data, if in a directory.
    fn root(&self) -> Option<&Path> {
        None
    }
}

/// How many records the methods with a default body read at once.
const BATCH: usize = 1024;

async fn records_from(
    store: &(impl AssetStore + ?Sized),
    version: &VersionId,
    offset: u64,
) -> Result<Vec<Record>> {
    let options = PageOptions { offset, limit: BATCH, class: None };
    Ok(store.page(version, options).await?.records)
}
