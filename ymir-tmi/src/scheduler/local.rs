use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use ymir_core::{Error, ErrorKind, Result, TaskId, TaskRequest, TaskWork};

use super::blocking::blocking;
use super::database;
use super::drive::{Drive, Shared};
use super::ledger::{Ledger, Signals};
use super::live::Live;
use super::options::{Keep, SchedulerOptions};
use super::outbox::{Outbox, lock};
use super::owner::{self, Owner};
use super::policy::Amount;
use super::pool::{Capacity, Pool};
use super::{directory, host, tasks};
use crate::gpu::{DeviceSource, LeaseDir, NoDevices};

/// Runs tasks in this process and records them in an SQLite file.
///
/// Several schedulers, also of several processes, can share one database: each runs the tasks that
/// were submitted to it, all see, follow and cancel all tasks. GPUs are never granted twice on a
/// host; CPU slots and memory are counted by each scheduler for itself.
///
/// It is a handle; clones share one scheduler. When the last is dropped, its running tasks are
/// aborted where they wait, which ends their executors, and nothing is recorded of it: the next
/// scheduler that opens the database, or one that has it open, finds them abandoned and ends them
/// as `Failed`. [`LocalScheduler::close`] does the same and waits until it is done.
///
/// The database can be lost without losing a dataset or model. A damaged one is set aside, see
/// [`LocalScheduler::set_aside`].
#[derive(Debug, Clone)]
pub struct LocalScheduler {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) shared: Arc<Shared>,
    pub(super) signals: Signals,
    total: Amount,
    devices: Arc<dyn DeviceSource>,
    handle: Handle,
    tracker: TaskTracker,
    thread: Mutex<Option<JoinHandle<()>>>,
    set_aside: Option<PathBuf>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("shared", &self.shared)
            .field("total", &self.total)
            .field("devices", &self.devices)
            .finish_non_exhaustive()
    }
}

impl LocalScheduler {
    /// Opens the scheduler on the tokio runtime that this is called in; its time driver must be
    /// enabled. Blocks for some milliseconds.
    ///
    /// Tasks that a dead process left unfinished end as `Failed` with a retryable `Unavailable`.
    ///
    /// # Errors
    ///
    /// - `InvalidInput` outside a tokio runtime, or if the database belongs to another program.
    /// - `Unsupported` if a later version wrote the database.
    /// - `Unauthorized`, `Unavailable` or another kind if the files cannot be made or opened.
    pub fn open(options: SchedulerOptions) -> Result<Self> {
        let handle = Handle::try_current().map_err(|error| {
            let message = "the scheduler must be opened within a tokio runtime; enter one first";
            Error::invalid(message).caused_by(error)
        })?;
        let path = std::path::absolute(&options.database)
            .map_err(|error| Error::io("no such database", &options.database, error))?;
        let tasks_dir = std::path::absolute(&options.tasks_dir)
            .map_err(|error| Error::io("no such directory", &options.tasks_dir, error))?;
        directory::create_all(&tasks_dir)?;
        let signals = Signals::new();
        let outbox = Arc::new(Outbox::default());
        let live = Arc::new(Live::default());
        let keep = (options.keep_events, options.keep_bytes);
        let Opened { ledger, abandoned, set_aside } = ledger(&path, |connection, owner| {
            let (outbox, live) = (Arc::clone(&outbox), Arc::clone(&live));
            let (path, owner) = (path.clone(), Arc::new(owner));
            Ledger::new(connection, path, owner, live, outbox, signals.clone(), keep)
        })?;
        if options.keep == Keep::None {
            for id in &abandoned {
                directory::put_aside(&tasks_dir, id, options.keep, ymir_core::TaskState::Failed)?;
            }
        }
        let left = tasks_dir.clone();
        handle.spawn_blocking(move || directory::remove_left_aside(&left));
        let owner = Arc::clone(&ledger.owner);
        let thread = std::thread::Builder::new()
            .name("ymir-scheduler".into())
            .spawn(move || ledger.run())
            .map_err(|error| Error::io("cannot start the scheduler's thread", &path, error))?;
        let (total, pool, gate) = pools(&handle, &options);
        let keep = options.keep;
        let shared = Shared { outbox, live, pool, gate, tasks_dir, keep, owner };
        let inner = Inner {
            shared: Arc::new(shared),
            signals,
            total,
            devices: options.devices,
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

    /// Ends the scheduler for all its clones: aborts its unfinished tasks as dropping it does,
    /// waits until they are gone, writes what is on its way and closes the database.
    ///
    /// Every later call gives a `Cancelled` error, and event streams end.
    pub async fn close(&self) {
        let inner = Arc::clone(&self.inner);
        inner.shared.live.abort();
        inner.tracker.close();
        inner.tracker.wait().await;
        // Only a panic of the thread could fail here, and it was reported when it happened.
        let _ = blocking(move || {
            inner.end();
            inner.shared.owner.release();
            Ok(())
        })
        .await;
    }
}

impl Inner {
    /// Resolves `0 = all`, and refuses what can never be granted.
    pub(super) async fn need(&self, request: &TaskRequest) -> Result<Amount> {
        let asked = request.resources;
        let cpus = if asked.cpus == 0 { self.total.cpus } else { asked.cpus };
        let mut total = self.total;
        if asked.gpus > 0 {
            let source = Arc::clone(&self.devices);
            let gpus = blocking(move || Ok(source.devices()?.len())).await?;
            total.gpus = u32::try_from(gpus).unwrap_or(u32::MAX);
        }
        let need = Amount { gpus: asked.gpus, cpus, memory: asked.memory };
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
                let error = error.with("task", &request.id);
                return Err(error.with("asked", asked).with("there", there));
            }
        }
        Ok(need)
    }

