//! The assets that a query is true of.

use futures::{StreamExt, TryStreamExt};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use ymir::{FindOptions, Page, Query};

use crate::call::{Cancel, promise};
use crate::dataset::Dataset;
use crate::error::{to_js, to_json};
use crate::record::CompactPage;

/// A query on a version.
#[napi]
pub struct Selection {
    dataset: ymir::Dataset,
    query: Query,
}

#[napi]
impl Dataset {
    /// Returns the assets that a query is true of; nothing is read yet.
    #[napi]
    pub fn query(&self, text: String) -> napi::Result<Selection> {
        let query = text.parse().map_err(to_js)?;
        Ok(Selection { dataset: self.inner.clone(), query })
    }
}

#[napi]
impl Selection {
    /// The query, as it was understood.
    #[napi(getter)]
    pub fn text(&self) -> String {
        self.query.to_string()
    }

    /// Returns how many there are.
    #[napi]
    pub fn count<'env>(
        &self,
        env: &'env Env,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, f64>> {
        let (dataset, query) = (self.dataset.clone(), self.query.clone());
        promise(env, cancel, async move { Ok(dataset.query(&query).count().await? as f64) })
    }

    /// Returns their ids.
    #[napi]
    pub fn ids<'env>(
        &self,
        env: &'env Env,
        after: Option<String>,
        offset: f64,
        limit: Option<u32>,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Vec<String>>> {
        let (dataset, query) = (self.dataset.clone(), self.query.clone());
        promise(env, cancel, async move {
            let after = after.map(|id| id.parse()).transpose()?;
            let limit = limit.map_or(usize::MAX, |limit| limit as usize);
            let options = FindOptions { after, offset: offset as u64, limit };
            let ids = dataset.query(&query).ids(options).await?;
            Ok(ids.iter().map(ToString::to_string).collect())
        })
    }

    /// Returns a run of their records, compact.
    #[napi]
    pub fn page<'env>(
        &self,
        env: &'env Env,
        offset: f64,
        limit: u32,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (dataset, query) = (self.dataset.clone(), self.query.clone());
        promise(env, cancel, async move {
            to_json(&CompactPage(&dataset.query(&query).page(offset as u64, limit as usize).await?))
        })
    }

    /// Returns the first records behind an asset, compact, as a page of no known total.
    #[napi]
    pub fn batch<'env>(
        &self,
        env: &'env Env,
        after: Option<String>,
        limit: u32,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (dataset, query) = (self.dataset.clone(), self.query.clone());
        promise(env, cancel, async move {
            let after = after.map(|id| id.parse()).transpose()?;
            let selected = dataset.query(&query);
            let records = selected.records(after).take(limit as usize).try_collect().await?;
            to_json(&CompactPage(&Page { records, total: 0 }))
        })
    }
}
