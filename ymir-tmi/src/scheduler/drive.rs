use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use ymir_core::{
    Error, ErrorKind, ErrorReport, LogLine, LogSource, Result, TaskContext, TaskReporter,
    TaskRequest, TaskState, TaskStep, TaskWork,
};

use super::blocking::blocking;
use super::directory;
use super::live::Live;
use super::options::Keep;
use super::outbox::Outbox;
use super::owner::Owner;
use super::policy::Amount;
use super::pool::{Granted, Pool, Turn};
use super::reporter::Reporter;
use super::tasks::{self, End};

/// How long the end of a task waits before it is tried again to record it, at most.
const RETRY: Duration = Duration::from_secs(5);

/// How long that is tried before those who wait for the task are told.
const PATIENCE: Duration = Duration::from_millis(500);

/// What the tasks of a scheduler share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) outbox: Arc<Outbox>,
    pub(super) live: Arc<Live>,
    /// Grants the resources of the run.
    pub(super) pool: Pool,
    /// Bounds how many prepare at once.
    pub(super) gate: Pool,
    pub(super) tasks_dir: PathBuf,
    pub(super) keep: Keep,
    /// Held until the last task is dropped, so that nobody takes them for dead before.
    pub(super) owner: Arc<Owner>,
}

/// One task on its way through its steps.
#[derive(Debug)]
pub(super) struct Drive {
    shared: Arc<Shared>,
    request: TaskRequest,
    /// What it needs, with `0 = all` resolved.
    need: Amount,
    /// Its place in the order of submission.
    order: u64,
    work: Arc<dyn TaskWork>,
    cancel: CancellationToken,
    reporter: Arc<Reporter>,
    context: TaskContext,
}

