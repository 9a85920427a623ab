//! Versions that are made of others.

use std::collections::BTreeMap;

use napi::Env;
use napi::bindgen_prelude::{Function, PromiseRaw};
use napi_derive::napi;
use ymir::{CopyOptions, EditRequest, Fetched, FuseRequest, Query, SplitOptions};

use crate::call::{Cancel, Sink, promise};
use crate::dataset::Dataset;
use crate::error::{from_json, to_json};
use crate::workspace::Workspace;

#[napi]
impl Dataset {
    /// Changes records of this version, the newest, and returns what changed.
    #[napi]
    pub fn edit<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let dataset = self.inner.clone();
        promise(env, cancel, async move {
            let request: EditRequest = from_json("an edit", &request)?;
            let (edits, options) = request.resolve(dataset.workspace()).await?;
            to_json(&dataset.edit(edits, &options).await?)
        })
    }

    /// Makes a version of the records that a query is true of.
    #[napi]
    pub fn filter<'env>(
        &self,
        env: &'env Env,
        query: String,
        into: String,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let (dataset, sink) = (self.inner.clone(), Sink::new(on_progress)?);
        promise(env, cancel, async move {
            let query: Query = query.parse()?;
            let inner =
                dataset.filter(&query, &into).on_progress(|progress| sink.tell(&progress)).await?;
            sink.flush().await;
            Ok(Dataset { inner })
        })
    }

    /// Makes a version of the records whose assets each of the others has too.
    #[napi]
    pub fn intersect<'env>(
        &self,
        env: &'env Env,
        others: Vec<&Dataset>,
        into: String,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let (dataset, sink) = (self.inner.clone(), Sink::new(on_progress)?);
        let others: Vec<_> = others.iter().map(|other| other.inner.clone()).collect();
        promise(env, cancel, async move {
            let tell = |progress| sink.tell(&progress);
            let inner = dataset.intersect(&others, &into).on_progress(tell).await?;
            sink.flush().await;
            Ok(Dataset { inner })
        })
    }

    /// Divides the records into parts, each a version.
    #[napi]
    pub fn split<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, Vec<Dataset>>> {
        let (dataset, sink) = (self.inner.clone(), Sink::new(on_progress)?);
        promise(env, cancel, async move {
            let options: SplitOptions = from_json("a split", &options)?;
            let parts =
                dataset.split(&options).on_progress(|progress| sink.tell(&progress)).await?;
            sink.flush().await;
            Ok(parts.into_iter().map(|inner| Dataset { inner }).collect())
        })
    }

    /// Makes a version in which classes are renamed, joined or dropped.
    #[napi]
    pub fn relabel<'env>(
        &self,
        env: &'env Env,
        classes: String,
        into: String,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let (dataset, sink) = (self.inner.clone(), Sink::new(on_progress)?);
        promise(env, cancel, async move {
            let classes: BTreeMap<String, Option<String>> = from_json("a relabel", &classes)?;
            let inner = dataset
                .relabel(&classes, &into)
                .on_progress(|progress| sink.tell(&progress))
                .await?;
            sink.flush().await;
            Ok(Dataset { inner })
        })
    }

    /// Makes a version of a share of the records, chosen by chance.
    #[napi]
    pub fn sample_rate<'env>(
        &self,
        env: &'env Env,
        rate: f64,
        seed: f64,
        into: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let dataset = self.inner.clone();
        promise(env, cancel, async move {
            Ok(Dataset { inner: dataset.sample_rate(rate, seed as u64, &into).await? })
        })
    }

    /// Copies the version into another workspace.
    #[napi]
    pub fn copy_to<'env>(
        &self,
        env: &'env Env,
        to: &Workspace,
        into: String,
        options: String,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let (dataset, other, sink) = (self.inner.clone(), to.get()?, Sink::new(on_progress)?);
        promise(env, cancel, async move {
            let options: CopyOptions = from_json("a copy", &options)?;
            let tell = |progress| sink.tell(&progress);
            let inner = dataset.copy_to(&other, &into, &options).on_progress(tell).await?;
            sink.flush().await;
            Ok(Dataset { inner })
        })
    }

    /// Returns the groups of images that look alike.
    #[napi]
    pub fn near_duplicates<'env>(
        &self,
        env: &'env Env,
        distance: u32,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (dataset, sink) = (self.inner.clone(), Sink::new(on_progress)?);
        promise(env, cancel, async move {
            let tell = |progress| sink.tell(&progress);
            let groups = dataset.near_duplicates(distance).on_progress(tell).await?;
            sink.flush().await;
            to_json(&groups)
        })
    }

    /// Makes a version with one of each group of images that look alike.
    #[napi]
    pub fn dedup<'env>(
        &self,
        env: &'env Env,
        distance: u32,
        into: String,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let (dataset, sink) = (self.inner.clone(), Sink::new(on_progress)?);
        promise(env, cancel, async move {
            let inner =
                dataset.dedup(distance, &into).on_progress(|progress| sink.tell(&progress)).await?;
            sink.flush().await;
            Ok(Dataset { inner })
        })
    }

    /// Returns the counts of what differs from this version to another.
    #[napi]
    pub fn compare<'env>(
        &self,
        env: &'env Env,
        other: &Dataset,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (from, to) = (self.inner.clone(), other.inner.clone());
        promise(env, cancel, async move { to_json(&from.compare(&to).await?) })
    }
}

#[napi]
impl Workspace {
    /// Copies a version that git fetched from another workspace into this one.
    #[napi]
    pub fn copy_fetched<'env>(
        &self,
        env: &'env Env,
        fetched: String,
        options: String,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let (workspace, sink) = (self.get()?, Sink::new(on_progress)?);
        promise(env, cancel, async move {
            let fetched: Fetched = from_json("a fetched version", &fetched)?;
            let options: CopyOptions = from_json("a copy", &options)?;
            let tell = |progress| sink.tell(&progress);
            let inner = workspace.copy_fetched(&fetched, &options).on_progress(tell).await?;
            sink.flush().await;
            Ok(Dataset { inner })
        })
    }

    /// Changes records of a dataset and returns what changed.
    #[napi]
    pub fn edit<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let request: EditRequest = from_json("an edit", &request)?;
            let name = request.dataset.clone();
            let (edits, options) = request.resolve(&workspace).await?;
            to_json(&workspace.edit(name.as_str(), edits, &options).await?)
        })
    }

    /// Joins datasets, leaves out the assets of others, filters and samples.
    #[napi]
    pub fn fuse<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: Option<&Cancel>,
        on_progress: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let (workspace, sink) = (self.get()?, Sink::new(on_progress)?);
        promise(env, cancel, async move {
            let request: FuseRequest = from_json("a fusion", &request)?;
            let options = request.resolve(&workspace).await?;
            let tell = |progress| sink.tell(&progress);
            let inner = workspace.fuse(&options, &request.into).on_progress(tell).await?;
            sink.flush().await;
            Ok(Dataset { inner })
        })
    }
}
