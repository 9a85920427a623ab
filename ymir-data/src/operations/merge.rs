use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ymir_core::{AssetStore, Branch, Change, Edit, Error, Result, TaskKind, Version, VersionId};

use super::commit::{Operation, Plan, batch_after, first_ids};
use super::stream::EditSender;

/// What to do with an asset that both sides of a merge have with different annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MergeStrategy {
    /// Fail, name the assets, change nothing.
    #[default]
    Stop,
    /// Keep the record of the base.
    Ours,
    /// Take the record of the other.
    Theirs,
}

impl MergeStrategy {
    /// Returns the name, as it is serialised and parsed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        }
    }
}

impl FromStr for MergeStrategy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "stop" => Ok(Self::Stop),
            "ours" => Ok(Self::Ours),
            "theirs" => Ok(Self::Theirs),
            _ => Err(Error::invalid("expected stop, ours or theirs").with("conflicts", text)),
        }
    }
}

/// Commits the union of two versions.
///
/// An asset that both have with the same annotations is no conflict; where its metadata (its file
/// name or attributes) differs, the base's is kept, except by [`MergeStrategy::Theirs`]. The cost
/// is in proportion to the difference of the two.
///
/// # Errors
///
/// - `NotFound` if a version does not exist.
/// - `InvalidInput` if the three are not of one kind, the two of different object types, or, by [`MergeStrategy::Stop`], if
///   annotations differ; the message counts the assets and names the first.
pub async fn merge(
    store: &Arc<dyn AssetStore>,
    base: &VersionId,
    other: &VersionId,
    conflicts: MergeStrategy,
    target: &Branch,
) -> Result<Version> {
    let theirs = store.version(other).await?;
    if theirs.branch.kind != target.kind {
        let message = "datasets merge with datasets, and prediction sets with prediction sets";
        return Err(Error::invalid(message).with("other", &theirs.branch).with("target", target));
    }
    let operation = Operation::new(store, TaskKind::Merge, "merge", base, target).await?;
    let mut operation = operation
        .input("other", *other)
        .parameter("conflicts", format!("{:?}", conflicts.as_str()));
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let (ours, other_manifest) = (store.manifest(base).await?, store.manifest(other).await?);
    let operation = operation.joining(&[&ours, &other_manifest])?;
    let message = format!("Merge {theirs} into {}", operation.source());
    operation.commit(Plan::Merge(*other, conflicts), message).await
}

/// Sends what the other version adds to the base.
pub(super) async fn send_merge(
    store: &Arc<dyn AssetStore>,
    base: VersionId,
    other: VersionId,
    strategy: MergeStrategy,
    sender: EditSender,
) -> Result<()> {
    let mut after = None;
    let mut conflicts = Vec::new();
    loop {
        let changes = store.diff(&base, &other, batch_after(after)).await?;
        let Some(last) = changes.last() else { break };
        after = Some(last.id());
        let mut edits = Vec::new();
        for change in changes {
            match change {
                Change::Removed(_) => {}
                Change::Added(record) => edits.push(Edit::Put(record)),
                Change::Changed { to, .. } if strategy == MergeStrategy::Theirs => {
                    edits.push(Edit::Put(to));
                }
                Change::Changed { from, to } => {
                    if strategy == MergeStrategy::Stop && from.annotations != to.annotations {
                        conflicts.push(to.asset.id);
                    }
                }
            }
        }
        // With a conflict nothing will be committed: only the counting goes on.
        if conflicts.is_empty() && !edits.is_empty() {
            sender.send(edits).await?;
        }
    }
    if conflicts.is_empty() {
        return sender.finish().await;
    }
    let message = "the two versions have assets with different annotations; merge with `ours` or `theirs` to choose a side";
    Err(Error::invalid(message)
        .with("base", base)
        .with("other", other)
        .with("conflicts", conflicts.len())
        .with("assets", first_ids(&conflicts)))
}
