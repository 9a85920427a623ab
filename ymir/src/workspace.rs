use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use ymir_assets::{GitAssetStore, StoreOptions};
use ymir_core::{
    AssetId, AssetStore, Branch, BranchKind, ClassTable, Error, ErrorKind, ExecutorInfo,
    ExecutorRef, LabelBackend, LabelerSpec, LogOptions, Name, Result, Scheduler, TaskEvent, TaskId,
    TaskKind, TaskSpec, TaskStatus, Timestamp, TmiRuntime, Version, VersionId, VersionSpec,
    WorkspaceId,
};
use ymir_tmi::{ExecutorDriver, HostExecutor, HostRuntime, LocalRuntime, Runtimes};

use ymir_tmi::scheduler::{LocalScheduler, Retention};

use crate::blobs::store_options;
use crate::{BlobLocation, Dataset, Task, scheduling};

/// The newest version of the layout of a workspace directory: 2 has its blobs in an object store.
const FORMAT: u32 = 2;
pub(crate) const CONFIG: &str = "ymir.json";

/// The file that makes a directory a workspace.
#[derive(Debug, Serialize, Deserialize)]
struct Config {
    format: u32,
    id: WorkspaceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blobs: Option<BlobLocation>,
}

/// What a workspace is opened with. The default is the embedded one: everything in the directory,
/// local programs and the local Docker Engine as runtimes, all CPUs.
#[derive(Debug, Default)]
pub struct WorkspaceOptions {
    /// Makes the workspace if the directory has none.
    pub create: bool,
    /// Where a workspace that is made has its blobs, if not in the directory; needs the feature
    /// `s3`. One that is there knows, and is not opened with another place.
    pub blobs: Option<BlobLocation>,
    /// CPU slots for tasks; `None` for as many as the host has.
    pub cpus: Option<u32>,
    /// Further runtimes, or others in place of the default ones of the same name.
    pub runtimes: Vec<Arc<dyn TmiRuntime>>,
    /// Labeling backends of the embedding program, by the name that a project uses.
    pub labelers: BTreeMap<String, Arc<dyn LabelBackend>>,
    /// Another asset store in place of the one in the directory.
    pub store: Option<Arc<dyn AssetStore>>,
    /// Another scheduler in place of the one in the directory.
    pub scheduler: Option<Arc<dyn Scheduler>>,
    /// The directory with the ledger of what tasks of this host hold: CPU slots and memory of this
    /// user, GPUs of all users. `None` for the one that all workspaces of the host share
    /// (`/tmp/ymir-host`).
    pub host_dir: Option<PathBuf>,
    /// Which directories of ended tasks stay, and for how long.
    pub retention: Retention,
    /// Only observes tasks: they are listed, followed and asked to stop, and none is started, adopted
    /// or ended. For programs that read, and for those that end soon.
    pub observe_tasks: bool,
}

/// A workspace: the directory with the datasets, models, projects and tasks of one team, and the
/// start of everything else. Cheap to clone; usable from any number of threads; any number of
/// processes may have it open.
///
/// It is opened within a tokio runtime, which it uses for its tasks. When the last clone is
/// dropped, with every handle obtained from it, its executors go on: the process that opens the
/// workspace next adopts its tasks, and finds their results if they have ended meanwhile. Functions of
/// this program end with it. [`Workspace::close`] does the same and says which tasks are unfinished.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) root: PathBuf,
    pub(crate) id: WorkspaceId,
    pub(crate) store: Arc<dyn AssetStore>,
    pub(crate) scheduler: Arc<dyn Scheduler>,
    /// The scheduler, where it is not the caller's own.
    pub(crate) local: Option<LocalScheduler>,
    pub(crate) runtimes: Runtimes,
    host: Arc<HostRuntime>,
    pub(crate) labelers: DashMap<String, Arc<dyn LabelBackend>>,
    warnings: Vec<String>,
}

/// Counts the tasks of this process, also over several handles of one workspace.
static TASKS: AtomicU64 = AtomicU64::new(0);

impl Workspace {
    /// Makes a workspace in a directory, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if there is a workspace, or anything that would be in its way.
    pub async fn init(root: impl AsRef<Path>) -> Result<Self> {
        Self::init_with(root, WorkspaceOptions::default()).await
    }

