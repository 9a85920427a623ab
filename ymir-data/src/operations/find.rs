use std::sync::Arc;

use ymir_core::{AssetStore, Branch, Result, Version};

/// Returns the newest version of a branch that was made by the work with this fingerprint
/// ([`TaskRecord::fingerprint`](ymir_core::TaskRecord::fingerprint)), as
/// [`AssetStore::find_by_fingerprint`] does.
///
/// # Errors
///
/// Those of the store.
pub async fn find_by_fingerprint(
    store: &Arc<dyn AssetStore>,
    branch: &Branch,
    fingerprint: &str,
) -> Result<Option<Version>> {
    store.find_by_fingerprint(branch, fingerprint).await
}
