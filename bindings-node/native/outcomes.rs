//! What became of predictions.

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use ymir::{BranchKind, FindOptions, Query, evaluation};

use crate::call::{Cancel, promise};
use crate::error::{from_json, to_json};
use crate::record::CompactPage;
use crate::workspace::Workspace;

/// What became of the predictions on a dataset version.
#[napi]
pub struct Outcomes {
    inner: evaluation::Outcomes,
    class_names: Vec<String>,
}

#[napi]
impl Workspace {
    /// Returns what became of predictions on a dataset version.
    #[napi]
    pub fn outcomes<'env>(
        &self,
        env: &'env Env,
        ground_truth: String,
        predictions: String,
        options: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Outcomes>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let options = from_json("outcomes", &options)?;
            let truth = workspace.resolve(BranchKind::Dataset, &ground_truth).await?.id;
            let predictions = workspace.resolve(BranchKind::Prediction, &predictions).await?.id;
            let inner = workspace.outcomes(&truth, &predictions, options).await?;
            let classes = workspace.classes().await?;
            let class_names = classes.entries().iter().map(|class| class.name.clone()).collect();
            Ok(Outcomes { inner, class_names })
        })
    }
}

#[napi]
impl Outcomes {
    /// The names of the classes, in the order of their ids.
    #[napi(getter)]
    pub fn class_names(&self) -> Vec<String> {
        self.class_names.clone()
    }

    /// Returns how many assets a query is true of.
    #[napi]
    pub fn count<'env>(
        &self,
        env: &'env Env,
        query: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, f64>> {
        let outcomes = self.inner.clone();
        promise(env, cancel, async move {
            let query: Query = query.parse()?;
            Ok(outcomes.count(&query).await? as f64)
        })
    }

    /// Returns the ids of the assets that a query is true of.
    #[napi]
    pub fn ids<'env>(
        &self,
        env: &'env Env,
        query: String,
        after: Option<String>,
        offset: f64,
        limit: Option<u32>,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Vec<String>>> {
        let outcomes = self.inner.clone();
        promise(env, cancel, async move {
            let query: Query = query.parse()?;
            let after = after.map(|id| id.parse()).transpose()?;
            let limit = limit.map_or(usize::MAX, |limit| limit as usize);
            let options = FindOptions { after, offset: offset as u64, limit };
            let ids = outcomes.ids(&query, options).await?;
            Ok(ids.iter().map(ToString::to_string).collect())
        })
    }

    /// Returns a run of the records that a query is true of, compact.
    #[napi]
    pub fn page<'env>(
        &self,
        env: &'env Env,
        query: String,
        offset: f64,
        limit: u32,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let outcomes = self.inner.clone();
        promise(env, cancel, async move {
            let query: Query = query.parse()?;
            let (offset, limit) = (offset as u64, limit as usize);
            let options = FindOptions { offset, limit, ..FindOptions::default() };
            to_json(&CompactPage(&outcomes.page(&query, options).await?))
        })
    }
}