    /// Makes a workspace in a directory with options.
    ///
    /// # Errors
    ///
    /// As [`Workspace::init`]; `Unsupported` for blobs in an object store without the feature `s3`.
    pub async fn init_with(root: impl AsRef<Path>, options: WorkspaceOptions) -> Result<Self> {
        let root = root.as_ref().to_path_buf();
        if root.join(CONFIG).exists() {
            let message = "this directory is a workspace already; open it";
            return Err(Error::new(ErrorKind::AlreadyExists, message).with("path", root.display()));
        }
        Self::open_with(root, WorkspaceOptions { create: true, ..options }).await
    }

    /// Opens the workspace in a directory.
    ///
    /// On a disk without any space it opens too, so that it can be read and cleaned; but all that
    /// has to do with tasks fails with `ResourceExhausted`, which [`Workspace::warnings`] says.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none; `Unsupported` if a newer version of YMIR made it; `Corrupted`
    /// if its files are damaged.
    pub async fn open(root: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(root, WorkspaceOptions::default()).await
    }

    /// Opens the workspace in a directory with options.
    ///
    /// # Errors
    ///
    /// As [`Workspace::open`].
    pub async fn open_with(root: impl AsRef<Path>, options: WorkspaceOptions) -> Result<Self> {
        let root = root.as_ref().to_path_buf();
        if options.store.is_some() && options.blobs.is_some() {
            let message =
                "an asset store of your own says itself where its blobs are; leave one out";
            return Err(Error::invalid(message).with("field", "blobs"));
        }
        let (create, blobs) = (options.create, options.blobs);
        let host = scheduling::Host {
            cpus: options.cpus,
            dir: options.host_dir,
            retention: options.retention,
        };
        let (own_store, own_scheduler) = (options.store.is_none(), options.scheduler.is_none());
        let opened = tokio::task::spawn_blocking(move || {
            // The configuration is what makes the directory a workspace: it is made when all else is
            // there that cannot be lost, so that an interrupted `init` can be done again.
            let found = match load_config(&root) {
                Err(error) if create && error.kind() == ErrorKind::NotFound => None,
                found => Some(found?),
            };
            let blobs = match &found {
                Some(config) => config.blobs_as_asked(&blobs)?,
                None => blobs,
            };
            let store_options = store_options(blobs.as_ref())?;
            let root = make_directories(&root)?;
            let store = own_store.then(|| open_store(&root, create, store_options)).transpose()?;
            let exists = found.is_some();
            let config = match found {
                Some(config) => config,
                None => create_config(&root, blobs)?,
            };
            let open = || scheduling::open(&root, &config.id, host, exists);
            let scheduler = own_scheduler.then(open).transpose()?;
            Ok::<_, Error>((root, config, store, scheduler))
        });
        let (root, config, store, scheduler) = opened.await.map_err(|e| {
            Error::new(ErrorKind::Unexpected, "opening the workspace broke off").caused_by(e)
        })??;
        let nothing = || Error::new(ErrorKind::Unexpected, "a part of the workspace is not there");
        let store = options.store.or(store).ok_or_else(nothing)?;
        let (scheduler, local, warning) = match (options.scheduler, scheduler) {
            (Some(scheduler), _) => (scheduler, None, None),
            (None, Some(opened)) => (opened.scheduler, opened.local, opened.warning),
            (None, None) => return Err(nothing()),
        };
        let warnings = warning.into_iter().collect();
        let host = Arc::new(HostRuntime::default());
        let runtimes = default_runtimes(&host).into_iter().chain(options.runtimes);
        let runtimes: Runtimes = runtimes.collect();
        if !options.observe_tasks {
            let driver = ExecutorDriver::new(config.id.clone(), store.clone(), runtimes.clone());
            scheduler.serve(Arc::new(driver)).await?;
        }
        let (id, labelers) = (config.id, options.labelers.into_iter().collect());
        let inner = Inner { root, id, store, scheduler, local, runtimes, host, labelers, warnings };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns what was found and put right when the workspace was opened, as sentences for
    /// people; usually nothing. A damaged database of the tasks, for example, is put aside, and its
    /// tasks are no longer listed.
    pub fn warnings(&self) -> &[String] {
        &self.inner.warnings
    }

    /// Returns the directory.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// Returns the id that the workspace got when it was made.
    pub fn id(&self) -> &WorkspaceId {
        &self.inner.id
    }

    /// Returns the asset store, for what this handle does not offer itself.
    pub fn store(&self) -> &Arc<dyn AssetStore> {
        &self.inner.store
    }

    /// Returns the class table, retired classes included.
    pub async fn classes(&self) -> Result<ClassTable> {
        self.inner.store.classes().await
    }

    /// Returns the names of all datasets, prediction sets, models or projects, sorted.
    pub async fn names(&self, kind: BranchKind) -> Result<Vec<Name>> {
        self.inner.store.branches(kind).await
    }

    /// Returns the version that is meant by `name`, `name@v3`, `name@latest` or `name@<commit>`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a malformed text; `NotFound` if there is no such version.
    pub async fn resolve(&self, kind: BranchKind, spec: &str) -> Result<Version> {
        let spec: VersionSpec = spec.parse()?;
        self.inner.store.resolve(&Branch::new(kind, spec.name), &spec.selector).await
    }

    /// Returns a dataset version by its name, as [`Workspace::resolve`].
    ///
    /// # Errors
    ///
    /// As [`Workspace::resolve`].
    pub async fn dataset(&self, spec: &str) -> Result<Dataset> {
        self.open_dataset(BranchKind::Dataset, spec).await
    }

    /// Returns a prediction set by its name; it is read like a dataset.
    ///
    /// # Errors
    ///
    /// As [`Workspace::resolve`].
    pub async fn predictions(&self, spec: &str) -> Result<Dataset> {
        self.open_dataset(BranchKind::Prediction, spec).await
    }

    async fn open_dataset(&self, kind: BranchKind, spec: &str) -> Result<Dataset> {
        Dataset::open(self.clone(), self.resolve(kind, spec).await?).await
    }

    /// Returns a dataset version or prediction set by its id.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none.
    pub async fn dataset_by_id(&self, id: &VersionId) -> Result<Dataset> {
        Dataset::open(self.clone(), self.inner.store.version(id).await?).await
    }

    /// Returns the versions of a branch, newest first.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such branch.
    pub async fn log(&self, kind: BranchKind, name: &str) -> Result<Vec<Version>> {
        let branch = Branch::new(kind, Name::new(name)?);
        self.inner.store.log(&branch, LogOptions::default()).await
    }

    /// Returns the events of the workspace's tasks after a sequence number (0 for all that are
    /// kept), then those to come.
    pub fn events(&self, after: u64) -> BoxStream<'static, Result<TaskEvent>> {
        self.inner.scheduler.events(after)
    }