    /// Records a task and starts it. Goes on also if the future is dropped.
    pub(super) async fn launch(
        &self,
        request: TaskRequest,
        need: Amount,
        work: Arc<dyn TaskWork>,
    ) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let (handle, tracker) = (self.handle.clone(), self.tracker.clone());
        let (id, cancel) = (request.id.clone(), CancellationToken::new());
        let job = move |ledger: &mut Ledger| {
            let owner = Arc::clone(&ledger.owner);
            let record = |db: &_| tasks::insert(db, &request, &owner.id);
            let Some(order) = ledger.change(&request.id, record)? else {
                let message = "a task with this id exists; choose another";
                return Err(Error::new(ErrorKind::AlreadyExists, message).with("task", &id));
            };
            let live = Arc::clone(&shared.live);
            let drive = Drive::new(shared, request, need, order, work, cancel.clone());
            live.start(id, cancel, || tracker.spawn_on(drive.run(), &handle).abort_handle());
            Ok(())
        };
        self.shared.outbox.call(job).await
    }

    fn end(&self) {
        self.shared.outbox.close();
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.live.abort();
        self.end();
    }
}

/// What opening the database gives.
struct Opened {
    ledger: Ledger,
    /// The tasks whose process is gone.
    abandoned: Vec<TaskId>,
    set_aside: Option<PathBuf>,
}

/// Opens the database and takes a place among its owners, while nobody else does. One that is
/// damaged is set aside.
fn ledger(path: &Path, ledger: impl Fn(Connection, Owner) -> Ledger) -> Result<Opened> {
    let _opening = owner::opening(path)?;
    let attempt = || -> Result<_> {
        let connection = database::open(path, !Owner::gone(path).is_empty())?;
        let owner = Owner::claim(&connection, path)?;
        let mut ledger = ledger(connection, owner);
        let abandoned = ledger.join().and_then(|()| ledger.bury())?;
        Owner::sweep(path);
        Ok((ledger, abandoned))
    };
    match attempt() {
        Ok((ledger, abandoned)) => Ok(Opened { ledger, abandoned, set_aside: None }),
        Err(error) if error.kind() == ErrorKind::Corrupted => {
            let set_aside = Some(database::set_aside(path)?);
            let (ledger, abandoned) = attempt()?;
            Ok(Opened { ledger, abandoned, set_aside })
        }
        Err(error) => Err(error),
    }
}

/// Starts the pool of the resources and the gate of those who prepare.
fn pools(handle: &Handle, options: &SchedulerOptions) -> (Amount, Pool, Pool) {
    let cpus = if options.cpus == 0 { host::cpus() } else { options.cpus };
    let memory = if options.memory == 0 { host::memory() } else { options.memory };
    let leases = LeaseDir::new(&options.lease_dir);
    let devices = Arc::clone(&options.devices);
    let pool = Capacity { cpus, memory, devices, leases: leases.clone() };
    let prepare = options.prepare.max(1);
    let gate = Capacity { cpus: prepare, memory: 0, devices: Arc::new(NoDevices), leases };
    let total = Amount { gpus: 0, cpus, memory };
    (total, Pool::start(handle, pool), Pool::start(handle, gate))
}
