use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use ymir_core::{
    AssetId, AssetStore, BlobStore, Branch, BranchKind, Change, ClassEdit, ClassTable,
    CommitRequest, DiffOptions, Edit, EditSource, Edits, GarbageOptions, GarbageReport, LogOptions,
    Manifest, Name, Page, PageOptions, Record, Result, Scan, ScanOptions, Selector,
    StoreCapabilities, Version, VersionId,
};

use super::memory_blobs::{MemoryBlobStore, blocking, lock};
use super::memory_state::{State, read_edits};

/// An asset store in memory, for tests.
///
/// It does all that [`AssetStore`] documents, and refuses what a store on disk may let pass: the
/// ids of another store's versions, scores outside 0 to 1, angles and qualities that are not
/// finite, and digits of an id that are too few or not lower case. Its ids have 32 bytes, so that
/// nobody counts on those of git.
///
/// ```
/// use ymir_core::{AssetStore, BranchKind};
/// use ymir_testkit::double::MemoryAssetStore;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryAssetStore::new();
/// assert!(store.branches(BranchKind::Dataset).await?.is_empty());
/// # Ok::<(), ymir_core::Error>(())
/// # }).unwrap();
/// ```
pub struct MemoryAssetStore {
    nonce: u64,
    state: Mutex<State>,
    blobs: MemoryBlobStore,
}

impl MemoryAssetStore {
    /// Returns an empty store; the ids of its versions differ from those of every other.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            nonce: NEXT.fetch_add(1, Ordering::Relaxed),
            state: Mutex::default(),
            blobs: MemoryBlobStore::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Default for MemoryAssetStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryAssetStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryAssetStore({})", self.nonce)
    }
}

#[async_trait]
impl AssetStore for MemoryAssetStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities { chunks: true, garbage: true, blob_files: true, ..Default::default() }
    }

    fn blobs(&self) -> &dyn BlobStore {
        &self.blobs
    }

    async fn branches(&self, kind: BranchKind) -> Result<Vec<Name>> {
        Ok(self.state().names(kind))
    }

    async fn resolve(&self, branch: &Branch, selector: &Selector) -> Result<Version> {
        self.state().resolve(branch, selector)
    }

    async fn version(&self, id: &VersionId) -> Result<Version> {
        self.state().version(id)
    }

    async fn log(&self, branch: &Branch, options: LogOptions) -> Result<Vec<Version>> {
        self.state().log(branch, options)
    }

    async fn manifest(&self, version: &VersionId) -> Result<Manifest> {
        self.state().manifest(version)
    }

    async fn commit(&self, mut request: CommitRequest) -> Result<Version> {
        let edits = std::mem::replace(&mut request.edits, Edits::none());
        let changes = match EditSource::from(edits) {
            EditSource::Iterator(edits) => blocking(move || read_edits(edits)).await?,
            EditSource::Stream(batches) => {
                let batches: Vec<Vec<Edit>> = batches.try_collect().await?;
                read_edits(batches.into_iter().flatten().map(Ok))?
            }
        };
        self.state().commit(request, changes, self.nonce)
    }

    async fn get(&self, version: &VersionId, ids: &[AssetId]) -> Result<Vec<Option<Record>>> {
        self.state().get(version, ids)
    }

    async fn page(&self, version: &VersionId, options: PageOptions) -> Result<Page> {
        self.state().page(version, options)
    }

    fn scan<'a>(&'a self, version: &VersionId, options: ScanOptions) -> Scan<'a> {
        let batches = match self.state().scan(version, &options) {
            Ok(batches) => batches.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(batches).boxed()
    }

    async fn collect_garbage(&self, options: GarbageOptions) -> Result<GarbageReport> {
        let used = self.state().used_blobs();
        self.blobs.sweep(used, options).await
    }

    async fn diff(
        &self,
        from: &VersionId,
        to: &VersionId,
        options: DiffOptions,
    ) -> Result<Vec<Change>> {
        self.state().diff(from, to, options)
    }

    async fn classes(&self) -> Result<ClassTable> {
        Ok(self.state().classes.clone())
    }

    async fn edit_classes(&self, edits: &[ClassEdit]) -> Result<ClassTable> {
        let mut state = self.state();
        let mut table = state.classes.clone();
        for edit in edits {
            table.apply(edit)?;
        }
        state.classes = table.clone();
        Ok(table)
    }
}
