//! Versions that an import makes once, however often it is done.

use std::collections::HashMap;
use std::sync::Arc;

use ymir_core::{
    AssetStore, Branch, CommitRequest, ErrorKind, Expect, LogOptions, Result, Version, VersionId,
};

use super::lineage;

/// How often other writers of the branch may win before the import gives up.
const ATTEMPTS: usize = 8;

/// What is there of a branch.
#[derive(Debug, Default)]
pub(super) struct Known {
    by_fingerprint: HashMap<String, (Version, bool)>,
    tip: Option<VersionId>,
    seen: usize,
    has_imported: bool,
}

impl Known {
    pub(super) async fn load(store: &Arc<dyn AssetStore>, branch: &Branch) -> Result<Self> {
        let mut known = Self::default();
        known.refresh(store, branch).await?;
        Ok(known)
    }

    async fn refresh(&mut self, store: &Arc<dyn AssetStore>, branch: &Branch) -> Result<()> {
        let versions = match store.log(branch, LogOptions::default()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            result => result?,
        };
        for version in &versions[..versions.len().saturating_sub(self.seen)] {
            let task = store.manifest(&version.id).await?.task;
            self.has_imported |= lineage::is_imported(&task);
            let has_predictions = lineage::has_predictions(&task);
            self.by_fingerprint.insert(task.fingerprint, (version.clone(), has_predictions));
        }
        self.seen = versions.len();
        self.tip = versions.first().map(|version| version.id);
        Ok(())
    }

    /// Returns whether there are versions, and all of them are of something else.
    pub(super) fn is_foreign(&self) -> bool {
        self.seen > 0 && !self.has_imported
    }

    /// Returns the version of some work, and whether it says that there are predictions beside it.
    pub(super) fn find(&self, fingerprint: &str) -> Option<(&Version, bool)> {
        self.by_fingerprint.get(fingerprint).map(|(version, has)| (version, *has))
    }

    /// Commits the version of some work unless it is there, and returns whether it is new.
    pub(super) async fn commit(
        &mut self,
        store: &Arc<dyn AssetStore>,
        fingerprint: &str,
        request: impl Fn(Expect) -> CommitRequest,
    ) -> Result<(Version, bool)> {
        for attempt in 1.. {
            if let Some((version, _)) = self.find(fingerprint) {
                return Ok((version.clone(), false));
            }
            let request = request(self.tip.map_or(Expect::New, Expect::Tip));
            let branch = request.branch.clone();
            match store.commit(request).await {
                Ok(version) => {
                    self.tip = Some(version.id);
                    self.seen += 1;
                    self.has_imported = true;
                    self.by_fingerprint.insert(fingerprint.to_owned(), (version.clone(), false));
                    return Ok((version, true));
                }
                Err(error)
                    if attempt < ATTEMPTS
                        && matches!(
                            error.kind(),
                            ErrorKind::Conflict | ErrorKind::AlreadyExists
                        ) =>
                {
                    self.refresh(store, &branch).await?;
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the last attempt returns")
    }
}
