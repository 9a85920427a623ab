//! Datasets and prediction sets.

use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Uint8Array};
use napi_derive::napi;
use ymir::{DiffOptions, Error, ErrorKind, PageOptions, Result};

use crate::call::{Cancel, now, promise, quick_promise};
use crate::error::{to_js, to_json};
use crate::record::{Compact, CompactChange, CompactPage};

/// A dataset version or prediction set.
#[napi]
pub struct Dataset {
    pub(crate) inner: ymir::Dataset,
}

#[napi]
impl Dataset {
    /// Returns `[version, manifest]`.
    #[napi]
    pub fn describe(&self) -> napi::Result<String> {
        to_json(&(self.inner.version(), self.inner.manifest())).map_err(to_js)
    }

    /// Returns the record of an asset, compact.
    #[napi]
    pub fn get_sync(&self, id: String) -> napi::Result<Option<String>> {
        now(get(&self.inner, &id))
    }

    /// Returns the record of an asset, compact.
    #[napi]
    pub fn get<'env>(
        &self,
        env: &'env Env,
        id: String,
    ) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        let dataset = self.inner.clone();
        quick_promise(env, async move { get(&dataset, &id).await })
    }

    /// Returns a page, compact.
    #[napi]
    pub fn page_sync(
        &self,
        offset: f64,
        limit: u32,
        class_name: Option<String>,
    ) -> napi::Result<String> {
        now(page(&self.inner, offset, limit, class_name))
    }

    /// Returns a page, compact.
    #[napi]
    pub fn page<'env>(
        &self,
        env: &'env Env,
        offset: f64,
        limit: u32,
        class_name: Option<String>,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let dataset = self.inner.clone();
        promise(env, cancel, async move { page(&dataset, offset, limit, class_name).await })
    }

    /// Returns what differs from this version to another: compact changes.
    #[napi]
    pub fn diff<'env>(
        &self,
        env: &'env Env,
        other: &Dataset,
        after: Option<String>,
        limit: Option<u32>,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (from, to) = (self.inner.clone(), other.inner.clone());
        promise(env, cancel, async move {
            let after = after.map(|id| id.parse()).transpose()?;
            let limit = limit.map_or(usize::MAX, |limit| limit as usize);
            let changes = from.diff(&to, DiffOptions { after, limit }).await?;
            to_json(&changes.iter().map(CompactChange).collect::<Vec<_>>())
        })
    }

    /// Returns the records as a stream of Arrow's IPC format.
    #[napi]
    pub fn to_arrow<'env>(
        &self,
        env: &'env Env,
        class_name: Option<String>,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Uint8Array>> {
        let dataset = self.inner.clone();
        promise(env, cancel, async move {
            let table = dataset.to_arrow(class_name.as_deref()).await?;
            let bytes = tokio::task::spawn_blocking(move || table.to_ipc()).await;
            let bytes = bytes.map_err(|e| {
                Error::new(ErrorKind::Unexpected, "writing the table broke off").caused_by(e)
            })??;
            Ok(bytes.into())
        })
    }

    /// Makes a version of the records of this one and another.
    #[napi]
    pub fn merge<'env>(
        &self,
        env: &'env Env,
        other: &Dataset,
        strategy: String,
        into: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let (ours, theirs) = (self.inner.clone(), other.inner.clone());
        promise(env, cancel, async move {
            let inner = ours.merge(&theirs, strategy.parse()?, &into).await?;
            Ok(Dataset { inner })
        })
    }

    /// Makes a version of the records whose assets none of the others has.
    #[napi]
    pub fn exclude<'env>(
        &self,
        env: &'env Env,
        others: Vec<&Dataset>,
        into: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let dataset = self.inner.clone();
        let others: Vec<_> = others.iter().map(|other| other.inner.clone()).collect();
        promise(env, cancel, async move {
            Ok(Dataset { inner: dataset.exclude(&others, &into).await? })
        })
    }

    /// Makes a version of some records, chosen by chance.
    #[napi]
    pub fn sample<'env>(
        &self,
        env: &'env Env,
        count: f64,
        seed: f64,
        into: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let dataset = self.inner.clone();
        promise(env, cancel, async move {
            Ok(Dataset { inner: dataset.sample(count as u64, seed as u64, &into).await? })
        })
    }

    /// Makes a version of the records of these assets.
    #[napi]
    pub fn select<'env>(
        &self,
        env: &'env Env,
        ids: Vec<String>,
        into: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Dataset>> {
        let dataset = self.inner.clone();
        promise(env, cancel, async move {
            let ids = ids.iter().map(|id| id.parse()).collect::<Result<Vec<_>>>()?;
            Ok(Dataset { inner: dataset.select(&ids, &into).await? })
        })
    }
}

async fn get(dataset: &ymir::Dataset, id: &str) -> Result<Option<String>> {
    let record = dataset.get(&id.parse()?).await?;
    record.map(|record| to_json(&Compact(&record))).transpose()
}

async fn page(
    dataset: &ymir::Dataset,
    offset: f64,
    limit: u32,
    class_name: Option<String>,
) -> Result<String> {
    let classes = &dataset.manifest().classes;
    let class = class_name.map(|name| classes.require(&name)).transpose()?;
    // The TypeScript half lets whole numbers from 0 on through only.
    let options = PageOptions { offset: offset as u64, limit: limit as usize, class };
    to_json(&CompactPage(&dataset.page(options).await?))
}
