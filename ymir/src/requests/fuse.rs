use serde::Deserialize;
use ymir_core::{Error, Query, Result, VersionId};
use ymir_data::operations::{FuseOptions, MergeStrategy, SampleSize};

use super::dataset;
use crate::Workspace;

/// What [`Workspace::fuse`] is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FuseRequest {
    /// The dataset versions that are joined.
    pub sources: Vec<String>,
    /// The dataset that the result is committed to.
    pub into: String,
    /// See [`FuseOptions::conflicts`].
    #[serde(default)]
    pub strategy: MergeStrategy,
    /// The dataset versions whose assets are left out.
    #[serde(default)]
    pub excluded: Vec<String>,
    /// Which of the joined records are kept.
    #[serde(default)]
    pub query: Query,
    /// How many of these are taken by chance.
    #[serde(default)]
    pub count: Option<u64>,
    /// Which share of these is taken by chance, 0 to 1, in place of a count.
    #[serde(default)]
    pub rate: Option<f64>,
    /// What the random choice starts from.
    #[serde(default)]
    pub seed: u64,
}

impl FuseRequest {
    /// Returns the options, with the versions that the specs mean now.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for both a count and a rate; else as [`Workspace::resolve`].
    pub async fn resolve(&self, workspace: &Workspace) -> Result<FuseOptions> {
        let sample = match (self.count, self.rate) {
            (Some(_), Some(_)) => {
                let message = "a fusion samples by `count` or by `rate`; give one of them";
                return Err(Error::invalid(message));
            }
            (count, rate) => count.map(SampleSize::Count).or(rate.map(SampleSize::Rate)),
        };
        Ok(FuseOptions {
            sources: datasets(workspace, &self.sources).await?,
            conflicts: self.strategy,
            excluded: datasets(workspace, &self.excluded).await?,
            query: self.query.clone(),
            sample,
            seed: self.seed,
        })
    }
}

async fn datasets(workspace: &Workspace, specs: &[String]) -> Result<Vec<VersionId>> {
    let mut versions = Vec::with_capacity(specs.len());
    for spec in specs {
        versions.push(dataset(workspace, spec).await?);
    }
    Ok(versions)
}
