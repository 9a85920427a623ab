use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ymir_core::{
    AssetStore, Error, ErrorKind, ExecutorRef, Grant, LogLine, LogSource, Result, RunRequest,
    RunState, TaskContext, TaskDriver, TaskId, TaskSpec, TmiRuntime, UnitContext, VersionId,
    WorkspaceId,
};

use super::collect::{self, Results};
use super::commit;
use super::follow::run_unit;
use super::prepare::{self, PreparedRecord, blocking};
use super::run_record::RunRecord;
use super::spec::TmiTask;
use crate::contract::sanitise_output;

/// The runtimes of a workspace, by name. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Runtimes(Arc<BTreeMap<String, Arc<dyn TmiRuntime>>>);

impl FromIterator<Arc<dyn TmiRuntime>> for Runtimes {
    /// Collects runtimes; a later one takes the place of an earlier one with its name.
    fn from_iter<I: IntoIterator<Item = Arc<dyn TmiRuntime>>>(runtimes: I) -> Self {
        let named = runtimes.into_iter().map(|runtime| (runtime.name().to_owned(), runtime));
        Self(Arc::new(named.collect()))
    }
}

impl Runtimes {
    /// Returns the runtime of an executor.
    ///
    /// # Errors
    ///
    /// `Unsupported`, with the runtimes that there are.
    pub fn of(&self, executor: &ExecutorRef) -> Result<&Arc<dyn TmiRuntime>> {
        self.0.get(&executor.runtime).ok_or_else(|| {
            let names: Vec<_> = self.0.keys().map(String::as_str).collect();
            let message = format!("no runtime of this name; there are: {}", names.join(", "));
            Error::new(ErrorKind::Unsupported, message).with("executor", executor)
        })
    }

    /// Returns the runtimes, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn TmiRuntime>> {
        self.0.values()
    }
}

/// Carries out trainings, minings and inferences: everything that runs an executor.
#[derive(Debug)]
pub struct ExecutorDriver {
    workspace: WorkspaceId,
    store: Arc<dyn AssetStore>,
    runtimes: Runtimes,
    /// Results that were collected and wait to be committed. Another process reads them again.
    collected: Mutex<HashMap<TaskId, Results>>,
}

impl ExecutorDriver {
    /// Returns a driver for the tasks of a workspace.
    pub fn new(workspace: WorkspaceId, store: Arc<dyn AssetStore>, runtimes: Runtimes) -> Self {
        Self { workspace, store, runtimes, collected: Mutex::default() }
    }

    fn runtime(&self, spec: &TaskSpec) -> Result<&Arc<dyn TmiRuntime>> {
        self.runtimes.of(&TmiTask::of(spec)?.executor.reference)
    }

    /// Reads and checks the results; gives up waiting for that when the task is to be stopped.
    async fn read(&self, task: &TaskContext) -> Result<Results> {
        let reading = collect::read(&self.store, self.runtime(&task.spec)?.as_ref(), task);
        tokio::select! {
            biased;
            results = reading => results,
            () = task.reporter.cancelled() => {
                let message = "the task was stopped while its results were read";
                Err(Error::new(ErrorKind::Cancelled, message).with("task", &task.spec.id))
            }
        }
    }
}

#[async_trait]
impl TaskDriver for ExecutorDriver {
    fn can_carry(&self, spec: &TaskSpec) -> bool {
        let executor = spec.executor.as_ref().map(|executor| &executor.reference);
        executor.is_some_and(|e| self.runtimes.of(e).is_ok_and(|runtime| runtime.can_run(e)))
    }

    fn queues_elsewhere(&self, spec: &TaskSpec) -> bool {
        self.runtime(spec).is_ok_and(|runtime| runtime.capabilities().queues)
    }

    async fn prepare(&self, task: &TaskContext) -> Result<()> {
        prepare::prepare(&self.store, self.runtime(&task.spec)?.as_ref(), task).await
    }

    async fn run(&self, unit: &UnitContext, grant: &Grant) -> Result<()> {
        let spec = &unit.task.spec;
        let runtime = self.runtime(spec)?;
        let mut limits = spec.limits.clone();
        let prepared = PreparedRecord::read(&unit.task.dir)?;
        if let (0, Some(bytes)) = (limits.shared_memory, prepared.shared_memory) {
            limits.shared_memory = bytes;
        }
        let request = RunRequest {
            workspace: self.workspace.clone(),
            task: spec.id.clone(),
            unit: unit.unit,
            attempt: unit.task.attempt,
            executor: TmiTask::of(spec)?.executor.clone(),
            dir: unit.dir.clone(),
            grant: grant.clone(),
            limits,
            environment: BTreeMap::new(),
        };
        run_unit(runtime.as_ref(), request, unit).await
    }

    async fn run_state(&self, spec: &TaskSpec, unit_dir: &Path) -> Result<Option<RunState>> {
        let Some(record) = RunRecord::read(unit_dir)? else { return Ok(None) };
        let runtime = self.runtime(spec).map_err(|error| {
            let message = "where the run stands cannot be asked: its runtime is not known here";
            Error::new(ErrorKind::Unavailable, message).caused_by(error)
        })?;
        runtime.state(&record.handle).await.map(Some)
    }

    async fn end_run(&self, spec: &TaskSpec, unit_dir: &Path) -> Result<()> {
        match RunRecord::read(unit_dir)? {
            Some(record) => self.runtime(spec)?.remove(&record.handle).await,
            None => Ok(()),
        }
    }

    async fn collect(&self, task: &TaskContext, run: Result<&(), &Error>) -> Result<()> {
        let note = |text| task.reporter.log(LogLine { source: LogSource::Ymir, text }, None);
        for dir in TmiTask::of(&task.spec)?.unit_dirs(&task.dir) {
            blocking(move || sanitise_output(&dir)).await?;
        }
        if run.is_err() {
            if let Some(text) = collect::salvage(&task.spec, &task.dir) {
                note(text);
            }
            return Ok(());
        }
        let results = self.read(task).await?;
        let mut collected = self.collected.lock().unwrap_or_else(PoisonError::into_inner);
        collected.insert(task.spec.id.clone(), results);
        Ok(())
    }

    async fn commit(&self, task: &TaskContext) -> Result<Vec<VersionId>> {
        if let Some(made) = commit::find(self.store.as_ref(), &task.spec).await? {
            return Ok(made);
        }
        let collected = {
            let mut collected = self.collected.lock().unwrap_or_else(PoisonError::into_inner);
            collected.remove(&task.spec.id)
        };
        let results = match collected {
            Some(results) => results,
            None => self.read(task).await?,
        };
        let record = PreparedRecord::read(&task.dir)?.lineage(&task.spec);
        commit::commit(&self.store, &task.spec, record, results).await
    }
}
