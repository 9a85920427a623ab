use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{
    Error, Grant, LogLine, LogPosition, Result, RunState, Submission, TaskEvent, TaskId, TaskSpec,
    TaskStatus, VersionId,
};

/// Receives a task's progress and log.
#[async_trait]
pub trait TaskReporter: Send + Sync + fmt::Debug {
    /// Receives how much of the run is done, 0 to 1.
    fn progress(&self, fraction: f64, message: &str);

    /// Receives a line of log. `position` is where reading the run's log goes on behind it; it is
    /// recorded together with the line, so that no line is lost and none recorded twice.
    fn log(&self, line: LogLine, position: Option<LogPosition>);

    /// Receives why it cannot be found out at present whether the run has ended, or that it can be
    /// again.
    fn stalled(&self, reason: Option<&Error>);

    /// Returns whether the task is to be stopped.
    fn is_cancelled(&self) -> bool;

    /// Waits until the task is to be stopped; for ever if it never is.
    async fn cancelled(&self);
}

/// A task as its driver sees it.
#[derive(Debug, Clone)]
pub struct TaskContext {
    /// Its description.
    pub spec: Arc<TaskSpec>,
    /// Its directory.
    pub dir: PathBuf,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Receives progress and log.
    pub reporter: Arc<dyn TaskReporter>,
}

/// A unit of a task that is to be run.
#[derive(Debug, Clone)]
pub struct UnitContext {
    /// The task; its reporter is that of this unit.
    pub task: TaskContext,
    /// Which unit, from 0.
    pub unit: u32,
    /// The unit's directory, [`TaskSpec::unit_dir`].
    pub dir: PathBuf,
    /// Behind which line of the run's log nothing was recorded yet; `None` if no line was.
    pub position: Option<LogPosition>,
}

/// Carries tasks out, step by step. It keeps nothing between two steps but what lies in the task's
/// directory and in the store: any process can do the next step, or the same one again.
///
/// A step that fails ends the attempt, but for `collect`, which also follows a `run` that failed or
/// was cancelled, so that what there is can be kept. A dropped future of a step leaves the task as a
/// process that died there would.
#[async_trait]
pub trait TaskDriver: Send + Sync + fmt::Debug {
    /// Returns whether this process can carry the task on; a function of another program cannot be
    /// called here, for example.
    fn can_carry(&self, spec: &TaskSpec) -> bool;

    /// Returns whether the task's runtime queues by itself, so that its runs take nothing of this
    /// host's resources.
    fn queues_elsewhere(&self, spec: &TaskSpec) -> bool;

    /// Writes the task's directory, which is empty.
    async fn prepare(&self, task: &TaskContext) -> Result<()>;

    /// Runs a unit to its end: starts it, or follows the run of this attempt that an earlier process
    /// created.
    ///
    /// # Behavior
    ///
    /// - What identifies the run is in the unit's directory before the run starts.
    /// - While it cannot be found out whether the run has ended, it waits and tells the reporter.
    ///
    /// # Errors
    ///
    /// `Cancelled` if it ended because the task is to be stopped.
    async fn run(&self, unit: &UnitContext, grant: &Grant) -> Result<()>;

    /// Returns where the run of a unit's last attempt stands; `None` if none was created.
    ///
    /// # Errors
    ///
    /// - `Unavailable` if that cannot be found out at present, also for want of the runtime.
    async fn run_state(&self, spec: &TaskSpec, unit_dir: &Path) -> Result<Option<RunState>>;

    /// Ends the run of a unit's last attempt, if there is one, and frees what is kept of it.
    async fn end_run(&self, spec: &TaskSpec, unit_dir: &Path) -> Result<()>;

    /// Reads and checks what the executor wrote. `run` is how the run ended.
    async fn collect(&self, task: &TaskContext, run: Result<&(), &Error>) -> Result<()>;

    /// Makes the result versions, each once, however often it is called. Only after a run and a
    /// collection that went well.
    async fn commit(&self, task: &TaskContext) -> Result<Vec<VersionId>>;
}

/// What a scheduler can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SchedulerCapabilities {
    /// Tasks outlive the process that submitted them.
    pub durable: bool,
    /// It grants GPUs.
    pub gpus: bool,
    /// Its grants are counted for the whole host, not for one process.
    pub host_wide: bool,
}

/// Runs tasks: queues them, grants resources, and tells how they come on.
///
/// A scheduler opened for reading answers all questions, and takes, ends and adopts nothing.
/// [`Scheduler::serve`] makes it work.
#[async_trait]
pub trait Scheduler: Send + Sync + fmt::Debug {
    /// Returns what this scheduler can do.
    fn capabilities(&self) -> SchedulerCapabilities;

    /// Begins to carry tasks out with a driver, and adopts those that have no living owner. Returns
    /// the adopted ones.
    ///
    /// # Behavior
    ///
    /// - Of several processes that serve, one adopts a task.
    /// - An adopted task goes on with the step that was recorded for it; a run that goes on is
    ///   followed, its log behind the last recorded line.
    /// - A task that the driver cannot carry stays without an owner. If its runs cannot have survived
    ///   their process and no retry is left, it ends as `Failed` with a retryable `Unavailable`.
    ///
    /// # Errors
    ///
    /// - `AlreadyExists` if it serves already.
    async fn serve(&self, driver: Arc<dyn TaskDriver>) -> Result<Vec<TaskId>>;

    /// Adopts tasks that have no living owner, as [`Scheduler::serve`] does; while it serves this
    /// also happens from time to time.
    ///
    /// # Errors
    ///
    /// - `Unsupported` unless it serves.
    async fn adopt(&self) -> Result<Vec<TaskId>>;

    /// Queues a task.
    ///
    /// # Behavior
    ///
    /// - Where [`TaskSpec::reuse`] allows it, an unfinished task with the same fingerprint and
    ///   outputs is joined in place of queueing another.
    /// - Its steps run in order: prepare, allocate, run, collect, commit; each is recorded before
    ///   it begins.
    /// - Tasks that wait are granted resources by priority, then fairly between shares, then in the
    ///   order of their submission. One that fits does not overtake an earlier one that does not,
    ///   for ever.
    /// - Resources are given back however the task ends, and only after its run did.
    /// - A retryable failure is tried again as [`TaskSpec::retry`] says; each attempt starts with an
    ///   empty directory.
    ///
    /// # Errors
    ///
    /// - `AlreadyExists` if the id was used before.
    /// - `ResourceExhausted` if the host can never satisfy the request.
    /// - `Unsupported` unless it serves.
    async fn submit(&self, spec: TaskSpec) -> Result<Submission>;

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

    /// Ends a task that is stalled ([`TaskStatus::stalled`]): its run counts as ended, its resources
    /// are given back, and it fails.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is none; `Conflict` if it is not stalled.
    async fn settle(&self, id: &TaskId) -> Result<()>;

    /// Waits until a task has ended, and returns its last status.
    ///
    /// # Behavior
    ///
    /// - While this scheduler serves, a task whose owner died is adopted.
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

    /// Stops to carry tasks on and returns those that are unfinished. Runs that can survive go on;
    /// the next scheduler that serves adopts their tasks.
    async fn close(&self) -> Result<Vec<TaskId>>;
}
