use std::time::Duration;

use ymir_core::{
    Error, ErrorKind, FsckOptions, FsckReport, GarbageOptions, GarbageReport, Result, TaskId,
};
use ymir_tmi::scheduler::{CleanReport, HostLease, LocalScheduler};

use crate::Workspace;

impl Workspace {
    /// Checks everything that the versions of the workspace are made of.
    ///
    /// # Errors
    ///
    /// As [`AssetStore::fsck`](ymir_core::AssetStore::fsck); damage is in the report.
    pub async fn fsck(&self, options: FsckOptions) -> Result<FsckReport> {
        self.store().fsck(options).await
    }

    /// Deletes the image and model files that no version reaches.
    ///
    /// # Errors
    ///
    /// As [`AssetStore::collect_garbage`](ymir_core::AssetStore::collect_garbage).
    pub async fn collect_garbage(&self, options: GarbageOptions) -> Result<GarbageReport> {
        self.store().collect_garbage(options).await
    }

    /// Removes the directories of tasks that ended longer ago than this, or than the retention says
    /// with which the workspace was opened. Their results, records and logs of events stay.
    ///
    /// # Errors
    ///
    /// `Unsupported` with a scheduler of the caller's own. What cannot be removed is in the report.
    pub async fn clean_tasks(&self, older_than: Option<Duration>) -> Result<CleanReport> {
        self.local_scheduler()?.clean(older_than).await
    }

    /// Returns what tasks of this user hold on this host, of whichever workspace.
    ///
    /// # Errors
    ///
    /// `Unsupported` with a scheduler of the caller's own; `Unauthorized` if the directory of the host
    /// cannot be used.
    pub async fn host_leases(&self) -> Result<Vec<HostLease>> {
        self.local_scheduler()?.leases().await
    }

    /// Gives back what a task holds of this host whose process is gone, and of which nobody can find
    /// out whether its run has ended. See that it has before you do this.
    ///
    /// # Errors
    ///
    /// As [`Workspace::host_leases`]; `NotFound` if the task holds nothing; `Conflict` if the process
    /// that holds it is alive.
    pub async fn release_leases(&self, task: &TaskId) -> Result<()> {
        let scheduler = self.local_scheduler()?;
        let mut leases = scheduler.leases().await?;
        leases.retain(|lease| lease.task == *task);
        if leases.is_empty() {
            return Err(Error::not_found("this task holds nothing").with("task", task));
        }
        for lease in &leases {
            scheduler.settle_lease(lease).await?;
        }
        Ok(())
    }

    fn local_scheduler(&self) -> Result<&LocalScheduler> {
        self.inner.local.as_ref().ok_or_else(|| {
            let message = "the scheduler of this workspace is the embedding program's own; ask it";
            Error::new(ErrorKind::Unsupported, message)
        })
    }
}
