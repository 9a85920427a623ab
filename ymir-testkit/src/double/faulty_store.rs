use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use ymir_core::{
    AssetId, AssetStore, BlobId, BlobInfo, BlobSource, BlobStore, Branch, BranchKind, Change,
    ClassEdit, ClassTable, CommitRequest, DiffOptions, Error, ErrorKind, FindOptions, FsckOptions,
    FsckReport, GarbageOptions, GarbageReport, LogOptions, Manifest, Name, Page, PageOptions,
    Query, Record, Result, Scan, ScanOptions, Selector, StoreCapabilities, TaskId, Transfer,
    Version, VersionId,
};

/// A method of [`AssetStore`] that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreMethod {
    /// [`AssetStore::branches`]
    Branches,
    /// [`AssetStore::resolve`]
    Resolve,
    /// [`AssetStore::version`]
    Version,
    /// [`AssetStore::log`]
    Log,
    /// [`AssetStore::find_by_fingerprint`]
    FindByFingerprint,
    /// [`AssetStore::find_by_task`]
    FindByTask,
    /// [`AssetStore::manifest`]
    Manifest,
    /// [`AssetStore::commit`]
    Commit,
    /// [`AssetStore::get`]
    Get,
    /// [`AssetStore::page`]
    Page,
    /// [`AssetStore::scan`]: its first item
    Scan,
    /// [`AssetStore::find`]
    Find,
    /// [`AssetStore::count`]
    Count,
    /// [`AssetStore::diff`]
    Diff,
    /// [`AssetStore::classes`]
    Classes,
    /// [`AssetStore::edit_classes`]
    EditClasses,
    /// [`AssetStore::put_blobs`]
    PutBlobs,
    /// [`AssetStore::read_blob`]
    ReadBlob,
    /// [`AssetStore::export_blobs`]
    ExportBlobs,
    /// [`AssetStore::blob_file`]
    BlobFile,
}

/// Whether the store beneath still did the work of a call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It did nothing.
    Before,
    /// It did it, and the caller does not learn of it: as if the reply were lost.
    After,
}

/// One failure to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The method that fails.
    pub method: StoreMethod,
    /// Which of its calls, counted from 1 since the wrapper was made.
    pub call: u64,
    /// How it fails.
    pub kind: ErrorKind,
    /// Whether the work is done nonetheless.
    pub when: When,
}

/// An asset store that fails at calls that a test names, and else passes them on. Its
/// [`AssetStore::blobs`] are those beneath, without faults; those of the methods have them.
#[derive(Debug)]
pub struct FaultyAssetStore {
    inner: Arc<dyn AssetStore>,
    faults: Vec<Fault>,
    calls: Mutex<HashMap<StoreMethod, u64>>,
}

impl FaultyAssetStore {
    /// Returns a wrapper with these faults.
    pub fn new(inner: Arc<dyn AssetStore>, faults: Vec<Fault>) -> Self {
        Self { inner, faults, calls: Mutex::default() }
    }

    /// Returns how often a method has been called.
    pub fn calls(&self, method: StoreMethod) -> u64 {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.get(&method).copied().unwrap_or(0)
    }

    /// Counts a call; fails now, or returns the error that is due when the work is done.
    fn enter(&self, method: StoreMethod) -> Result<Result<()>> {
        let call = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let call = calls.entry(method).or_default();
            *call += 1;
            *call
        };
        match self.faults.iter().find(|fault| fault.method == method && fault.call == call) {
            Some(fault) if fault.when == When::Before => Err(injected(fault)),
            Some(fault) => Ok(Err(injected(fault))),
            None => Ok(Ok(())),
        }
    }
}

fn injected(fault: &Fault) -> Error {
    Error::new(fault.kind, "a test injected this failure of the asset store")
        .with("method", format!("{:?}", fault.method))
        .with("call", fault.call)
}

/// Runs one call between the two moments at which it can fail.
macro_rules! pass {
    ($self:ident, $name:ident, $call:expr) => {{
        let due = $self.enter(StoreMethod::$name)?;
        let value = $call.await?;
        due.map(|()| value)
    }};
}

