//! The scheduler that a workspace has if its caller brings none.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use ymir_core::{
    Error, ErrorKind, ErrorReport, Result, Scheduler, SchedulerCapabilities, Submission,
    TaskDriver, TaskEvent, TaskId, TaskSpec, TaskStatus, WorkspaceId,
};
use ymir_tmi::scheduler::{LocalScheduler, Retention, SchedulerOptions};

/// What tasks of this host share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Host {
    /// CPU slots of all tasks; as many as the host has without.
    pub(crate) cpus: Option<u32>,
    /// The directory of the ledger; the one that all share without.
    pub(crate) dir: Option<PathBuf>,
    /// Which directories of ended tasks stay.
    pub(crate) retention: Retention,
}

/// The scheduler of a workspace.
pub(crate) struct Opened {
    pub(crate) scheduler: Arc<dyn Scheduler>,
    /// The same, where it is ours: for what the trait does not have.
    pub(crate) local: Option<LocalScheduler>,
    /// What a user is to know of it.
    pub(crate) warning: Option<String>,
}

/// Opens the scheduler of a workspace. If the disk is too full for its database, or nothing may be
/// written there, a workspace that is there already can do without: so that one can read it, take
/// things elsewhere, and make room.
pub(crate) fn open(root: &Path, id: &WorkspaceId, host: Host, exists: bool) -> Result<Opened> {
    match open_local(root, id, host) {
        Ok(scheduler) => {
            let (warning, local) = (set_aside(&scheduler), Some(scheduler.clone()));
            Ok(Opened { scheduler: Arc::new(scheduler), local, warning })
        }
        Err(error) if exists => {
            let reason = match error.kind() {
                ErrorKind::ResourceExhausted => NO_SPACE,
                ErrorKind::Unauthorized => READ_ONLY,
                _ => return Err(error),
            };
            let warning = format!("{}: none can be listed or started; {}", reason.0, reason.1);
            let scheduler = Arc::new(NoScheduler { reason, error: (&error).into() });
            Ok(Opened { scheduler, local: None, warning: Some(warning) })
        }
        Err(error) => Err(error),
    }
}

/// Why there is no scheduler, and what to do about it.
type Reason = (&'static str, &'static str);

const NO_SPACE: Reason = (
    "there is no space for the database of the tasks",
    "free some space, or allow more open files, and open the workspace again",
);
const READ_ONLY: Reason = (
    "the database of the tasks cannot be written by this user or on this file system",
    "the workspace can be read, and copied elsewhere",
);

fn open_local(root: &Path, id: &WorkspaceId, host: Host) -> Result<LocalScheduler> {
    let mut options = SchedulerOptions::new(id.clone(), root);
    options.host.cpus = host.cpus.unwrap_or_default();
    options.retention = host.retention;
    if let Some(dir) = host.dir {
        options.host.dir = dir;
    }
    #[cfg(feature = "nvidia")]
    {
        options.host.devices = Arc::new(ymir_tmi::gpu::NvmlDevices::new());
    }
    LocalScheduler::open(options)
}

/// Returns what a user is to know of a damaged database of the tasks.
fn set_aside(scheduler: &LocalScheduler) -> Option<String> {
    let path = scheduler.set_aside()?.display();
    Some(format!(
        "the database of the tasks was damaged: it was put aside as {path} and a new one was begun; \
         earlier tasks are no longer listed, datasets, models and projects are not affected"
    ))
}

/// Stands where there is no space for a scheduler: every call fails and says so.
#[derive(Debug)]
struct NoScheduler {
    reason: Reason,
    error: ErrorReport,
}

impl NoScheduler {
    fn error(&self) -> Error {
        let message =
            format!("when the workspace was opened, {}; {}", self.reason.0, self.reason.1);
        Error::new(self.error.kind, message).caused_by(Error::from(self.error.clone()))
    }

    fn stream(&self) -> BoxStream<'static, Result<TaskEvent>> {
        let error = self.error();
        stream::once(async { Err(error) }).boxed()
    }
}

#[async_trait]
impl Scheduler for NoScheduler {
    fn capabilities(&self) -> SchedulerCapabilities {
        SchedulerCapabilities::default()
    }

    /// There is nothing to carry out, which the workspace's warning says.
    async fn serve(&self, _: Arc<dyn TaskDriver>) -> Result<Vec<TaskId>> {
        Ok(Vec::new())
    }

    async fn adopt(&self) -> Result<Vec<TaskId>> {
        Err(self.error())
    }

    async fn submit(&self, _: TaskSpec) -> Result<Submission> {
        Err(self.error())
    }

    async fn settle(&self, _: &TaskId) -> Result<()> {
        Err(self.error())
    }

    async fn close(&self) -> Result<Vec<TaskId>> {
        Ok(Vec::new())
    }

    async fn status(&self, _: &TaskId) -> Result<TaskStatus> {
        Err(self.error())
    }

    async fn list(&self) -> Result<Vec<TaskStatus>> {
        Err(self.error())
    }

    async fn cancel(&self, _: &TaskId) -> Result<()> {
        Err(self.error())
    }

    async fn wait(&self, _: &TaskId) -> Result<TaskStatus> {
        Err(self.error())
    }

    fn events(&self, _: u64) -> BoxStream<'static, Result<TaskEvent>> {
        self.stream()
    }

    fn task_events(&self, _: &TaskId, _: u64) -> BoxStream<'static, Result<TaskEvent>> {
        self.stream()
    }

    async fn past_events(&self, _: &TaskId, _: u64) -> Result<Vec<TaskEvent>> {
        Err(self.error())
    }
}
