use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::{
    Error, ErrorKind, ExecutorInfo, ExecutorRef, PinnedExecutor, Result, TaskId, Timestamp,
    WorkspaceId,
};

/// What a task may use while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grant {
    /// GPUs, by the UUID that NVML gives them; the executor sees them as 0, 1 …
    pub gpus: Vec<String>,
    /// CPU slots.
    pub cpus: u32,
    /// Memory in bytes; 0 for no bound.
    pub memory: u64,
}

/// What strangers' code may do, as far as the runtime can enforce it. The default is strict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Allows the network.
    pub network: bool,
    /// Keeps the Linux capabilities that the engine gives by default.
    pub capabilities: bool,
    /// Runs as the image's own user in place of the caller's.
    pub image_user: bool,
    /// The most processes and threads; 0 for no bound.
    pub pids: u32,
    /// Shared memory in bytes; 0 for the contract's default.
    pub shared_memory: u64,
    /// The most bytes that the files of a model may have together; 64 GiB by default.
    pub model_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            network: false,
            capabilities: false,
            image_user: false,
            pids: 4096,
            shared_memory: 0,
            model_bytes: 64 << 30,
        }
    }
}

/// The paths of a task's two directories as the executor sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What the contract calls `/in`.
    pub input: PathBuf,
    /// What the contract calls `/out`.
    pub output: PathBuf,
    /// Where the executor finds its own `manifest.yaml`.
    pub manifest: PathBuf,
}

/// One run of an executor over a prepared directory.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The workspace, to find its runs again.
    pub workspace: WorkspaceId,
    /// The task.
    pub task: TaskId,
    /// Which of the task's units, from 0.
    pub unit: u32,
    /// Which attempt at it, from 1.
    pub attempt: u32,
    /// The executor, fixed by its digest.
    pub executor: PinnedExecutor,
    /// The unit's directory on this host; it holds `in` and `out`.
    pub dir: PathBuf,
    /// What it may use.
    pub grant: Grant,
    /// What it may do.
    pub limits: Limits,
    /// Further environment variables.
    pub environment: BTreeMap<String, String>,
}

/// Names a run across processes, languages and hosts. It is written down before the run starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHandle {
    /// The name of the runtime.
    pub runtime: String,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The task.
    pub task: TaskId,
    /// The unit, from 0.
    pub unit: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The digest of the executor that runs.
    pub digest: String,
    /// The unit's directory on the host of the process that created the run.
    pub dir: PathBuf,
    /// What the runtime finds the run by: a container id, a process identity, a job of a cluster.
    pub data: serde_json::Value,
}

/// How far the log of a run was read; opaque to all but its runtime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogPosition(pub serde_json::Value);

/// A line of a run's log with the position behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLine {
    /// The line.
    pub line: LogLine,
    /// Where reading goes on after this line; covers all sources of the run.
    pub position: LogPosition,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It was created and not started.
    Created,
    /// It runs, and holds what it was granted.
    Running,
    /// It has ended.
    Ended(RunEnd),
    /// It is gone without a record of how it ended. It holds nothing any more.
    Lost,
}

/// A run that an engine or a host knows of, of whatever workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunListing {
    /// What the runtime calls it, for people: `container 3f2a…`.
    pub name: String,
    /// Its handle; none for what is no run of a task, a container made to inspect an image for
    /// example.
    pub handle: Option<RunHandle>,
    /// The unit's directory, where it is known; it may be gone, and its handle with it.
    pub dir: Option<PathBuf>,
    /// What to give to [`TmiRuntime::end_listed`].
    pub id: String,
    /// Whether it still runs.
    pub running: bool,
    /// When it was created, where that is known.
    pub created: Option<Timestamp>,
}

/// What a runtime can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuntimeCapabilities {
    /// Runs outlive the process that started them and can be attached to from another.
    pub survives: bool,
    /// It places and queues runs itself: tasks on it take nothing of the host's resources.
    pub queues: bool,
    /// It keeps the executor from reading and writing anything but its directories.
    pub isolates: bool,
    /// It enforces [`Grant::memory`].
    pub bounds_memory: bool,
    /// It gives GPUs.
    pub gpus: bool,
    /// It can list all its runs ([`TmiRuntime::list_runs`]).
    pub lists: bool,
}

/// Where a line of log came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogSource {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// YMIR itself.
    Ymir,
}

/// A line that a run wrote, without its line end. Bytes that are no UTF-8 are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Where it came from.
    pub source: LogSource,
    /// The text.
    pub text: String,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// It ended by itself, with an exit code.
    Exited,
    /// [`Run::stop`] ended it.
    Stopped,
    /// It was killed for using too much memory.
    OutOfMemory,
    /// Something else killed it by this signal.
    Signal(i32),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// Why.
    pub cause: EndCause,
    /// The exit code, where there is one.
    pub exit_code: Option<i64>,
}

/// Runs executors of one kind.
///
/// A run is *created*, its handle is written down, and only then it is *started*; any process can
/// *attach* to it by its handle, follow it and stop it. So a program can die at any moment without
/// losing the run, and no run exists that nobody can find.
#[async_trait]
pub trait TmiRuntime: Send + Sync + fmt::Debug {
    /// Returns the name that an [`ExecutorRef`] names this runtime by.
    fn name(&self) -> &str;

