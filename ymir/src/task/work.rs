use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::TryStreamExt;
use ymir_assets::operations::find_by_fingerprint;
use ymir_core::{
    AssetId, AssetStore, Branch, ClassTable, CommitRequest, Error, ErrorKind, ExecutorInfo, Expect,
    Grant, Input, Layout, LogLine, LogSource, Manifest, ModelFile, ObjectType, Record, Result,
    RunRequest, TaskContext, TaskKind, TaskRecord, TaskRequest, TaskWork, Timestamp, TmiKind,
    TmiRuntime, Transfer, UnknownClasses, Version, VersionId, WorkspaceId,
};
use ymir_tmi::contract::{self, ContractTask, Item, Prepared, TaskClass};
use ymir_tmi::run_executor;

use super::{Task, TaskOptions, left_behind};
use crate::Workspace;
use crate::dataset::records;

/// What differs between training, mining and inference.
#[async_trait]
pub(super) trait Job: Send + Sync + fmt::Debug + 'static {
    /// Returns what the executor is asked to do, all in one run.
    fn kinds(&self) -> Vec<TmiKind>;

    /// Returns the names of the classes, in the order of the executor's outputs.
    fn classes(&self) -> &[String];

    /// Returns the versions whose assets the executor is given.
    fn sources(&self) -> Sources;

    /// Reads and checks what the executor wrote.
    fn collect(&self, run: &Collect) -> Result<()>;

    /// Tells what can be used of what an executor wrote that did not end well.
    fn salvage(&self, _dir: &Path) -> Option<String> {
        None
    }

    /// Makes what was collected versions. `record` is complete but for the metrics.
    async fn commit(&self, store: &Store, record: TaskRecord) -> Result<Vec<VersionId>>;
}

/// The dataset versions of a task.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) training: Option<VersionId>,
    pub(super) validation: Option<VersionId>,
    pub(super) candidates: Option<VersionId>,
}

/// What [`Job::collect`] reads.
pub(super) struct Collect {
    pub(super) layout: Layout,
    /// The assets that the executor was given.
    pub(super) known: HashSet<AssetId>,
    pub(super) task: TaskContext,
}

pub(super) type Store = Arc<dyn AssetStore>;

/// A task that runs an executor: the steps that are the same for every [`Job`].
///
/// It does not hold the workspace, whose scheduler holds it: a workspace that nobody else holds
/// shall end.
#[derive(Debug)]
struct ExecutorWork<J> {
    workspace: WorkspaceId,
    store: Store,
    runtime: Arc<dyn TmiRuntime>,
    executor: ExecutorInfo,
    object_type: ObjectType,
    options: TaskOptions,
    model_files: Vec<ModelFile>,
    record: TaskRecord,
    job: Arc<J>,
    prepared: Mutex<Option<Arc<Prepared>>>,
}