    /// Returns the events of one task, or of all, that are kept, after a sequence number (0 for all).
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such task.
    pub async fn past_events(&self, id: Option<&TaskId>, after: u64) -> Result<Vec<TaskEvent>> {
        let ids = match id {
            Some(id) => vec![id.clone()],
            None => self.tasks().await?.into_iter().map(|task| task.spec.id).collect(),
        };
        let mut past = Vec::new();
        for id in &ids {
            let mut after = after;
            loop {
                let events = self.inner.scheduler.past_events(id, after).await?;
                let Some(last) = events.last() else { break };
                after = last.seq;
                past.extend(events);
            }
        }
        past.sort_by_key(|event| event.seq);
        Ok(past)
    }

    /// Returns a task by its id.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none.
    pub async fn task(&self, id: &TaskId) -> Result<Task> {
        self.inner.scheduler.status(id).await?;
        Ok(Task::running(self.clone(), id.clone()))
    }

    /// Returns all tasks that are known, newest first.
    pub async fn tasks(&self) -> Result<Vec<TaskStatus>> {
        self.inner.scheduler.list().await
    }

    /// Returns the bytes of an image file.
    ///
    /// # Errors
    ///
    /// `NotFound` if the workspace does not have it.
    pub async fn image(&self, id: &AssetId) -> Result<Vec<u8>> {
        self.inner.store.read_blob(id).await
    }

