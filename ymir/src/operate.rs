use std::collections::BTreeMap;

use serde::Deserialize;
use ymir_core::{AssetId, Branch, BranchKind, Name, Query, Result, VersionSpec};
use ymir_data::operations::{self, Comparison, CopyOptions, FuseOptions, SplitOptions};

use crate::{Dataset, Operation, Workspace};

/// A version that git fetched from another workspace: `git fetch REPOSITORY
/// '+refs/heads/*:refs/remotes/REMOTE/*'` in `repo.git`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetched {
    /// The name of the remote.
    pub remote: String,
    /// What the version is of; a dataset unless given.
    #[serde(default = "dataset_kind")]
    pub kind: BranchKind,
    /// The version there: `name`, `name@v3`, `name@latest` or `name@<commit>`.
    pub version: String,
    /// The branch here that gets the copy; of the same name unless given.
    #[serde(default)]
    pub into: Option<Name>,
}

fn dataset_kind() -> BranchKind {
    BranchKind::Dataset
}

impl Dataset {
    /// Makes a version of the records of this one that a query is true of.
    ///
    /// # Errors
    ///
    /// As [`operations::filter`].
    pub fn filter<'a>(&'a self, query: &'a Query, into: &'a str) -> Operation<'a, Self> {
        Operation::new(move |on| async move {
            let (store, target) = (self.workspace().store(), self.target(into)?);
            let made = operations::filter(store, &self.id(), query, &target, &*on).await?;
            self.made(made).await
        })
    }

    /// Makes a version of the records of this one whose assets each of the others has too.
    ///
    /// # Errors
    ///
    /// As [`operations::intersect`].
    pub fn intersect<'a>(&'a self, others: &'a [Self], into: &'a str) -> Operation<'a, Self> {
        Operation::new(move |on| async move {
            let others: Vec<_> = others.iter().map(Self::id).collect();
            let (store, target) = (self.workspace().store(), self.target(into)?);
            let made = operations::intersect(store, &self.id(), &others, &target, &*on).await?;
            self.made(made).await
        })
    }

    /// Divides the records of this version by chance into parts, each a version of a name of its
    /// own, in which classes are as frequent as in the whole.
    ///
    /// # Errors
    ///
    /// As [`operations::split`].
    pub fn split<'a>(&'a self, options: &'a SplitOptions) -> Operation<'a, Vec<Self>> {
        Operation::new(move |on| async move {
            let store = self.workspace().store();
            let mut parts = Vec::new();
            for made in operations::split(store, &self.id(), options, &*on).await? {
                parts.push(self.made(made).await?);
            }
            Ok(parts)
        })
    }

    /// Makes a version in which classes are renamed, joined or dropped: what becomes of a class is
    /// another name, or nothing.
    ///
    /// # Errors
    ///
    /// As [`operations::relabel`].
    pub fn relabel<'a>(
        &'a self,
        classes: &'a BTreeMap<String, Option<String>>,
        into: &'a str,
    ) -> Operation<'a, Self> {
        Operation::new(move |on| async move {
            let (store, target) = (self.workspace().store(), self.target(into)?);
            let made = operations::relabel(store, &self.id(), classes, &target, &*on).await?;
            self.made(made).await
        })
    }

    /// Makes a version of a share of the records of this one, 0 to 1, chosen by chance: the same
    /// ones for the same seed.
    ///
    /// # Errors
    ///
    /// As [`operations::sample_rate`].
    pub async fn sample_rate(&self, rate: f64, seed: u64, into: &str) -> Result<Self> {
        let (store, target) = (self.workspace().store(), self.target(into)?);
        let made = operations::sample_rate(store, &self.id(), rate, seed, &target).await?;
        self.made(made).await
    }

    /// Copies this version with its image files into another workspace; returns it there.
    ///
    /// # Errors
    ///
    /// As [`operations::copy`].
    pub fn copy_to<'a>(
        &'a self,
        workspace: &'a Workspace,
        into: &'a str,
        options: &'a CopyOptions,
    ) -> Operation<'a, Self> {
        Operation::new(move |on| async move {
            let (from, to) = (self.workspace().store(), workspace.store());
            let target = self.target(into)?;
            let made = operations::copy(from, &self.id(), to, &target, options, &*on).await?;
            Self::open(workspace.clone(), made).await
        })
    }

    /// Returns the groups of images that look alike, by their difference hashes; needs the feature
    /// `decode`.
    ///
    /// # Errors
    ///
    /// As [`operations::near_duplicates`].
    pub fn near_duplicates<'a>(&'a self, distance: u32) -> Operation<'a, Vec<Vec<AssetId>>> {
        Operation::new(move |on| async move {
            let store = self.workspace().store();
            operations::near_duplicates(store, &self.id(), distance, &*on).await
        })
    }

    /// Makes a version with one of each group of images that look alike; needs the feature
    /// `decode`.
    ///
    /// # Errors
    ///
    /// As [`operations::dedup`].
    pub fn dedup<'a>(&'a self, distance: u32, into: &'a str) -> Operation<'a, Self> {
        Operation::new(move |on| async move {
            let (store, target) = (self.workspace().store(), self.target(into)?);
            let made = operations::dedup(store, &self.id(), distance, &target, &*on).await?;
            self.made(made).await
        })
    }

    /// Counts what differs from this version to another.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn compare(&self, other: &Self) -> Result<Comparison> {
        operations::compare(self.workspace().store(), &self.id(), &other.id()).await
    }
}

impl Workspace {
    /// Copies a dataset version or prediction set that git fetched from another workspace into this
    /// one. Its classes are mapped by name, and the lineage of the copy says how.
    ///
    /// Git brings the records; images that this workspace lacks are an error unless the options
    /// leave the files out.
    ///
    /// # Errors
    ///
    /// `NotFound` if nothing was fetched from the remote, or there is no such version; else as
    /// [`operations::copy`].
    pub fn copy_fetched<'a>(
        &'a self,
        fetched: &'a Fetched,
        options: &'a CopyOptions,
    ) -> Operation<'a, Dataset> {
        Operation::new(move |on| async move {
            let spec: VersionSpec = fetched.version.parse()?;
            let into = fetched.into.clone().unwrap_or(spec.name.clone());
            let target = Branch::new(fetched.kind, into);
            let from = self.store().fetched(&fetched.remote).await?;
            let branch = Branch::new(fetched.kind, spec.name);
            let source = from.resolve(&branch, &spec.selector).await?.id;
            let made =
                operations::copy(&from, &source, self.store(), &target, options, &*on).await?;
            Dataset::open(self.clone(), made).await
        })
    }

    /// Joins dataset versions, leaves out the assets of others, filters and samples, in one go.
    ///
    /// # Errors
    ///
    /// As [`operations::fuse`].
    pub fn fuse<'a>(&'a self, options: &'a FuseOptions, into: &'a str) -> Operation<'a, Dataset> {
        Operation::new(move |on| async move {
            let target = Branch::new(BranchKind::Dataset, Name::new(into)?);
            let made = operations::fuse(self.store(), options, &target, &*on).await?;
            Dataset::open(self.clone(), made).await
        })
    }
}
