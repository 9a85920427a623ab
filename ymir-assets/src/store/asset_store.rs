use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use ymir_core::{
    AssetId, AssetStore, BlobStore, Branch, BranchKind, Change, ClassEdit, ClassTable,
    CommitRequest, DiffOptions, FindOptions, FsckOptions, FsckReport, GarbageOptions,
    GarbageReport, LogOptions, Manifest, Name, Page, PageOptions, Query, Record, Result, Scan,
    ScanOptions, Selector, StoreCapabilities, TaskId, Version, VersionId,
};

use super::handle::GitAssetStore;

/// Up to so many ids are looked up on the calling thread, if all that is needed is cached.
const INLINE: usize = 64;

#[async_trait]
impl AssetStore for GitAssetStore {
    fn capabilities(&self) -> StoreCapabilities {
        let blobs = self.shared.blobs.capabilities();
        StoreCapabilities {
            chunks: true,
            fsck: true,
            garbage: blobs.sweep,
            blob_files: blobs.files,
            shared: true,
        }
    }

    fn blobs(&self) -> &dyn BlobStore {
        self.shared.blobs.as_ref()
    }

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

    async fn log(&self, branch: &Branch, options: LogOptions) -> Result<Vec<Version>> {
        let branch = branch.clone();
        self.blocking(move |store| store.log(&branch, options)).await
    }

    async fn find_by_fingerprint(
        &self,
        branch: &Branch,
        fingerprint: &str,
    ) -> Result<Option<Version>> {
        if fingerprint.is_empty() {
            return Ok(None);
        }
        let (branch, fingerprint) = (branch.clone(), fingerprint.to_owned());
        self.blocking(move |store| store.find_by_fingerprint(&branch, &fingerprint)).await
    }

    async fn find_by_task(&self, branch: &Branch, task: &TaskId) -> Result<Option<Version>> {
        let (branch, task) = (branch.clone(), task.clone());
        self.blocking(move |store| store.find_by_task(&branch, &task)).await
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
        self.commit_request(request).await
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

    fn scan<'a>(&'a self, version: &VersionId, options: ScanOptions) -> Scan<'a> {
        self.scan_version(version, options)
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
        let mut check = self.blocking(|store| store.check()).await?;
        let blobs = std::mem::take(&mut check.blobs);
        let damaged = self.shared.blobs.check(&blobs, options.blobs).await?;
        Ok(check.report(&blobs, damaged))
    }

    async fn collect_garbage(&self, options: GarbageOptions) -> Result<GarbageReport> {
        let used = self.blocking(move |store| store.used_blobs(options)).await?;
        self.shared.blobs.sweep(used, options).await
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

    fn root(&self) -> Option<&Path> {
        Some(&self.shared.root)
    }
}