/// Why a task does not go on.
enum Stop {
    Cancelled,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Drive {
    pub(super) fn new(
        shared: Arc<Shared>,
        request: TaskRequest,
        need: Amount,
        order: u64,
        work: Arc<dyn TaskWork>,
        cancel: CancellationToken,
    ) -> Self {
        let id = request.id.clone();
        let outbox = Arc::clone(&shared.outbox);
        let reporter = Arc::new(Reporter::new(id.clone(), outbox, cancel.clone()));
        let dir = directory::path(&shared.tasks_dir, &id);
        let context = TaskContext { id, dir, reporter: reporter.clone() };
        Self { shared, request, need, order, work, cancel, reporter, context }
    }

    /// Takes the task to its end.
    pub(super) async fn run(self) {
        let end = match self.steps().await {
            Ok(output) => End { state: TaskState::Done, error: None, output },
            Err(Stop::Cancelled) => {
                End { state: TaskState::Terminated, error: None, output: Vec::new() }
            }
            Err(Stop::Failed(error)) => {
                let error = Some(ErrorReport::from(&error));
                End { state: TaskState::Failed, error, output: Vec::new() }
            }
        };
        let surplus = self.put_aside(end.state).await;
        self.reporter.end();
        self.finish(end).await;
        self.shared.live.remove(&self.request.id);
        // Whoever waits for the task need not wait for this. The stream of its events has ended, so
        // that nobody could be told of a failure; `remove_left_aside` tries again.
        if let Some(surplus) = surplus {
            let _ = blocking(move || directory::remove_aside(&surplus)).await;
        }
    }

    async fn steps(&self) -> Result<Vec<ymir_core::VersionId>, Stop> {
        self.prepare().await?;
        let granted = self.allocate().await?;
        let ran = self.execute(granted).await?;
        self.collect(ran).await?;
        self.enter(TaskStep::Commit).await?;
        let committed = caught(TaskStep::Commit, self.work.commit(&self.context)).await;
        committed.map_err(|error| self.stopped(error))
    }

    async fn prepare(&self) -> Result<(), Stop> {
        let slot = Amount { gpus: 0, cpus: 1, memory: 0 };
        let turn = self.shared.gate.request(self.request.priority, self.order, slot);
        let _admitted = self.granted(turn).await?;
        self.enter(TaskStep::Prepare).await?;
        let dir = self.context.dir.clone();
        blocking(move || directory::create(&dir)).await?;
        let prepared = caught(TaskStep::Prepare, self.work.prepare(&self.context)).await;
        prepared.map_err(|error| self.stopped(error))
    }

    /// Takes a place in the queue for resources and waits for them. Whoever reads that the task
    /// is in this step finds it in the queue: both happen in one job of the ledger.
    async fn allocate(&self) -> Result<Granted, Stop> {
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let (id, pool) = (self.request.id.clone(), self.shared.pool.clone());
        let (priority, order, need) = (self.request.priority, self.order, self.need);
        let queue = move |ledger: &mut super::ledger::Ledger| {
            ledger.change(&id, |db| tasks::enter(db, &id, TaskStep::Allocate))?;
            Ok(pool.request(priority, order, need))
        };
        let turn = self.shared.outbox.call(queue).await?;
        self.granted(turn).await
    }

    /// Runs the executor; the resources are given back when it has ended. Returns how it did.
    async fn execute(&self, granted: Granted) -> Result<Result<()>, Stop> {
        self.enter(TaskStep::Run).await?;
        let run = self.work.run(&self.context, &granted.grant);
        Ok(caught(TaskStep::Run, run).await)
    }

    /// Collects what a run wrote, however it ended; goes on only after one that went well.
    async fn collect(&self, ran: Result<()>) -> Result<(), Stop> {
        self.record(TaskStep::Collect).await?;
        let collect = self.work.collect(&self.context, ran.as_ref().map(|_| &()));
        let collected = caught(TaskStep::Collect, collect).await;
        match (ran, collected) {
            (Err(error), collected) => {
                if let Err(second) = collected {
                    self.note(format!("what the run left could not be collected: {second}"));
                }
                Err(self.stopped(error))
            }
            (Ok(()), collected) => collected.map_err(|error| self.stopped(error)),
        }
    }

    /// Waits for resources, or until the task is cancelled.
    async fn granted(&self, turn: Turn) -> Result<Granted, Stop> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stop::Cancelled),
            granted = turn.granted() => Ok(granted?),
        }
    }

    /// Enters a step unless the task is cancelled.
    async fn enter(&self, step: TaskStep) -> Result<(), Stop> {
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        Ok(self.record(step).await?)
    }

    async fn record(&self, step: TaskStep) -> Result<()> {
        let id = self.request.id.clone();
        let record = move |ledger: &mut super::ledger::Ledger| {
            ledger.change(&id, |db| tasks::enter(db, &id, step))
        };
        self.shared.outbox.call(record).await
    }

    fn stopped(&self, error: Error) -> Stop {
        if self.cancel.is_cancelled() { Stop::Cancelled } else { Stop::Failed(error) }
    }

    fn note(&self, text: String) {
        self.reporter.log(LogLine { source: LogSource::Ymir, text });
    }

    /// Takes out of the task's directory what is not to be kept.
    async fn put_aside(&self, state: TaskState) -> Option<PathBuf> {
        let (shared, id) = (self.shared.clone(), self.request.id.clone());
        let put = move || directory::put_aside(&shared.tasks_dir, &id, shared.keep, state);
        let put = blocking(put).await;
        put.map_err(|error| self.note(error.to_string())).ok().flatten()
    }

    /// Records the end. While the database cannot be written, it is tried again; those who wait are
    /// told soon.
    async fn finish(&self, end: End) {
        let began = Instant::now();
        let mut pause = Duration::from_millis(100);
        loop {
            let (id, recorded) = (self.request.id.clone(), end.clone());
            let record = move |ledger: &mut super::ledger::Ledger| {
                ledger.change(&id, |db| tasks::finish(db, &id, &recorded))?;
                ledger.forget(&id);
                Ok(())
            };
            match self.shared.outbox.call(record).await {
                // Nobody can record it in a damaged or closed database.
                Err(e) if !matches!(e.kind(), ErrorKind::Corrupted | ErrorKind::Cancelled) => {
                    if began.elapsed() > PATIENCE {
                        self.shared.live.keep_end(&self.request.id, end.clone(), &e);
                        self.shared.outbox.post(|ledger| ledger.signals.raise(true));
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY);
                }
                _ => return,
            }
        }
    }
}

/// Runs a step of a task's work; a panic in it becomes an error.
async fn caught<T>(step: TaskStep, work: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        let error = Error::new(ErrorKind::Unexpected, "the code of the task panicked");
        Err(error.with("step", format!("{step:?}").to_lowercase()).with("panic", text(&*panic)))
    })
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
