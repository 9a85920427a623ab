//! Models, as the TypeScript half reads them.

use serde::Serialize;
use ymir::{BranchKind, Manifest, Model, Result, Version, Workspace};

/// A model with its version and lineage.
#[derive(Serialize)]
pub(crate) struct OpenedModel {
    version: Version,
    model: Model,
    manifest: Manifest,
}

impl OpenedModel {
    /// Returns the model that a spec means.
    pub(crate) async fn open(workspace: &Workspace, spec: &str) -> Result<Self> {
        let version = workspace.resolve(BranchKind::Model, spec).await?;
        let (model, manifest) = workspace.model(&version.id).await?;
        Ok(Self { version, model, manifest })
    }
}
