use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use tempfile::TempDir;
use ymir_core::{
    ExecutorRef, Grant, Limits, LogLine, LogPosition, LogSource, PinnedExecutor, Run, RunEnd,
    RunHandle, RunLine, RunRequest, RunState, TaskId, TmiRuntime, WorkspaceId,
};

/// How long anything may take before a test gives up on it.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Lines at the head of every script: `$E` is `env.yaml`, `$IN` and `$OUT` are the two directories.
const PRELUDE: &str = "E=${YMIR_ENV_FILE:-/in/env.yaml}\nIN=${E%/env.yaml}\nOUT=${IN%in}out\n";

/// What every executor of the suite has in its `/img-man` folder at least.
const TEMPLATE: (&str, &str) = ("training-template.yaml", "");

/// Makes executors out of shell scripts, for one runtime.
#[async_trait]
pub trait ScriptExecutors: Send + Sync + fmt::Debug {
    /// Returns an executor that runs this script with `/bin/sh`, and has these files in its
    /// `/img-man` folder.
    async fn make(&self, script: &str, manifest: &[(&str, &str)]) -> ExecutorRef;

    /// Returns the name of an executor that does not exist.
    fn missing(&self) -> ExecutorRef;
}

/// A runtime under test.
#[derive(Debug, Clone)]
pub struct RuntimeSuite {
    /// The runtime.
    pub runtime: Arc<dyn TmiRuntime>,
    /// Another instance of it, that knows of the first one's runs by their handles alone.
    pub second: Arc<dyn TmiRuntime>,
    /// What makes executors for it.
    pub executors: Arc<dyn ScriptExecutors>,
}

/// A task directory with one executor.
#[derive(Debug)]
pub(super) struct Case {
    dir: TempDir,
    pub(super) request: RunRequest,
    pub(super) runtime: Arc<dyn TmiRuntime>,
}

impl RuntimeSuite {
    pub(super) async fn case(&self, script: &str) -> Case {
        let executor = self.executors.make(&format!("{PRELUDE}{script}"), &[TEMPLATE]).await;
        let info = self.runtime.inspect(&executor).await.expect("it can be inspected");
        self.case_of(PinnedExecutor { reference: executor, digest: info.digest })
    }

    pub(super) fn case_of(&self, executor: PinnedExecutor) -> Case {
        let dir = TempDir::new().expect("a temporary folder");
        for folder in ["in", "out"] {
            std::fs::create_dir(dir.path().join(folder)).expect("a folder");
        }
        std::fs::write(dir.path().join("in/env.yaml"), "task_id: t1\n").expect("a file");
        let unique = dir.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let unique: String = unique.chars().filter(char::is_ascii_alphanumeric).collect();
        let request = RunRequest {
            workspace: WorkspaceId::new("conformance").expect("an id"),
            task: TaskId::new(format!("t{unique}")).expect("an id"),
            unit: 0,
            attempt: 1,
            executor,
            dir: dir.path().to_owned(),
            grant: Grant { gpus: Vec::new(), cpus: 1, memory: 0 },
            limits: Limits::default(),
            environment: BTreeMap::new(),
        };
        Case { dir, request, runtime: self.runtime.clone() }
    }
}

impl Case {
    pub(super) fn out(&self, name: &str) -> PathBuf {
        self.dir.path().join("out").join(name)
    }

    pub(super) async fn create(&self) -> RunHandle {
        self.runtime.create(self.request.clone()).await.expect("the run is created")
    }

    /// Creates and starts a run.
    pub(super) async fn start(&self) -> RunHandle {
        let handle = self.create().await;
        self.runtime.start(&handle).await.expect("the executor starts");
        handle
    }

    /// Creates, starts and follows a run.
    pub(super) async fn follow(&self) -> Box<dyn Run> {
        let handle = self.start().await;
        attach(self.runtime.as_ref(), &handle, None).await
    }

    /// Runs to the end; returns all lines too. Nothing is kept of the run.
    pub(super) async fn run(&self) -> (RunEnd, Vec<LogLine>) {
        let handle = self.start().await;
        let run = attach(self.runtime.as_ref(), &handle, None).await;
        let lines = lines(&rest(run.as_ref()).await);
        let end = ended(run.as_ref()).await;
        self.remove(&handle).await;
        (end, lines)
    }

    pub(super) async fn remove(&self, handle: &RunHandle) {
        in_time(self.runtime.remove(handle)).await.expect("the run can be removed");
    }

    /// Removes the run, whoever has its handle.
    pub(super) async fn clean(&self) {
        let handle = self.create().await;
        self.remove(&handle).await;
    }

    pub(super) async fn state(&self, handle: &RunHandle) -> RunState {
        self.runtime.state(handle).await.expect("the state is known")
    }

    pub(super) async fn wait_for(&self, name: &str) {
        let path = self.out(name);
        until(|| path.exists(), &format!("the executor writes {name}")).await;
    }
}

pub(super) async fn attach(
    runtime: &dyn TmiRuntime,
    handle: &RunHandle,
    from: Option<&LogPosition>,
) -> Box<dyn Run> {
    runtime.attach(handle, from).await.expect("the run can be followed")
}

pub(super) async fn ended(run: &dyn Run) -> RunEnd {
    match in_time(run.wait()).await.expect("the end is known") {
        RunState::Ended(end) => end,
        state => panic!("the run has ended, not {state:?}"),
    }
}

/// Reads the log to its end.
pub(super) async fn rest(run: &dyn Run) -> Vec<RunLine> {
    let lines = in_time(run.logs().collect::<Vec<_>>()).await;
    lines.into_iter().map(|line| line.expect("the log can be read")).collect()
}

pub(super) fn lines(lines: &[RunLine]) -> Vec<LogLine> {
    lines.iter().map(|line| line.line.clone()).collect()
}

/// Waits for something that must happen.
pub(super) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

/// Waits until a condition holds.
pub(super) async fn until(condition: impl Fn() -> bool, what: &str) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "did not happen in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until an executor that keeps rewriting a file no longer does.
pub(super) async fn until_still(file: &Path) {
    let mut last = None;
    for _ in 0..120 {
        let now = std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
        if now.is_some() && now == last {
            return;
        }
        last = now;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{} is still being written", file.display());
}

/// Returns the texts of one source.
pub(super) fn texts(lines: &[LogLine], source: LogSource) -> Vec<&str> {
    lines.iter().filter(|line| line.source == source).map(|line| line.text.as_str()).collect()
}
