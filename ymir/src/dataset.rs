use futures::{Stream, StreamExt, TryStreamExt, stream};
use ymir_core::{
    AssetId, AssetStore, Branch, Change, Class, ClassId, DiffOptions, Manifest, Name, Page,
    PageOptions, Record, Result, Scan, ScanOptions, Summary, Version, VersionId,
};
use ymir_data::loader::{Loader, LoaderOptions};
use ymir_data::operations::{self, MergeStrategy};

use crate::Workspace;

/// A dataset version or prediction set: immutable, read in parts.
///
/// Methods that make a version `into` a dataset leave this one as it is. The same operation on the
/// same versions with the same arguments, into the same name, is not done again: it returns the
/// version that it made then. That need not be the newest of the name, which stays as it is; go on
/// with the version that is returned, not with the name.
#[derive(Debug, Clone)]
pub struct Dataset {
    workspace: Workspace,
    version: Version,
    manifest: Manifest,
}

impl Dataset {
    pub(crate) async fn open(workspace: Workspace, version: Version) -> Result<Self> {
        let manifest = workspace.store().manifest(&version.id).await?;
        Ok(Self { workspace, version, manifest })
    }

    /// Returns the workspace.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Returns the version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Returns the id of the version.
    pub fn id(&self) -> VersionId {
        self.version.id
    }

    /// Returns what the version says about itself: class table, counts, lineage.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the counts: assets, annotations, bytes, and those per class.
    pub fn summary(&self) -> &Summary {
        &self.manifest.summary
    }

    /// Returns the number of assets.
    pub fn len(&self) -> u64 {
        self.manifest.summary.assets
    }

    /// Returns whether there are no assets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a run of records, in the order of their asset ids.
    pub async fn page(&self, options: PageOptions) -> Result<Page> {
        self.workspace.store().page(&self.version.id, options).await
    }

    /// Returns the record of an asset, if the version has it.
    pub async fn get(&self, id: &AssetId) -> Result<Option<Record>> {
        let mut found =
            self.workspace.store().get(&self.version.id, std::slice::from_ref(id)).await?;
        Ok(found.pop().flatten())
    }

    /// Returns what differs from this version to another.
    pub async fn diff(&self, other: &Self, options: DiffOptions) -> Result<Vec<Change>> {
        self.workspace.store().diff(&self.version.id, &other.version.id, options).await
    }

    /// Returns all records, in the order of their asset ids, read as they are asked for.
    pub fn records(&self) -> impl Stream<Item = Result<Record>> + Send + '_ {
        records(self.workspace.store().as_ref(), self.version.id)
    }

    /// Begins to read this version for training: batches in a random order, with the images, read
    /// ahead.
    ///
    /// # Errors
    ///
    /// As [`Loader::new`].
    pub async fn loader(&self, options: LoaderOptions) -> Result<Loader> {
        Loader::new(self.workspace.store(), &self.version.id, options).await
    }

    /// Returns the id of a class by its name or alias, as this version's class table has it.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the classes that there are.
    pub fn class(&self, name: &str) -> Result<ClassId> {
        self.manifest.classes.require(name)
    }

    /// Returns the name of a class of this version's annotations.
    pub fn class_name<'a>(&'a self, class: &'a Class) -> Option<&'a str> {
        self.manifest.classes.name_of(class)
    }

    /// Makes a version of the records of this one and another.
    ///
    /// # Errors
    ///
    /// As [`operations::merge`].
    pub async fn merge(&self, other: &Self, conflicts: MergeStrategy, into: &str) -> Result<Self> {
        let store = self.workspace.store();
        let target = self.target(into)?;
        let made = operations::merge(store, &self.id(), &other.id(), conflicts, &target).await?;
        self.made(made).await
    }

    /// Makes a version of the records of this one whose assets none of the others has.
    ///
    /// # Errors
    ///
    /// As [`operations::exclude`].
    pub async fn exclude(&self, others: &[Self], into: &str) -> Result<Self> {
        let others: Vec<_> = others.iter().map(Self::id).collect();
        let target = self.target(into)?;
        let store = self.workspace.store();
        let made = operations::exclude(store, &self.id(), &others, &target).await?;
        self.made(made).await
    }

    /// Makes a version of some records of this one, chosen by chance: the same ones for the same
    /// seed.
    ///
    /// # Errors
    ///
    /// As [`operations::sample`].
    pub async fn sample(&self, count: u64, seed: u64, into: &str) -> Result<Self> {
        let target = self.target(into)?;
        let store = self.workspace.store();
        let made = operations::sample(store, &self.id(), count, seed, &target).await?;
        self.made(made).await
    }

    /// Makes a version of the records of these assets.
    ///
    /// # Errors
    ///
    /// As [`operations::select`].
    pub async fn select(&self, ids: &[AssetId], into: &str) -> Result<Self> {
        let target = self.target(into)?;
        let made = operations::select(self.workspace.store(), &self.id(), ids, &target).await?;
        self.made(made).await
    }

    /// Returns a version that was made of this one.
    pub(crate) async fn made(&self, version: Version) -> Result<Self> {
        Self::open(self.workspace.clone(), version).await
    }

    /// Returns the branch of a name that is of this version's kind.
    pub(crate) fn target(&self, name: &str) -> Result<Branch> {
        Ok(Branch::new(self.version.branch.kind, Name::new(name)?))
    }
}

/// Returns all records of a version, in the order of their asset ids, as they are asked for.
pub(crate) fn records(
    store: &dyn AssetStore,
    version: VersionId,
) -> impl Stream<Item = Result<Record>> + Send + '_ {
    scan_records(store.scan(&version, ScanOptions::default()))
}

/// Returns the records of a scan one by one.
pub(crate) fn scan_records(scan: Scan<'_>) -> impl Stream<Item = Result<Record>> + Send + '_ {
    scan.map_ok(|batch| stream::iter(batch.records).map(Ok)).try_flatten()
}
