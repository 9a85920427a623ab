//! The scheduler that a workspace has if its caller brings none.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use ymir_core::{
    Error, ErrorKind, ErrorReport, Result, Scheduler, TaskEvent, TaskId, TaskRequest, TaskStatus,
    TaskWork,
};
use ymir_tmi::scheduler::{LocalScheduler, SchedulerOptions};

/// Shared by all workspaces of the host, so that none is granted a GPU that another has: the same
/// place whatever the environment of a process says.
const GPU_LEASES: &str = "/tmp/ymir-gpu-leases";

/// A scheduler with what a user is to know of it.
pub(crate) type Opened = (Arc<dyn Scheduler>, Option<String>);

/// Opens the scheduler of a workspace. If the disk is too full for its database, or nothing may be
/// written there, a workspace that is there already can do without: so that one can read it, take
/// things elsewhere, and make room.
pub(crate) fn open(root: &Path, cpus: Option<u32>, exists: bool) -> Result<Opened> {
    match open_local(root, cpus) {
        Ok(scheduler) => {
            let warning = set_aside(&scheduler);
            Ok((Arc::new(scheduler), warning))
        }
        Err(error) if exists => {
            let reason = match error.kind() {
                ErrorKind::ResourceExhausted => NO_SPACE,
                ErrorKind::Unauthorized => READ_ONLY,
                _ => return Err(error),
            };
            let warning = format!("{}: none can be listed or started; {}", reason.0, reason.1);
            Ok((Arc::new(NoScheduler { reason, error: (&error).into() }), Some(warning)))
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

fn open_local(root: &Path, cpus: Option<u32>) -> Result<LocalScheduler> {
    let mut options =
        SchedulerOptions::new(root.join("state/tasks.sqlite"), root.join("tasks"), GPU_LEASES);
    if let Some(cpus) = cpus {
        options.cpus = cpus;
    }
    #[cfg(feature = "nvidia")]
    {
        options.devices = Arc::new(ymir_tmi::gpu::NvmlDevices::new());
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
    async fn submit(&self, _: TaskRequest, _: Arc<dyn TaskWork>) -> Result<()> {
        Err(self.error())
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
