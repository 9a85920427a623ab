//! Brings a store: versions in git as ever, image and model files through a store that counts.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use ymir::{
    BlobCapabilities, BlobId, BlobInfo, BlobSource, BlobStore, DirBlobStore, Error, Format,
    GitAssetStore, ImportOptions, Result, StoreOptions, Transfer, UnknownClasses, Workspace,
    WorkspaceOptions,
};

#[derive(Debug)]
struct Counting {
    files: DirBlobStore,
    put: AtomicU64,
}

#[async_trait]
impl BlobStore for Counting {
    fn capabilities(&self) -> BlobCapabilities {
        BlobCapabilities { sweep: false, ..self.files.capabilities() }
    }
    async fn put(&self, sources: Vec<BlobSource>) -> Result<Vec<BlobInfo>> {
        self.put.fetch_add(sources.len() as u64, Ordering::Relaxed);
        self.files.put(sources).await
    }
    async fn sizes(&self, ids: &[BlobId]) -> Result<Vec<Option<u64>>> {
        self.files.sizes(ids).await
    }
    async fn read(&self, id: &BlobId) -> Result<Vec<u8>> {
        self.files.read(id).await
    }
    async fn read_range(&self, id: &BlobId, range: Range<u64>) -> Result<Vec<u8>> {
        self.files.read_range(id, range).await
    }
    async fn export(&self, blobs: &[(BlobId, PathBuf)], transfer: Transfer) -> Result<()> {
        self.files.export(blobs, transfer).await
    }
    async fn file(&self, id: &BlobId) -> Result<PathBuf> {
        self.files.file(id).await
    }
    async fn check(&self, blobs: &[(BlobId, u64)], hashes: bool) -> Result<Vec<(BlobId, Error)>> {
        self.files.check(blobs, hashes).await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let root = Path::new("counted");
    if !root.join("repo.git").exists() {
        GitAssetStore::init(root)?;
    }
    let files = DirBlobStore::new(&root.join("files"));
    let blobs = Arc::new(Counting { files, put: AtomicU64::new(0) });
    let store = GitAssetStore::open_with_blobs(root, StoreOptions::default(), blobs.clone())?;
    let options =
        WorkspaceOptions { create: true, store: Some(Arc::new(store)), ..Default::default() };
    let workspace = Workspace::open_with(root, options).await?;
    let options = ImportOptions { unknown_classes: UnknownClasses::Add, ..Default::default() };
    workspace.import_dataset("samples", Format::Auto, "all", &options).await?;
    println!("{} files put in", blobs.put.load(Ordering::Relaxed));
    Ok(())
}
