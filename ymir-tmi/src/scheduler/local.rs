use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use ymir_core::{Error, ErrorKind, Resources, Result, Submission, TaskDriver, TaskId, TaskSpec};

use super::blocking::blocking;
use super::drive::{Drive, Shared};
use super::host::{Broker, Holder, HostLease, Ledger, capacity, process::ProcessId};
use super::journal::{Journal, Signals};
use super::live::Live;
use super::options::SchedulerOptions;
use super::outbox::{Outbox, lock};
use super::owner::{self, Owner};
use super::policy::Amount;
use super::tasks::{self, Inserted, Record};
use super::{adopt, database, directory};

/// Carries tasks out in this process and records them in an SQLite file of their workspace.
///
/// Several schedulers, also of several processes, can share one database: each carries out the tasks
/// that were submitted to it, all see, follow and cancel all tasks, and those that serve adopt the
/// tasks of a process that died. What tasks hold is counted over all processes and workspaces of the
/// host ([`HostOptions`](super::HostOptions)).
///
/// It is a handle; clones share one scheduler. When the last is dropped, it stops to carry its tasks
/// on where they are, and nothing is recorded of it; runs that can survive go on. It is as if the
/// process had died. [`Scheduler::close`](ymir_core::Scheduler::close) does the same and waits until
/// it is done.
///
/// The database can be lost without losing a dataset or model. A damaged one is set aside, see
/// [`LocalScheduler::set_aside`].
#[derive(Debug, Clone)]
pub struct LocalScheduler {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) options: SchedulerOptions,
    pub(super) outbox: Arc<Outbox>,
    pub(super) live: Arc<Live>,
    pub(super) signals: Signals,
    /// Held while tasks are adopted.
    pub(super) adopting: tokio::sync::Mutex<()>,
    shared: OnceLock<Arc<Shared>>,
    serving: tokio::sync::Mutex<()>,
    total: Amount,
    handle: Handle,
    tracker: TaskTracker,
    thread: Mutex<Option<JoinHandle<()>>>,
    set_aside: Option<PathBuf>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("options", &self.options)
            .field("shared", &self.shared)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl LocalScheduler {
    /// Opens the scheduler for reading, on the tokio runtime that this is called in; its time driver
    /// must be enabled. Blocks for some milliseconds.
    ///
    /// It adopts, ends and removes nothing before [`Scheduler::serve`](ymir_core::Scheduler::serve).
    ///
    /// # Errors
    ///
    /// - `InvalidInput` outside a tokio runtime, or if the database belongs to another program.
    /// - `Unsupported` if another version wrote the database.
    /// - `Unauthorized`, `Unavailable` or another kind if the files cannot be made or opened.
    pub fn open(mut options: SchedulerOptions) -> Result<Self> {
        let handle = Handle::try_current().map_err(|error| {
            let message = "the scheduler must be opened within a tokio runtime; enter one first";
            Error::invalid(message).caused_by(error)
        })?;
        for path in [&mut options.database, &mut options.tasks_dir, &mut options.root] {
            *path = std::path::absolute(&*path)
                .map_err(|error| Error::io("no such directory or file", path, error))?;
        }
        let signals = Signals::new();
        let outbox = Arc::new(Outbox::default());
        let live = Arc::new(Live::default());
        let keep = (options.keep_events, options.keep_bytes);
        let (connection, set_aside) = connect(&options.database)?;
        let journal = Journal::new(
            connection,
            options.database.clone(),
            Arc::clone(&live),
            Arc::clone(&outbox),
            signals.clone(),
            keep,
        );
        let thread = std::thread::Builder::new()
            .name("ymir-scheduler".into())
            .spawn(move || journal.run())
            .map_err(|error| {
                Error::io("cannot start the scheduler's thread", &options.database, error)
            })?;
        let host = &options.host;
        let cpus = if host.cpus == 0 { capacity::cpus() } else { host.cpus };
        let memory = if host.memory == 0 { capacity::memory() } else { host.memory };
        let inner = Inner {
            options,
            outbox,
            live,
            signals,
            adopting: tokio::sync::Mutex::default(),
            shared: OnceLock::new(),
            serving: tokio::sync::Mutex::default(),
            total: Amount { gpus: 0, cpus, memory },
            handle,
            tracker: TaskTracker::new(),
            thread: Mutex::new(Some(thread)),
            set_aside,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns where a damaged database was put when this scheduler was opened and began a new one:
    /// `<database>.corrupt-<n>`. `None` if the database was in order. Tell the user: the tasks that
    /// it held are no longer listed.
    pub fn set_aside(&self) -> Option<&Path> {
        self.inner.set_aside.as_deref()
    }

    /// Returns the CPU slots and memory that tasks can hold at once, `u64::MAX` bytes for no bound.
    /// GPUs are not counted here: they come and go.
    pub fn capacity(&self) -> Amount {
        self.inner.total
    }

    /// Returns what the runs of this user hold on this host, of whichever workspace.
    ///
    /// # Errors
    ///
    /// - `Unauthorized` if the host directory cannot be trusted or used.
    pub async fn leases(&self) -> Result<Vec<HostLease>> {
        self.inner.with_ledger(|ledger| ledger.leases()).await
    }

    /// Gives back what a run holds whose process is gone, and of which nobody can find out whether
    /// it has ended. See that it has before you do this.
    ///
    /// # Errors
    ///
    /// - `Conflict` if the process that holds it is alive, or if it was given back.
    pub async fn settle_lease(&self, lease: &HostLease) -> Result<()> {
        let lease = lease.clone();
        self.inner.with_ledger(move |ledger| ledger.settle(&lease)).await
    }

    /// Begins to serve, without adopting.
    pub(super) async fn begin(&self, driver: Arc<dyn TaskDriver>) -> Result<()> {
        let inner = &self.inner;
        let _one_at_a_time = inner.serving.lock().await;
        if inner.shared.get().is_some() {
            let message = "the scheduler serves already; open another";
            return Err(Error::new(ErrorKind::AlreadyExists, message));
        }
        let tasks_dir = inner.options.tasks_dir.clone();
        blocking(move || directory::create_all(&tasks_dir)).await?;
        let owner = inner.outbox.call(|journal| journal.join()).await?;
        let (options, total, lock) = (inner.options.clone(), inner.total, owner.path().to_owned());
        let ledger =
            blocking(move || Ledger::open(&options.host, total, holder(&options, lock))).await?;
        let shared = Arc::new(Shared {
            outbox: Arc::clone(&inner.outbox),
            live: Arc::clone(&inner.live),
            driver,
            broker: Broker::start(&inner.handle, ledger),
            gate: Semaphore::new(inner.options.prepare.max(1) as usize),
            tasks_dir: inner.options.tasks_dir.clone(),
            retention: inner.options.retention,
            owner,
        });
        // Nobody else sets it: the lock is held.
        let _ = inner.shared.set(shared);
        let (tasks_dir, database) =
            (inner.options.tasks_dir.clone(), inner.options.database.clone());
        inner.handle.spawn_blocking(move || {
            directory::remove_left_aside(&tasks_dir);
            Owner::sweep(&database);
        });
        inner.handle.spawn(adopt::serve(Arc::downgrade(inner)));
        Ok(())
    }
}

/// Starts tasks of a scheduler that serves.
#[derive(Debug)]
pub(super) struct Starter {
    shared: Arc<Shared>,
    handle: Handle,
    tracker: TaskTracker,
}

impl Starter {
    pub(super) fn start(&self, record: Record, need: Amount) {
        let drive = Drive::new(Arc::clone(&self.shared), record, need);
        let (id, signals) = (drive.context.spec.id.clone(), drive.signals.clone());
        let start = || self.tracker.spawn_on(drive.run(), &self.handle).abort_handle();
        self.shared.live.start(id, signals, start);
    }
}

impl Inner {
    /// Returns what serving tasks share.
    pub(super) fn serving(&self) -> Result<Arc<Shared>> {
        self.shared.get().cloned().ok_or_else(|| {
            let message = "the scheduler was opened for reading; let it serve first";
            Error::new(ErrorKind::Unsupported, message)
        })
    }

    pub(super) fn starter(&self, shared: &Arc<Shared>) -> Starter {
        let (handle, tracker) = (self.handle.clone(), self.tracker.clone());
        Starter { shared: Arc::clone(shared), handle, tracker }
    }

    /// Records a task and starts it, or finds the one that does the same. Goes on also if the future
    /// is dropped.
    pub(super) async fn submit(&self, spec: TaskSpec) -> Result<Submission> {
        let shared = self.serving()?;
        let need = self.amount(&spec.resources);
        if !shared.driver.queues_elsewhere(&spec) {
            self.check(&spec, need).await?;
        }
        let starter = self.starter(&shared);
        let job = move |journal: &mut Journal| {
            let owner = &shared.owner.id;
            match journal.change(&spec.id, |db| tasks::insert(db, &spec, owner))? {
                Inserted::New(record) => starter.start(*record, need),
                Inserted::Joined(task) => return Ok(Submission { task, joined: true }),
                Inserted::Exists => {
                    let message = "a task with this id exists; choose another";
                    let error = Error::new(ErrorKind::AlreadyExists, message);
                    return Err(error.with("task", &spec.id));
                }
            }
            Ok(Submission { task: spec.id, joined: false })
        };
        self.outbox.call(job).await
    }

    /// Resolves `0 = all`.
    pub(super) fn amount(&self, asked: &Resources) -> Amount {
        let cpus = if asked.cpus == 0 { self.total.cpus } else { asked.cpus };
        Amount { gpus: asked.gpus, cpus, memory: asked.memory }
    }

    /// Refuses what can never be granted.
    async fn check(&self, spec: &TaskSpec, need: Amount) -> Result<()> {
        let mut total = self.total;
        if need.gpus > 0 {
            let source = Arc::clone(&self.options.host.devices);
            let gpus = blocking(move || Ok(source.devices()?.len())).await?;
            total.gpus = u32::try_from(gpus).unwrap_or(u32::MAX);
        }
        let pairs = [
            ("GPUs", u64::from(need.gpus), u64::from(total.gpus)),
            ("CPU slots", need.cpus.into(), total.cpus.into()),
            ("bytes of memory", need.memory, total.memory),
        ];
        for (what, asked, there) in pairs {
            if asked > there {
                let message =
                    format!("the task asks for more {what} than this host has; ask for fewer");
                let error = Error::new(ErrorKind::ResourceExhausted, message);
                let error = error.with("task", &spec.id);
                return Err(error.with("asked", asked).with("there", there));
            }
        }
        Ok(())
    }

    /// Does something with the ledger of the host, also where this scheduler does not serve.
    async fn with_ledger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ledger) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if let Some(shared) = self.shared.get() {
            return shared.broker.call(work).await;
        }
        let (options, total) = (self.options.clone(), self.total);
        blocking(move || {
            let nobody = holder(&options, PathBuf::new());
            work(&mut Ledger::open(&options.host, total, nobody)?)
        })
        .await
    }

    /// Stops to carry tasks on, waits until nobody does, and closes the database.
    pub(super) async fn close(self: &Arc<Self>) -> Result<Vec<TaskId>> {
        self.live.abort();
        self.tracker.close();
        self.tracker.wait().await;
        let unfinished = match self.outbox.call(|journal| journal.owned()).await {
            // It was closed before.
            Err(error) if error.kind() == ErrorKind::Cancelled => Ok(Vec::new()),
            unfinished => unfinished,
        };
        let inner = Arc::clone(self);
        blocking(move || {
            inner.end();
            if let Some(shared) = inner.shared.get() {
                shared.broker.flush();
                shared.owner.release();
            }
            Ok(())
        })
        .await?;
        unfinished
    }

    fn end(&self) {
        self.outbox.close();
        if let Some(thread) = lock(&self.thread).take() {
            // Only a panic of the thread could fail here, and it was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.live.abort();
        self.end();
    }
}

fn holder(options: &SchedulerOptions, lock: PathBuf) -> Holder {
    let process = ProcessId::own();
    Holder {
        workspace: options.workspace.clone(),
        root: options.root.clone(),
        database: options.database.clone(),
        lock,
        pid: process.pid,
        start: process.start,
    }
}

/// Opens the database while nobody else does. One that is damaged is set aside.
fn connect(path: &Path) -> Result<(Connection, Option<PathBuf>)> {
    let _opening = owner::opening(path)?;
    let suspect = !Owner::gone(path).is_empty();
    match database::open(path, suspect) {
        Ok(connection) => Ok((connection, None)),
        Err(error) if error.kind() == ErrorKind::Corrupted => {
            let aside = database::set_aside(path)?;
            Ok((database::open(path, false)?, Some(aside)))
        }
        Err(error) => Err(error),
    }
}