    /// Returns the path of an image file, for reading only.
    ///
    /// # Errors
    ///
    /// `NotFound` if the workspace does not have it; `Unsupported` if its store keeps no files.
    pub async fn image_path(&self, id: &AssetId) -> Result<PathBuf> {
        self.inner.store.blob_file(id).await
    }

    /// Makes a function of this program known under a name, in place of one that has it; returns
    /// what tasks and projects name it by, `host:<name>`. Another process that carries a project on
    /// registers it again.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a malformed name, or a function that can do nothing.
    pub fn register_executor(
        &self,
        name: &str,
        executor: Arc<dyn HostExecutor>,
    ) -> Result<ExecutorRef> {
        self.inner.host.register(Name::new(name)?, executor)
    }

    /// Makes a labeling backend of this program known under a name, in place of one that has it.
    pub fn register_labeler(&self, name: &str, backend: Arc<dyn LabelBackend>) -> LabelerSpec {
        self.inner.labelers.insert(name.to_owned(), backend);
        LabelerSpec::Custom(name.to_owned())
    }

    /// Returns the scheduler.
    pub fn scheduler(&self) -> &Arc<dyn Scheduler> {
        &self.inner.scheduler
    }

    /// Ends a task of which it cannot be found out whether its run has ended
    /// ([`TaskStatus::stalled`]): the run counts as ended, and the task fails.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such task; `Conflict` if it is not stalled.
    pub async fn settle(&self, id: &TaskId) -> Result<()> {
        self.inner.scheduler.settle(id).await
    }

    /// Waits until no task is unfinished, and returns the last status of each that was. Tasks whose
    /// process died are adopted.
    pub async fn wait_all(&self) -> Result<Vec<TaskStatus>> {
        let mut ended = Vec::new();
        for task in self.tasks().await? {
            if !task.state.is_final() {
                ended.push(self.inner.scheduler.wait(&task.spec.id).await?);
            }
        }
        Ok(ended)
    }

    /// Returns whether the run of a task outlives this program.
    pub fn survives(&self, spec: &TaskSpec) -> bool {
        let executor = spec.executor.as_ref();
        let runtime = executor.and_then(|executor| self.runtime(&executor.reference).ok());
        runtime.is_some_and(|runtime| runtime.capabilities().survives)
    }

    /// Stops to carry tasks on, for all clones of this handle, and returns those that are unfinished:
    /// their executors go on, and the process that opens the workspace next adopts them.
    pub async fn close(&self) -> Result<Vec<TaskId>> {
        self.inner.scheduler.close().await
    }

    /// Returns the runtime of an executor.
    ///
    /// # Errors
    ///
    /// `Unsupported`, with the runtimes that there are.
    pub fn runtime(&self, executor: &ExecutorRef) -> Result<&Arc<dyn TmiRuntime>> {
        self.inner.runtimes.of(executor)
    }

    /// Returns what an executor says about itself: what it can do, with which parameters.
    ///
    /// # Errors
    ///
    /// `Unsupported` if there is no runtime for it; else as [`TmiRuntime::inspect`].
    pub async fn inspect(&self, executor: &ExecutorRef) -> Result<ExecutorInfo> {
        self.runtime(executor)?.inspect(executor).await
    }

    /// Returns an id that no task of this workspace has.
    pub(crate) fn new_task_id(&self, kind: TaskKind) -> Result<TaskId> {
        let count = TASKS.fetch_add(1, Ordering::Relaxed);
        let millis = Timestamp::now().as_millisecond();
        TaskId::new(format!("{}_{millis:x}_{:x}_{count:x}", kind.as_str(), std::process::id()))
    }
}

fn default_runtimes(host: &Arc<HostRuntime>) -> Vec<Arc<dyn TmiRuntime>> {
    let local: [Arc<dyn TmiRuntime>; 2] = [Arc::new(LocalRuntime::default()), host.clone()];
    #[cfg(feature = "docker")]
    let others: [Arc<dyn TmiRuntime>; 1] =
        [Arc::new(crate::DockerRuntime::new(crate::DockerOptions::default()))];
    #[cfg(not(feature = "docker"))]
    let others = [];
    local.into_iter().chain(others).collect()
}

