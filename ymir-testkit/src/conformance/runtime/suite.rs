use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use tempfile::TempDir;
use ymir_core::{
    ExecutorRef, Grant, Limits, LogLine, LogSource, Run, RunEnd, RunRequest, TaskId, TmiRuntime,
    WorkspaceId,
};

/// How long anything may take before a test gives up on it.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Lines at the head of every script: `$E` is `env.yaml`, `$IN` and `$OUT` are the two directories.
const PRELUDE: &str = "E=${YMIR_ENV_FILE:-/in/env.yaml}\nIN=${E%/env.yaml}\nOUT=${IN%in}out\n";

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
    /// What makes executors for it.
    pub executors: Arc<dyn ScriptExecutors>,
    /// Whether the runtime keeps an executor from writing to `/in`.
    pub read_only_input: bool,
}

/// A task directory with one executor.
#[derive(Debug)]
pub(super) struct Case {
    dir: TempDir,
    pub(super) request: RunRequest,
    runtime: Arc<dyn TmiRuntime>,
}

impl RuntimeSuite {
    pub(super) async fn case(&self, script: &str) -> Case {
        let executor = self.executors.make(&format!("{PRELUDE}{script}"), &[]).await;
        self.case_of(executor)
    }

    pub(super) fn case_of(&self, executor: ExecutorRef) -> Case {
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

    pub(super) async fn start(&self) -> Box<dyn Run> {
        self.runtime.start(self.request.clone()).await.expect("the executor starts")
    }

    /// Runs to the end; returns all lines too.
    pub(super) async fn run(&self) -> (RunEnd, Vec<LogLine>) {
        let run = self.start().await;
        let lines = in_time(run.logs().collect()).await;
        (ended(run.as_ref()).await, lines)
    }

    pub(super) async fn wait_for(&self, name: &str) {
        let path = self.out(name);
        until(|| path.exists(), &format!("the executor writes {name}")).await;
    }
}

pub(super) async fn ended(run: &dyn Run) -> RunEnd {
    in_time(run.wait()).await.expect("the end is known")
}

/// Waits for something that must happen.
pub(super) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens within a minute")
}

/// Waits until a condition holds.
pub(super) async fn until(condition: impl Fn() -> bool, what: &str) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "did not happen within a minute: {what}");
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
