use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use ymir_core::{
    AssetId, AssetStore, BlobId, BlobInfo, BlobSource, Branch, BranchKind, Change, ClassEdit,
    ClassTable, CommitRequest, DiffOptions, FindOptions, FsckOptions, FsckReport, GarbageOptions,
    GarbageReport, Manifest, Name, Page, PageOptions, Query, Record, Result, Selector, Transfer,
    Version, VersionId,
};

use super::handle::GitAssetStore;
use crate::blocking::Waiter;

/// Up to so many ids are looked up on the calling thread, if all that is needed is cached.
const INLINE: usize = 64;

#[async_trait]
impl AssetStore for GitAssetStore {
    async fn branches(&self, kind: BranchKind) -> Result<Vec<Name>> {
        self.blocking(move |store| store.branches(kind)).await
    }

    async fn resolve(&self, branch: &Branch, selector: &Selector) -> Result<Version> {
        let (branch, selector) = (branch.clone(), selector.clone());
        self.blocking(move |store| store.resolve(&branch, &selector)).await
    }

    async fn version(&self, id: &VersionId) -> Result<Version> {
        let id = *id;
        self.blocking(move |store| Ok(store.load(&id)?.version.clone())).await
    }

    async fn log(&self, branch: &Branch) -> Result<Vec<Version>> {
        let branch = branch.clone();
        self.blocking(move |store| store.log(&branch)).await
    }

    async fn manifest(&self, version: &VersionId) -> Result<Manifest> {
        let id = *version;
        self.blocking(move |store| {
            let data = store.load(&id)?;
            Ok(Manifest { classes: store.classes_of(&data), ..data.manifest.clone() })
        })
        .await
    }

    async fn commit(&self, request: CommitRequest) -> Result<Version> {
        self.on_own_thread(move |store| store.commit(request)).await
    }

    async fn get(&self, version: &VersionId, ids: &[AssetId]) -> Result<Vec<Option<Record>>> {
        if ids.len() <= INLINE
            && let Some(records) = self.shared.get_cached(version, ids)
        {
            return Ok(records);
        }
        let (version, ids) = (*version, ids.to_vec());
        self.blocking(move |store| store.get(&version, &ids)).await
    }

    async fn page(&self, version: &VersionId, options: PageOptions) -> Result<Page> {
        let version = *version;
        self.blocking(move |store| store.page(&version, options)).await
    }

    async fn find(
        &self,
        version: &VersionId,
        query: &Query,
        options: FindOptions,
    ) -> Result<Vec<AssetId>> {
        self.find_ids(version, query, options).await
    }

    async fn count(&self, version: &VersionId, query: &Query) -> Result<u64> {
        self.count_assets(version, query).await
    }

    async fn fsck(&self, options: FsckOptions) -> Result<FsckReport> {
        self.blocking(move |store| store.fsck(options)).await
    }

    async fn collect_garbage(&self, options: GarbageOptions) -> Result<GarbageReport> {
        self.on_own_thread(move |store| store.collect_garbage(options)).await
    }

    async fn diff(
        &self,
        from: &VersionId,
        to: &VersionId,
        options: DiffOptions,
    ) -> Result<Vec<Change>> {
        let (from, to) = (*from, *to);
        self.blocking(move |store| store.diff(&from, &to, options)).await
    }

    async fn classes(&self) -> Result<ClassTable> {
        self.blocking(|store| store.classes()).await
    }

    async fn edit_classes(&self, edits: &[ClassEdit]) -> Result<ClassTable> {
        let edits = edits.to_vec();
        self.blocking(move |store| store.edit_classes(&edits)).await
    }

    async fn fetched(&self, remote: &str) -> Result<Arc<dyn AssetStore>> {
        let remote = remote.to_owned();
        let view = self.blocking(move |store| store.fetched(&remote)).await?;
        Ok(Arc::new(Self { shared: Arc::new(view) }))
    }

    async fn put_blobs(&self, sources: Vec<BlobSource>) -> Result<Vec<BlobInfo>> {
        let waiter = Waiter::default();
        let watched = waiter.watched();
        self.blocking(move |store| store.blobs.put(&sources, &watched)).await
    }

    async fn read_blob(&self, id: &BlobId) -> Result<Vec<u8>> {
        let id = *id;
        self.blocking(move |store| store.blobs.read(&id)).await
    }

    async fn export_blobs(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        let blobs = blobs.to_vec();
        self.blocking(move |store| store.blobs.export(&blobs, transfer)).await
    }

    async fn blob_file(&self, id: &BlobId) -> Result<PathBuf> {
        let id = *id;
        self.blocking(move |store| store.blobs.file(&id)).await
    }

    fn root(&self) -> Option<&Path> {
        Some(&self.shared.root)
    }
}