fn open_store(root: &Path, create: bool, options: StoreOptions) -> Result<Arc<dyn AssetStore>> {
    let store = match GitAssetStore::open_with(root, options.clone()) {
        Err(error) if create && error.kind() == ErrorKind::NotFound => {
            match GitAssetStore::init(root) {
                // By another process, meanwhile.
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => GitAssetStore::open_with(root, options)?,
            }
        }
        store => store?,
    };
    Ok(Arc::new(store))
}

impl Config {
    /// Returns where the blobs are.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if another place was asked for.
    fn blobs_as_asked(&self, asked: &Option<BlobLocation>) -> Result<Option<BlobLocation>> {
        let url = |blobs: &Option<BlobLocation>| blobs.as_ref().map(|blobs| blobs.url.clone());
        if asked.is_some() && url(asked) == url(&self.blobs) {
            // The same bucket may be reached by another way now.
            return Ok(asked.clone());
        }
        if asked.is_none() {
            return Ok(self.blobs.clone());
        }
        let place = self.blobs.as_ref().map_or("its directory", |blobs| &blobs.url);
        let message = "the workspace has its blobs in another place; leave the option out";
        Err(Error::invalid(message).with("field", "blobs").with("blobs", place))
    }
}

fn load_config(root: &Path) -> Result<Config> {
    let path = root.join(CONFIG);
    let text = fs::read(&path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::not_found("no workspace here; `init` makes one").with("path", root.display())
        }
        _ => Error::io("cannot read the workspace's configuration", &path, e),
    })?;
    let config: Config = serde_json::from_slice(&text).map_err(|e| {
        Error::corrupted("the workspace's configuration is malformed; restore it from a copy")
            .with("path", path.display())
            .caused_by(e)
    })?;
    if config.format > FORMAT {
        let message = "a newer version of YMIR made this workspace; update YMIR";
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with("path", path.display())
            .with("format", config.format)
            .with("newest known format", FORMAT));
    }
    Ok(config)
}

/// Makes the directories that are missing, and returns the path of the workspace without links.
fn make_directories(root: &Path) -> Result<PathBuf> {
    // That of the repository must be one; it is refused before anything is made.
    if std::path::absolute(root).is_ok_and(|path| path.to_str().is_none()) {
        let message = "the path of a workspace must be UTF-8; choose another";
        return Err(Error::invalid(message).with("path", root.display()));
    }
    for dir in [root.to_owned(), root.join("state"), root.join("tasks")] {
        fs::create_dir_all(&dir).map_err(|e| Error::io("cannot make the workspace", &dir, e))?;
    }
    root.canonicalize().map_err(|e| Error::io("cannot open the workspace", root, e))
}

/// Writes the configuration; the winner of several that do so at once decides.
fn create_config(root: &Path, blobs: Option<BlobLocation>) -> Result<Config> {
    let path = root.join(CONFIG);
    let seed = format!("{}{:?}{}", root.display(), Timestamp::now(), std::process::id());
    let id = ymir_core::sha256_hex(&seed);
    // Versions of YMIR that know no object stores must not take its directory for the blobs.
    let format = if blobs.is_some() { FORMAT } else { 1 };
    let config = Config { format, id: WorkspaceId::new(&id[..16])?, blobs };
    let failed = |e| Error::io("cannot write the workspace's configuration", &path, e);
    let mut file = tempfile::NamedTempFile::new_in(root).map_err(failed)?;
    // As open as the umask lets the workspace be: a temporary file is its owner's alone.
    let mode = fs::metadata(root).map_err(failed)?.permissions().mode();
    file.as_file().set_permissions(fs::Permissions::from_mode(mode & 0o666)).map_err(failed)?;
    serde_json::to_writer_pretty(&mut file, &config).map_err(|e| failed(e.into()))?;
    file.as_file().sync_all().map_err(failed)?;
    match file.persist_noclobber(&path) {
        Err(e) if e.error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(failed(e.error));
        }
        _ => {}
    }
    fs::File::open(root).and_then(|root| root.sync_all()).map_err(failed)?;
    let made = load_config(root)?;
    made.blobs_as_asked(&config.blobs)?;
    Ok(made)
}
