use std::time::Duration;

use serde::Serialize;
use ymir_core::{ErrorKind, Result, RunHandle, RunListing, Timestamp};

use crate::Workspace;

/// How long looking into an image may take; what was made for it and is older was left behind.
const INSPECTION: Duration = Duration::from_secs(300);

/// Why nobody will ever collect a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverReason {
    /// The directory of its task is gone, and with it the workspace perhaps.
    DirectoryGone,
    /// Its task has ended, or is not known to the workspace.
    TaskEnded,
    /// It was made to look into an image.
    Inspection,
}

/// What a run, or what was made for one, left behind on an engine or on this host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leftover {
    /// The name of the runtime that has it.
    pub runtime: String,
    /// What it is.
    pub run: RunListing,
    /// Why it is left over.
    pub reason: LeftoverReason,
}

impl Workspace {
    /// Returns what the runtimes of this workspace keep for runs that nobody will collect: of any
    /// workspace of this user, and nothing that is not YMIR's.
    ///
    /// # Errors
    ///
    /// `Unavailable` if an engine that answered before cannot be reached now.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let mut found = Vec::new();
        for runtime in self.inner.runtimes.iter().filter(|r| r.capabilities().lists) {
            let runs = match runtime.list_runs().await {
                // An engine that is not there has nothing.
                Err(error) if error.kind() == ErrorKind::Unavailable => continue,
                runs => runs?,
            };
            for run in runs {
                if let Some(reason) = self.left_over(&run).await? {
                    found.push(Leftover { runtime: runtime.name().to_owned(), run, reason });
                }
            }
        }
        Ok(found)
    }

    async fn left_over(&self, run: &RunListing) -> Result<Option<LeftoverReason>> {
        if run.dir.as_ref().is_some_and(|dir| !dir.is_dir()) {
            return Ok(Some(LeftoverReason::DirectoryGone));
        }
        match &run.handle {
            Some(handle) if handle.workspace == *self.id() => self.ended(handle).await,
            // Another workspace that is there knows what it needs.
            Some(_) => Ok(None),
            None => {
                let age = run.created.map(|created| Timestamp::now().duration_since(created));
                let fresh = age.is_some_and(|age| age.unsigned_abs() < INSPECTION);
                Ok((!fresh).then_some(LeftoverReason::Inspection))
            }
        }
    }

    async fn ended(&self, handle: &RunHandle) -> Result<Option<LeftoverReason>> {
        let ended = match self.scheduler().status(&handle.task).await {
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            status => status?.state.is_final(),
        };
        Ok(ended.then_some(LeftoverReason::TaskEnded))
    }

    /// Ends and removes leftovers.
    ///
    /// # Errors
    ///
    /// `Unavailable` if the engine cannot be reached.
    pub async fn end_leftovers(&self, leftovers: &[Leftover]) -> Result<()> {
        for leftover in leftovers {
            let runtimes = &self.inner.runtimes;
            let runtime = runtimes.iter().find(|runtime| runtime.name() == leftover.runtime);
            if let Some(runtime) = runtime {
                runtime.end_listed(&leftover.run.id).await?;
            }
        }
        Ok(())
    }
}
