use std::time::Duration;

use serde::Serialize;
use ymir_core::{
    LabelJobId, LabelStatus, LabelerSpec, Name, Result, Timestamp, Version, VersionId,
};

use super::LabelOptions;
use super::registry::Entry;
use crate::Workspace;

/// A labeling job that was started ([`Workspace::start_label`]). It lives on when the program ends:
/// [`Workspace::label_jobs`] finds it again.
#[derive(Debug, Clone)]
pub struct LabelJob {
    pub(super) workspace: Workspace,
    pub(super) entry: Entry,
}

/// A labeling job as plain data.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LabelJobInfo {
    /// The id.
    pub id: LabelJobId,
    /// Who labels.
    pub labeler: LabelerSpec,
    /// The dataset version whose assets are labeled.
    pub dataset: VersionId,
    /// The classes that the labeler may use.
    pub classes: Vec<String>,
    /// The dataset that the labels are committed to.
    pub labeled: Name,
    /// Where people label, where that is known: a URL or a folder.
    pub place: Option<String>,
    /// Whether the labeler has all of the job; one that is not ready goes on when it is started
    /// again or waited for.
    pub ready: bool,
    /// When it was started.
    pub created: Timestamp,
    /// The version with the labels, once the job was finished and collected.
    pub collected: Option<VersionId>,
}

impl LabelJob {
    pub(super) fn new(workspace: Workspace, entry: Entry) -> Self {
        Self { workspace, entry }
    }

    /// Returns the id.
    pub fn id(&self) -> &LabelJobId {
        &self.entry.handle.job
    }

    /// Returns what the job was started with.
    pub fn options(&self) -> &LabelOptions {
        &self.entry.options
    }

    /// Returns where people label, where that is known: a URL or a folder.
    pub fn place(&self) -> Option<&str> {
        self.entry.handle.place.as_deref()
    }

    /// Returns the job as plain data, as it was when this handle was obtained.
    pub fn info(&self) -> LabelJobInfo {
        let Entry { handle, options, created, collected, .. } = self.entry.clone();
        LabelJobInfo {
            id: handle.job,
            labeler: options.labeler,
            dataset: options.dataset,
            classes: options.classes,
            labeled: options.labeled,
            place: handle.place,
            ready: handle.ready,
            created,
            collected,
        }
    }

    /// Returns how far the labeler is.
    ///
    /// # Errors
    ///
    /// `NotFound` if the job was cancelled, or removed at the backend.
    pub async fn status(&self) -> Result<LabelStatus> {
        let options = &self.entry.options;
        if !self.entry.handle.ready {
            let total = self.workspace.store().manifest(&options.dataset).await?.summary.assets;
            return Ok(LabelStatus { total, ..LabelStatus::default() });
        }
        self.workspace.labeler(&options.labeler)?.status(&self.entry.handle).await
    }

    /// Waits until the labeler says that the job is done, and commits the labels.
    ///
    /// # Errors
    ///
    /// As [`LabelJob::status`] and [`LabelJob::collect`]; where the job is not ready, as
    /// [`Workspace::start_label`].
    pub async fn wait(&self) -> Result<Version> {
        if !self.entry.handle.ready {
            let job = self.workspace.start_label(&self.entry.options).await?;
            return Box::pin(job.wait()).await;
        }
        let mut pause = Duration::from_millis(50);
        while !self.status().await?.finished {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        self.collect().await
    }

    /// Cancels the job: what was labeled and not collected is lost.
    ///
    /// # Errors
    ///
    /// `NotFound` if it was cancelled before; those of the backend.
    pub async fn cancel(&self) -> Result<()> {
        let (id, registry) = (self.id(), self.workspace.label_registry());
        let _lock = registry.lock(id).await?;
        let Some(entry) = registry.read(id).await? else {
            return Err(self.workspace.no_label_job(id).await);
        };
        self.workspace.labeler(&entry.options.labeler)?.cancel(&entry.handle).await?;
        registry.remove(id).await
    }
}
