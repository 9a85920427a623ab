use std::sync::Arc;

use ymir_core::{AssetStore, Branch, ErrorKind, Result, Version};

/// Returns the newest version of a branch that was made by the work with this fingerprint
/// ([`TaskRecord::fingerprint`](ymir_core::TaskRecord::fingerprint)).
///
/// `None` if there is none, if the branch does not exist, and for an empty fingerprint, which is
/// that of work that reads something outside the workspace. Reads the manifest of each version,
/// newest first, until it is found.
///
/// # Errors
///
/// Those of the store.
pub async fn find_by_fingerprint(
    store: &Arc<dyn AssetStore>,
    branch: &Branch,
    fingerprint: &str,
) -> Result<Option<Version>> {
    if fingerprint.is_empty() {
        return Ok(None);
    }
    find_in(store, &log(store, branch).await?, fingerprint).await
}

/// Returns the versions of a branch, newest first; none if it does not exist.
pub(super) async fn log(store: &Arc<dyn AssetStore>, branch: &Branch) -> Result<Vec<Version>> {
    match store.log(branch).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        result => result,
    }
}

/// Returns the first of these versions that has the fingerprint.
pub(super) async fn find_in(
    store: &Arc<dyn AssetStore>,
    versions: &[Version],
    fingerprint: &str,
) -> Result<Option<Version>> {
    for version in versions {
        if store.manifest(&version.id).await?.task.fingerprint == fingerprint {
            return Ok(Some(version.clone()));
        }
    }
    Ok(None)
}