#[async_trait]
impl AssetStore for FaultyAssetStore {
    fn capabilities(&self) -> StoreCapabilities {
        self.inner.capabilities()
    }

    fn blobs(&self) -> &dyn BlobStore {
        self.inner.blobs()
    }

    fn scan<'a>(&'a self, version: &VersionId, options: ScanOptions) -> Scan<'a> {
        match self.enter(StoreMethod::Scan) {
            Ok(Ok(())) => self.inner.scan(version, options),
            Ok(Err(error)) | Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn fsck(&self, options: FsckOptions) -> Result<FsckReport> {
        self.inner.fsck(options).await
    }

    async fn collect_garbage(&self, options: GarbageOptions) -> Result<GarbageReport> {
        self.inner.collect_garbage(options).await
    }

    async fn branches(&self, kind: BranchKind) -> Result<Vec<Name>> {
        pass!(self, Branches, self.inner.branches(kind))
    }

    async fn resolve(&self, branch: &Branch, selector: &Selector) -> Result<Version> {
        pass!(self, Resolve, self.inner.resolve(branch, selector))
    }

    async fn version(&self, id: &VersionId) -> Result<Version> {
        pass!(self, Version, self.inner.version(id))
    }

    async fn log(&self, branch: &Branch, options: LogOptions) -> Result<Vec<Version>> {
        pass!(self, Log, self.inner.log(branch, options))
    }

    async fn find_by_fingerprint(
        &self,
        branch: &Branch,
        fingerprint: &str,
    ) -> Result<Option<Version>> {
        pass!(self, FindByFingerprint, self.inner.find_by_fingerprint(branch, fingerprint))
    }

    async fn find_by_task(&self, branch: &Branch, task: &TaskId) -> Result<Option<Version>> {
        pass!(self, FindByTask, self.inner.find_by_task(branch, task))
    }

    async fn manifest(&self, version: &VersionId) -> Result<Manifest> {
        pass!(self, Manifest, self.inner.manifest(version))
    }

    async fn commit(&self, request: CommitRequest) -> Result<Version> {
        pass!(self, Commit, self.inner.commit(request))
    }

    async fn get(&self, version: &VersionId, ids: &[AssetId]) -> Result<Vec<Option<Record>>> {
        pass!(self, Get, self.inner.get(version, ids))
    }

    async fn page(&self, version: &VersionId, options: PageOptions) -> Result<Page> {
        pass!(self, Page, self.inner.page(version, options))
    }

    async fn find(
        &self,
        version: &VersionId,
        query: &Query,
        options: FindOptions,
    ) -> Result<Vec<AssetId>> {
        pass!(self, Find, self.inner.find(version, query, options))
    }

    async fn count(&self, version: &VersionId, query: &Query) -> Result<u64> {
        pass!(self, Count, self.inner.count(version, query))
    }

    async fn diff(
        &self,
        from: &VersionId,
        to: &VersionId,
        options: DiffOptions,
    ) -> Result<Vec<Change>> {
        pass!(self, Diff, self.inner.diff(from, to, options))
    }

    async fn classes(&self) -> Result<ClassTable> {
        pass!(self, Classes, self.inner.classes())
    }

    async fn edit_classes(&self, edits: &[ClassEdit]) -> Result<ClassTable> {
        pass!(self, EditClasses, self.inner.edit_classes(edits))
    }

    async fn put_blobs(&self, sources: Vec<BlobSource>) -> Result<Vec<BlobInfo>> {
        pass!(self, PutBlobs, self.inner.put_blobs(sources))
    }

    async fn read_blob(&self, id: &BlobId) -> Result<Vec<u8>> {
        pass!(self, ReadBlob, self.inner.read_blob(id))
    }

    async fn export_blobs(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        pass!(self, ExportBlobs, self.inner.export_blobs(blobs, transfer))
    }

    async fn blob_file(&self, id: &BlobId) -> Result<PathBuf> {
        pass!(self, BlobFile, self.inner.blob_file(id))
    }

    fn root(&self) -> Option<&Path> {
        self.inner.root()
    }
}
