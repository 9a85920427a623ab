use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{Grant, LogLine, Result, TaskEvent, TaskId, TaskRequest, TaskStatus, VersionId};

/// Where a task tells how it comes on.
#[async_trait]
pub trait TaskReporter: Send + Sync + fmt::Debug {
    /// Tells how much is done, 0 to 1.
    fn progress(&self, fraction: f64, message: &str);

    /// Passes a line of log on.
    fn log(&self, line: LogLine);

    /// Returns whether the task is to be stopped.
    fn is_cancelled(&self) -> bool;

    /// Waits until the task is to be stopped; for ever if it never is.
    async fn cancelled(&self);
}

/// What a task is given to work with.
#[derive(Debug, Clone)]
pub struct TaskContext {
    /// The task.
    pub id: TaskId,
    /// Its own directory, empty at the start.
    pub dir: PathBuf,
    /// Where it tells how it comes on.
    pub reporter: Arc<dyn TaskReporter>,
}

/// The work of a task, cut into steps. A step that fails ends the task, but for `collect`, which
/// also runs after a `run` that failed or was cancelled, so that what there is can be kept.
#[async_trait]
pub trait TaskWork: Send + Sync + fmt::Debug {
    /// Writes the task directory.
    async fn prepare(&self, task: &TaskContext) -> Result<()>;

    /// Runs the executor with what it was granted.
    ///
    /// # Errors
    ///
    /// `Cancelled` if it ended because the task is to be stopped.
    async fn run(&self, task: &TaskContext, grant: &Grant) -> Result<()>;

    /// Reads and checks what the executor wrote. `run` is how the run ended.
    async fn collect(&self, task: &TaskContext, run: Result<&(), &crate::Error>) -> Result<()>;

    /// Makes the result versions. Only after a run and a collection that went well.
    async fn commit(&self, task: &TaskContext) -> Result<Vec<VersionId>>;
}

/// Runs tasks: queues them, grants resources, and tells how they come on.
#[async_trait]
pub trait Scheduler: Send + Sync + fmt::Debug {
    /// Queues a task.
    ///
    /// # Behavior
    ///
    /// - Its steps run in order: prepare, allocate, run, collect, commit; each is recorded before
    ///   it begins.
    /// - Tasks that wait are granted resources by priority, then in the order of their submission.
    ///   One that fits does not overtake an earlier one that does not, for ever.
    /// - Resources are given back however the task ends, and only after its run did.
    ///
    /// # Errors
    ///
    /// - `AlreadyExists` if the id was used before.
    /// - `ResourceExhausted` if the host can never satisfy the request.
    async fn submit(&self, request: TaskRequest, work: Arc<dyn TaskWork>) -> Result<()>;

    /// Returns what is known of a task.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is none.
    async fn status(&self, id: &TaskId) -> Result<TaskStatus>;

    /// Returns all tasks, newest first.
    async fn list(&self) -> Result<Vec<TaskStatus>>;

    /// Asks a task to stop; it ends as `Terminated`. Nothing happens if it has ended.
    ///
    /// # Behavior
    ///
    /// - A task that waits does not run.
    /// - In its last step it can be too late: a commit that goes well makes it `Done`.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is none.
    async fn cancel(&self, id: &TaskId) -> Result<()>;

    /// Waits until a task has ended, and returns its last status.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is none.
    async fn wait(&self, id: &TaskId) -> Result<TaskStatus>;

    /// Returns the events after a sequence number, 0 for all that are kept, and then those to come.
    ///
    /// # Behavior
    ///
    /// - In the order of `seq`, each at least once, the last state of each task always.
    fn events(&self, after: u64) -> BoxStream<'static, Result<TaskEvent>>;

    /// Returns the events of one task after a sequence number, 0 for all that are kept, and then
    /// those to come, up to its last state.
    ///
    /// # Behavior
    ///
    /// - As [`Scheduler::events`] without those of other tasks, which are not read either.
    /// - The stream ends with the event of the task's last state; at once if that came before.
    ///
    /// # Errors
    ///
    /// - `NotFound`, as its only item, if there is no such task.
    /// - As its last item, why the end of the task cannot be recorded, a full disk for example;
    ///   [`Scheduler::wait`] knows the end all the same.
    fn task_events(&self, id: &TaskId, after: u64) -> BoxStream<'static, Result<TaskEvent>>;

    /// Returns the next events of one task that are there already, after a sequence number: some of
    /// them, in their order, or none if there are no more.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such task.
    async fn past_events(&self, id: &TaskId, after: u64) -> Result<Vec<TaskEvent>>;
}
