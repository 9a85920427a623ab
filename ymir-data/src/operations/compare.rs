use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ymir_core::{AssetStore, Change, Result, Summary, VersionId};

use super::commit::batch_after;

/// The counts of what differs between two versions, those per class among them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Comparison {
    /// The records that only the second has.
    pub added: Summary,
    /// The records that only the first has.
    pub removed: Summary,
    /// The records that both have, with different metadata or annotations, as they are in the
    /// first.
    pub before: Summary,
    /// The same records as they are in the second.
    pub after: Summary,
}

impl Comparison {
    /// Returns how many assets both have, with different metadata or annotations.
    pub fn changed(&self) -> u64 {
        self.after.assets
    }

    /// Returns whether the two are equal.
    pub fn is_empty(&self) -> bool {
        [&self.added, &self.removed, &self.after].iter().all(|summary| summary.assets == 0)
    }
}

/// Counts what differs from one version to another. The cost is in proportion to the difference.
///
/// # Errors
///
/// `NotFound` if a version does not exist.
pub async fn compare(
    store: &Arc<dyn AssetStore>,
    from: &VersionId,
    to: &VersionId,
) -> Result<Comparison> {
    let mut comparison = Comparison::default();
    let mut last = None;
    loop {
        let changes = store.diff(from, to, batch_after(last)).await?;
        let Some(change) = changes.last() else { return Ok(comparison) };
        last = Some(change.id());
        for change in &changes {
            match change {
                Change::Added(record) => comparison.added.add(record),
                Change::Removed(record) => comparison.removed.add(record),
                Change::Changed { from, to } => {
                    comparison.before.add(from);
                    comparison.after.add(to);
                }
            }
        }
    }
}
