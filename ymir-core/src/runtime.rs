use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::{ExecutorInfo, ExecutorRef, Result, TaskId, WorkspaceId};

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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            network: false,
            capabilities: false,
            image_user: false,
            pids: 4096,
            shared_memory: 0,
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

/// One start of an executor over a prepared task directory.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The workspace, to find its runs again.
    pub workspace: WorkspaceId,
    /// The task.
    pub task: TaskId,
    /// The executor.
    pub executor: ExecutorRef,
    /// The task directory on this host; it holds `in` and `out`.
    pub dir: PathBuf,
    /// What it may use.
    pub grant: Grant,
    /// What it may do.
    pub limits: Limits,
    /// Further environment variables.
    pub environment: BTreeMap<String, String>,
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
#[async_trait]
pub trait TmiRuntime: Send + Sync + fmt::Debug {
    /// Returns the name that an [`ExecutorRef`] names this runtime by.
    fn name(&self) -> &str;

    /// Returns the paths that the executor of a task directory sees.
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

    /// Starts an executor.
    ///
    /// # Behavior
    ///
    /// - `<dir>/in` is read-only to the executor where the runtime can enforce it, `<dir>/out` is
    ///   writable.
    /// - The environment variable `YMIR_ENV_FILE` names `env.yaml` where it is not at
    ///   `/in/env.yaml`.
    /// - Runs of a task of this workspace that a dead process left behind are ended first.
    /// - A dropped [`Run`] does not leave the executor running.
    ///
    /// # Errors
    ///
    /// - As [`TmiRuntime::inspect`]; `ResourceExhausted` if the grant cannot be given.
    async fn start(&self, request: RunRequest) -> Result<Box<dyn Run>>;

    /// Ends the runs of a task of a workspace that a dead process left behind; `dir` is the task
    /// directory. [`TmiRuntime::start`] does so too, for its own task.
    ///
    /// # Behavior
    ///
    /// - Returns when they have ended. Nothing happens if there are none.
    ///
    /// # Errors
    ///
    /// - `Conflict` if the process that started the run is known to be alive.
    /// - `Unavailable` if the engine cannot be reached.
    async fn end_left_behind(
        &self,
        workspace: &WorkspaceId,
        task: &TaskId,
        dir: &Path,
    ) -> Result<()>;
}

/// An executor that was started.
#[async_trait]
pub trait Run: Send + Sync + fmt::Debug {
    /// Returns the lines that it writes, from the first to the last; once.
    ///
    /// # Behavior
    ///
    /// - Lines arrive while it runs, those of one source in order; the stream ends with the run.
    /// - A line longer than 64 KiB is cut there. A second call gives an empty stream.
    fn logs(&self) -> BoxStream<'static, LogLine>;

    /// Stops it: TERM, then KILL when the grace period is over. Returns without waiting for the end.
    ///
    /// # Behavior
    ///
    /// - Its child processes are stopped with it.
    /// - Nothing happens if it has ended.
    async fn stop(&self, grace: Duration) -> Result<()>;

    /// Waits for the end; can be called again, with the same answer.
    async fn wait(&self) -> Result<RunEnd>;
}