    /// Returns what this runtime can do.
    fn capabilities(&self) -> RuntimeCapabilities;

    /// Returns whether this process can run the executor as far as that can be told at once: a
    /// function of another program cannot be called here.
    fn can_run(&self, _executor: &ExecutorRef) -> bool {
        true
    }

    /// Returns the paths that the executor of a directory sees.
    ///
    /// # Behavior
    ///
    /// - Every path is absolute.
    fn layout(&self, executor: &ExecutorRef, dir: &Path) -> Layout;

    /// Reads what an executor says about itself, without running its code.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such executor; the message says how to get one.
    /// - `InvalidInput` if its manifest or a template is malformed; the file and field are named.
    /// - `Unavailable` if the engine cannot be reached.
    async fn inspect(&self, executor: &ExecutorRef) -> Result<ExecutorInfo>;

    /// Creates a run without starting it.
    ///
    /// # Behavior
    ///
    /// - No code of the executor runs.
    /// - A second call for the same workspace, task, unit and attempt returns the run that is there.
    /// - The executor is the one of the digest, whatever its name means now.
    /// - `<dir>/in` is read-only to the executor where the runtime can enforce it, `<dir>/out` is
    ///   writable. The environment variable `YMIR_ENV_FILE` names `env.yaml` where it is not at
    ///   `/in/env.yaml`.
    ///
    /// # Errors
    ///
    /// - As [`TmiRuntime::inspect`]; `Conflict` if the executor is no longer the one of the digest
    ///   and that one cannot be had; `ResourceExhausted` if the grant cannot be given.
    async fn create(&self, request: RunRequest) -> Result<RunHandle>;

    /// Starts a created run.
    ///
    /// # Behavior
    ///
    /// - Nothing happens if it was started before, also if it has ended since.
    /// - The executor is not bound to the life, the terminal or the session of this process where
    ///   [`RuntimeCapabilities::survives`] says so.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such run; `ResourceExhausted` if the grant cannot be given;
    ///   `InvalidInput` if its command cannot be started; `Unavailable` if the engine cannot be
    ///   reached.
    async fn start(&self, handle: &RunHandle) -> Result<()>;

    /// Follows a run that was started, by this or another process. `from` is the position behind the
    /// last line that was read; `None` for the first line.
    ///
    /// # Behavior
    ///
    /// - The log goes on behind `from`: no line is lost, none comes twice.
    /// - Works for a run that has ended, until [`TmiRuntime::remove`].
    /// - A dropped [`Run`] leaves the executor running where the runtime's runs survive; elsewhere it
    ///   ends the run.
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no trace of the run.
    /// - `Unavailable` if the engine cannot be reached.
    async fn attach(&self, handle: &RunHandle, from: Option<&LogPosition>) -> Result<Box<dyn Run>>;

    /// Returns where a run stands.
    ///
    /// # Errors
    ///
    /// - `Unavailable` if that cannot be found out at present.
    async fn state(&self, handle: &RunHandle) -> Result<RunState>;

    /// Ends a run if it is not over, and frees what is kept of it, its log included; its directory
    /// stays.
    ///
    /// # Behavior
    ///
    /// - Returns when it has ended. Nothing happens if there is no trace of it.
    ///
    /// # Errors
    ///
    /// - `Unavailable` if the engine cannot be reached.
    async fn remove(&self, handle: &RunHandle) -> Result<()>;

    /// Returns all that this runtime keeps for YMIR on this host or engine, of any workspace of this
    /// user.
    ///
    /// # Errors
    ///
    /// - `Unsupported` where [`RuntimeCapabilities::lists`] says so; `Unavailable` if the engine
    ///   cannot be reached.
    async fn list_runs(&self) -> Result<Vec<RunListing>> {
        Err(Error::new(ErrorKind::Unsupported, "this runtime cannot list its runs"))
    }

    /// Ends and removes what [`TmiRuntime::list_runs`] returned, by its id. What is not YMIR's is not
    /// touched.
    ///
    /// # Errors
    ///
    /// - As [`TmiRuntime::list_runs`]; `InvalidInput` if it is not YMIR's.
    async fn end_listed(&self, id: &str) -> Result<()> {
        let error = Error::new(ErrorKind::Unsupported, "this runtime cannot list its runs");
        Err(error.with("run", id))
    }
}

/// A run that is followed.
#[async_trait]
pub trait Run: Send + Sync + fmt::Debug {
    /// Returns the lines that it writes, from where it was attached to the last; once.
    ///
    /// # Behavior
    ///
    /// - Lines arrive while it runs, those of one source in order; the stream ends with the run.
    /// - A line longer than 64 KiB is cut there. A second call gives an empty stream.
    /// - An engine that is away is waited for.
    fn logs(&self) -> BoxStream<'static, Result<RunLine>>;

    /// Stops it: TERM, then KILL when the grace period is over. Returns without waiting for the end.
    ///
    /// # Behavior
    ///
    /// - Its child processes are stopped with it.
    /// - Nothing happens if it has ended.
    async fn stop(&self, grace: Duration) -> Result<()>;

    /// Waits for the end; can be called again, with the same answer.
    ///
    /// # Behavior
    ///
    /// - An engine that is away is waited for, however long that takes.
    async fn wait(&self) -> Result<RunState>;
}