/// What identifies a piece of work, and where its results go.
#[derive(Debug)]
pub(super) struct Plan {
    /// The kind.
    pub(super) kind: TaskKind,
    /// What the executor says about itself.
    pub(super) executor: ExecutorInfo,
    /// What it is to learn or find.
    pub(super) object_type: ObjectType,
    /// The versions that it reads.
    pub(super) inputs: Vec<Input>,
    /// What its results depend on beside the executor's parameters.
    pub(super) parameters: Vec<(&'static str, serde_json::Value)>,
    /// The branches that it commits to, its main one first.
    pub(super) outputs: Vec<Branch>,
    /// The files that the executor is given below `models`.
    pub(super) model_files: Vec<ModelFile>,
}

/// Starts a job, or returns what the same work made earlier.
pub(super) async fn start<J: Job>(
    workspace: &Workspace,
    options: &TaskOptions,
    plan: Plan,
    job: J,
) -> Result<Task> {
    let runtime = workspace.runtime(&options.executor)?.clone();
    let executor = plan.executor;
    executor
        .require_object_type(plan.object_type)
        .map_err(|e| e.with("executor", &options.executor))?;
    let mut options = options.clone();
    let accepts_seed =
        |kind| executor.template(kind).is_ok_and(|t| t.is_empty() || t.contains_key("seed"));
    if job.kinds().into_iter().any(accepts_seed) {
        options.parameters.entry("seed".to_owned()).or_insert_with(|| options.seed.into());
    }
    let mut record = TaskRecord {
        kind: plan.kind,
        inputs: plan.inputs,
        executor: options.executor.to_string(),
        executor_digest: executor.digest.clone(),
        seed: options.seed,
        library_version: env!("CARGO_PKG_VERSION").to_owned(),
        ..TaskRecord::default()
    };
    let parameters = options.parameters.iter().map(|(k, v)| (k.as_str(), v.clone()));
    let classes = [("class_names", serde_json::json!(job.classes()))];
    let unknown = (options.unknown_classes != UnknownClasses::Stop)
        .then(|| ("unknown_classes", serde_json::json!(options.unknown_classes)));
    record.parameters = parameters
        .chain(classes)
        .chain(unknown)
        .chain(plan.parameters)
        .map(|(k, v)| (k.to_owned(), v.to_string()))
        .collect();
    record.fingerprint = record.fingerprint();
    if options.reuse
        && let Some(found) = find_outputs(workspace, &plan.outputs, &record.fingerprint).await?
    {
        return Ok(Task::existing(workspace.clone(), found));
    }
    let id = workspace.new_task_id(plan.kind)?;
    record.task = Some(id.clone());
    record.started = Timestamp::now();
    let request = TaskRequest {
        id: id.clone(),
        kind: plan.kind,
        resources: options.resources,
        priority: options.priority,
    };
    let work = ExecutorWork {
        workspace: workspace.id().clone(),
        store: workspace.store().clone(),
        runtime,
        executor,
        object_type: plan.object_type,
        options,
        model_files: plan.model_files,
        record,
        job: Arc::new(job),
        prepared: Mutex::default(),
    };
    workspace.scheduler().submit(request, Arc::new(work)).await?;
    Ok(Task::running(workspace.clone(), id))
}

async fn find_outputs(
    workspace: &Workspace,
    outputs: &[Branch],
    fingerprint: &str,
) -> Result<Option<Vec<VersionId>>> {
    let mut found = Vec::new();
    for branch in outputs {
        match find_by_fingerprint(workspace.store(), branch, fingerprint).await? {
            Some(version) => found.push(version.id),
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// Commits a result, unless the same work has committed it already: a task that was broken off
/// between two results makes only the one that lacks.
pub(super) async fn commit_once(
    store: &Store,
    reuse: bool,
    request: CommitRequest,
) -> Result<Version> {
    let fingerprint = &request.manifest.task.fingerprint;
    if reuse && let Some(found) = find_by_fingerprint(store, &request.branch, fingerprint).await? {
        return Ok(found);
    }
    store.commit(request).await
}

/// Returns the error for a commit without a collection before it.
pub(super) fn nothing_collected() -> Error {
    Error::new(ErrorKind::Unexpected, "nothing was collected")
}

/// Returns a request that sets a branch to records, or to none.
pub(super) fn replace(
    branch: Branch,
    edits: ymir_core::Edits,
    manifest: Manifest,
    message: String,
) -> CommitRequest {
    let expect = Expect::Any;
    CommitRequest { branch, base: ymir_core::Base::Empty, edits, expect, manifest, message }
}

impl<J: Job> ExecutorWork<J> {
    fn prepared(&self) -> Result<Arc<Prepared>> {
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared
            .clone()
            .ok_or_else(|| Error::new(ErrorKind::Unexpected, "the task directory was not prepared"))
    }

    async fn read(&self, version: Option<VersionId>) -> Result<Vec<Record>> {
        match version {
            Some(version) => records(self.store.as_ref(), version).try_collect().await,
            None => Ok(Vec::new()),
        }
    }

    fn contract_task(&self, task: &TaskContext, classes: &ClassTable) -> Result<ContractTask> {
        let class = |name: &String| {
            let id = classes.require(name)?;
            Ok(TaskClass { id, name: name.clone() })
        };
        Ok(ContractTask {
            task: task.id.clone(),
            kinds: self.job.kinds(),
            classes: self.job.classes().iter().map(class).collect::<Result<_>>()?,
            parameters: self.options.parameters.clone(),
            executor: self.executor.clone(),
            object_type: self.object_type,
            gpus: self.options.resources.gpus,
            model_files: self.model_files.iter().map(|file| file.path.clone()).collect(),
        })
    }
}

#[async_trait]
impl<J: Job> TaskWork for ExecutorWork<J> {
    async fn prepare(&self, task: &TaskContext) -> Result<()> {
        let store = &self.store;
        let contract = self.contract_task(task, &store.classes().await?)?;
        let sources = self.job.sources();
        let training = self.read(sources.training).await?;
        let validation = self.read(sources.validation).await?;
        let candidates = self.read(sources.candidates).await?;
        let layout = self.runtime.layout(&self.options.executor, &task.dir);
        let dir = task.dir.clone();
        let prepared = tokio::task::spawn_blocking(move || {
            let [training, validation, candidates] =
                [&training, &validation, &candidates].map(|records| records.iter().map(Item::from));
            contract::prepare(&dir, &layout, &contract, training, validation, candidates)
        })
        .await
        .map_err(|e| {
            Error::new(ErrorKind::Unexpected, "preparing the task broke off").caused_by(e)
        })??;
        if prepared.skipped_annotations > 0 {
            let text = format!(
                "{} annotations of other classes, or outside their images, are left out",
                prepared.skipped_annotations
            );
            task.reporter.log(LogLine { source: LogSource::Ymir, text });
        }
        store.export_blobs(&prepared.assets, Transfer::HardLink).await?;
        let models = self.model_files.iter().map(|file| file.blob).zip(prepared.models.clone());
        store.export_blobs(&models.collect::<Vec<_>>(), Transfer::HardLink).await?;
        *self.prepared.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(prepared));
        Ok(())
    }

    async fn run(&self, task: &TaskContext, grant: &Grant) -> Result<()> {
        let mut limits = self.options.limits.clone();
        if let (0, Some(bytes)) = (limits.shared_memory, self.prepared()?.shared_memory) {
            limits.shared_memory = bytes;
        }
        let request = RunRequest {
            workspace: self.workspace.clone(),
            task: task.id.clone(),
            executor: self.options.executor.clone(),
            dir: task.dir.clone(),
            grant: grant.clone(),
            limits,
            environment: Default::default(),
        };
        left_behind::note(&task.dir, &self.options.executor).await?;
        let ran = run_executor(self.runtime.as_ref(), request, task).await;
        left_behind::forget(&task.dir).await;
        ran
    }

    async fn collect(&self, task: &TaskContext, run: Result<&(), &Error>) -> Result<()> {
        if run.is_err() {
            if let Some(text) = self.job.salvage(&task.dir) {
                task.reporter.log(LogLine { source: LogSource::Ymir, text });
            }
            return Ok(());
        }
        let prepared = self.prepared()?;
        let layout = self.runtime.layout(&self.options.executor, &task.dir);
        let known = prepared.assets.iter().map(|(id, _)| *id).collect();
        let collect = Collect { layout, known, task: task.clone() };
        let job = self.job.clone();
        tokio::task::spawn_blocking(move || job.collect(&collect)).await.map_err(|e| {
            Error::new(ErrorKind::Unexpected, "reading the results broke off").caused_by(e)
        })?
    }

    async fn commit(&self, _task: &TaskContext) -> Result<Vec<VersionId>> {
        let mut record = self.record.clone();
        record.config = self.prepared()?.config.clone();
        record.finished = Timestamp::now();
        self.job.commit(&self.store, record).await
    }
}
