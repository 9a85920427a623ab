//! Versions as the command line names and shows them.

use serde_json::{Value, json};
use ymir::{BranchKind, ErrorKind, Result, Timestamp, Version, VersionId, Workspace};

/// The order in which a name is looked for when no kind is given.
const SEARCH: [BranchKind; 4] =
    [BranchKind::Dataset, BranchKind::Project, BranchKind::Model, BranchKind::Prediction];

/// Returns the name of a kind as the command line has it.
pub(crate) fn kind_name(kind: BranchKind) -> &'static str {
    match kind {
        BranchKind::Dataset => "dataset",
        BranchKind::Prediction => "prediction",
        BranchKind::Model => "model",
        BranchKind::Project => "project",
    }
}

/// Returns the version that is meant: of the kind given, else of the first kind that has the name.
pub(crate) async fn find(
    workspace: &Workspace,
    kind: Option<BranchKind>,
    spec: &str,
) -> Result<Version> {
    if let Some(kind) = kind {
        return workspace.resolve(kind, spec).await;
    }
    let name = spec.split_once('@').map_or(spec, |(name, _)| name);
    for kind in SEARCH {
        if workspace.names(kind).await?.iter().any(|known| known.as_str() == name) {
            return workspace.resolve(kind, spec).await;
        }
    }
    // None has it: the error for a dataset says what there is.
    match workspace.resolve(BranchKind::Dataset, spec).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(ymir::Error::not_found(
            "nothing of this name in the workspace; `ymir log` lists what there is",
        )
        .with("name", name)),
        found => found,
    }
}

/// Returns the id of a dataset version.
pub(crate) async fn dataset(workspace: &Workspace, spec: &str) -> Result<VersionId> {
    Ok(workspace.resolve(BranchKind::Dataset, spec).await?.id)
}

/// Returns the id of a model version.
pub(crate) async fn model(workspace: &Workspace, spec: &str) -> Result<VersionId> {
    Ok(workspace.resolve(BranchKind::Model, spec).await?.id)
}

/// Returns a version as people write it, `train@v3`, whatever its branch.
pub(crate) async fn label(workspace: &Workspace, id: &VersionId) -> String {
    match workspace.store().version(id).await {
        Ok(version) => version.to_string(),
        Err(_) => short(id),
    }
}

/// Returns the first digits of an id.
pub(crate) fn short(id: &VersionId) -> String {
    id.to_string()[..10].to_owned()
}

/// Returns a version as JSON.
pub(crate) fn to_json(version: &Version) -> Value {
    json!({
        "kind": kind_name(version.branch.kind),
        "name": version.branch.name,
        "version": version.number,
        "id": version.id,
        "content": version.content,
        "created": version.created,
        "message": version.message,
    })
}

/// Returns a time to the second.
pub(crate) fn time(time: Timestamp) -> String {
    let text = time.to_string();
    let whole = text.split_once('.').map_or(text.trim_end_matches('Z'), |(whole, _)| whole);
    whole.replace('T', " ")
}
