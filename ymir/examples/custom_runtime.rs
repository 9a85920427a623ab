//! Brings a runtime: executors run as local programs do, and each start is written to a journal.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use ymir::{
    ExecutorInfo, ExecutorRef, Layout, LocalRuntime, LogPosition, Name, Result, Run, RunHandle,
    RunRequest, RunState, RuntimeCapabilities, TaskOptions, TmiRuntime, TrainOptions, Workspace,
    WorkspaceOptions, samples,
};

#[derive(Debug, Default)]
struct Journal(LocalRuntime);

/// Returns the executor as the local runtime names it.
fn local(executor: &ExecutorRef) -> ExecutorRef {
    ExecutorRef { runtime: "local".into(), target: executor.target.clone() }
}

#[async_trait]
impl TmiRuntime for Journal {
    fn name(&self) -> &str {
        "journal"
    }
    fn capabilities(&self) -> RuntimeCapabilities {
        // Runs are listed by the runtime `local`.
        RuntimeCapabilities { lists: false, ..self.0.capabilities() }
    }
    fn layout(&self, executor: &ExecutorRef, dir: &Path) -> Layout {
        self.0.layout(&local(executor), dir)
    }
    async fn inspect(&self, executor: &ExecutorRef) -> Result<ExecutorInfo> {
        self.0.inspect(&local(executor)).await
    }
    async fn create(&self, mut request: RunRequest) -> Result<RunHandle> {
        request.executor.reference = local(&request.executor.reference);
        Ok(RunHandle { runtime: self.name().to_owned(), ..self.0.create(request).await? })
    }
    async fn start(&self, run: &RunHandle) -> Result<()> {
        println!("{}: attempt {} in {}", run.task, run.attempt, run.dir.display());
        self.0.start(run).await
    }
    async fn attach(&self, run: &RunHandle, from: Option<&LogPosition>) -> Result<Box<dyn Run>> {
        self.0.attach(run, from).await
    }
    async fn state(&self, run: &RunHandle) -> Result<RunState> {
        self.0.state(run).await
    }
    async fn remove(&self, run: &RunHandle) -> Result<()> {
        self.0.remove(run).await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let program = std::env::args().nth(1);
    let program = program.as_deref().unwrap_or("local:/usr/local/bin/ymir-detector");
    let executor = program.replace("local:", "journal:").parse()?;
    let options =
        WorkspaceOptions { runtimes: vec![Arc::new(Journal::default())], ..Default::default() };
    let workspace = Workspace::open_with("work", options).await?;
    let (pool, val) = (workspace.dataset("pool").await?, workspace.dataset("val").await?);
    let (task, name) = (TaskOptions::new(executor), Name::new("journaled")?);
    let train = TrainOptions::new(task, samples::classes(), pool.id(), val.id(), name);
    println!("{}", workspace.train(&train).await?.version);
    Ok(())
}
