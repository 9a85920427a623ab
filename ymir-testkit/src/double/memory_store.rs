use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ymir_core::{
    AssetId, AssetStore, BlobId, BlobInfo, BlobSource, Branch, BranchKind, Change, ClassEdit,
    ClassTable, CommitRequest, DiffOptions, Edits, Error, ErrorKind, Manifest, Name, Page,
    PageOptions, Record, Result, Selector, Transfer, Version, VersionId,
};

use super::memory_blobs::Blobs;
use super::memory_state::{State, read_edits};

/// An asset store in memory, for tests.
///
/// It does all that [`AssetStore`] documents, and refuses what a store on disk may let pass: the
/// ids of another store's versions, scores outside 0 to 1, angles and qualities that are not
/// finite, and digits of an id that are
/// too few or not lower case.
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
    blobs: Arc<Mutex<Blobs>>,
}

impl MemoryAssetStore {
    /// Returns an empty store; the ids of its versions differ from those of every other.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            nonce: NEXT.fetch_add(1, Ordering::Relaxed),
            state: Mutex::default(),
            blobs: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    async fn with_blobs<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Blobs) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let blobs = self.blobs.clone();
        blocking(move || work(&mut lock(&blobs))).await
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in another test's thread leaves whole states behind: each is built before it is put in.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let broken = |error| {
        Error::new(ErrorKind::Unexpected, "a thread of the in-memory store panicked")
            .caused_by(error)
    };
    tokio::task::spawn_blocking(work).await.map_err(broken)?
}

#[async_trait]
impl AssetStore for MemoryAssetStore {
    async fn branches(&self, kind: BranchKind) -> Result<Vec<Name>> {
        Ok(self.state().names(kind))
    }

    async fn resolve(&self, branch: &Branch, selector: &Selector) -> Result<Version> {
        self.state().resolve(branch, selector)
    }

    async fn version(&self, id: &VersionId) -> Result<Version> {
        self.state().version(id)
    }

    async fn log(&self, branch: &Branch) -> Result<Vec<Version>> {
        self.state().log(branch)
    }

    async fn manifest(&self, version: &VersionId) -> Result<Manifest> {
        self.state().manifest(version)
    }

    async fn commit(&self, mut request: CommitRequest) -> Result<Version> {
        let edits = std::mem::replace(&mut request.edits, Edits::none());
        let changes = blocking(move || read_edits(edits)).await?;
        self.state().commit(request, changes, self.nonce)
    }

    async fn get(&self, version: &VersionId, ids: &[AssetId]) -> Result<Vec<Option<Record>>> {
        self.state().get(version, ids)
    }

    async fn page(&self, version: &VersionId, options: PageOptions) -> Result<Page> {
        self.state().page(version, options)
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

    async fn put_blobs(&self, sources: Vec<BlobSource>) -> Result<Vec<BlobInfo>> {
        self.with_blobs(|blobs| blobs.put(sources)).await
    }

    async fn read_blob(&self, id: &BlobId) -> Result<Vec<u8>> {
        let id = *id;
        self.with_blobs(move |blobs| blobs.read(&id)).await
    }

    async fn export_blobs(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        let wanted = blobs.to_vec();
        self.with_blobs(move |blobs| blobs.export(&wanted, transfer)).await
    }

    async fn blob_file(&self, id: &BlobId) -> Result<PathBuf> {
        let id = *id;
        self.with_blobs(move |blobs| blobs.file(&id)).await
    }
}
