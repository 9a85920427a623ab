use async_trait::async_trait;
use ymir_core::{Error, Manifest, Model, Result, Version};

use crate::{Dataset, Workspace};

/// What a task gives: the handle for the versions that it made.
#[async_trait]
pub trait TaskOutput: Sized + Send + 'static {
    /// Returns the handle for the versions of a task, its main one first.
    ///
    /// # Errors
    ///
    /// `Corrupted` if they are not what such a task makes.
    async fn of(workspace: &Workspace, versions: Vec<Version>) -> Result<Self>;
}

/// The versions themselves.
#[async_trait]
impl TaskOutput for Vec<Version> {
    async fn of(_: &Workspace, versions: Vec<Version>) -> Result<Self> {
        Ok(versions)
    }
}

/// The prediction set of an inference.
#[async_trait]
impl TaskOutput for Dataset {
    async fn of(workspace: &Workspace, versions: Vec<Version>) -> Result<Self> {
        Self::open(workspace.clone(), main(versions)?).await
    }
}

/// A model that a training made.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedModel {
    /// Its version.
    pub version: Version,
    /// Its stages, files and classes.
    pub model: Model,
    /// Its lineage and metrics.
    pub manifest: Manifest,
}

#[async_trait]
impl TaskOutput for TrainedModel {
    async fn of(workspace: &Workspace, versions: Vec<Version>) -> Result<Self> {
        let version = main(versions)?;
        let (model, manifest) = workspace.model(&version.id).await?;
        Ok(Self { version, model, manifest })
    }
}

/// What a mining chose.
#[derive(Debug, Clone)]
pub struct Mined {
    /// The chosen assets, without annotations.
    pub selected: Dataset,
    /// What the model said about them, where that was asked for.
    pub predictions: Option<Dataset>,
}

#[async_trait]
impl TaskOutput for Mined {
    async fn of(workspace: &Workspace, versions: Vec<Version>) -> Result<Self> {
        let predictions = match versions.get(1) {
            Some(version) => Some(Dataset::open(workspace.clone(), version.clone()).await?),
            None => None,
        };
        let selected = Dataset::open(workspace.clone(), main(versions)?).await?;
        Ok(Self { selected, predictions })
    }
}

fn main(versions: Vec<Version>) -> Result<Version> {
    let version = versions.into_iter().next();
    version.ok_or_else(|| Error::corrupted("the record of a task lacks its result"))
}
