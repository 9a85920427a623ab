use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::Semaphore;
use ymir_core::{
    Error, ErrorKind, ErrorReport, LogLine, LogSource, Result, TaskContext, TaskDriver,
    TaskReporter, TaskState, TaskStep, Timestamp, VersionId,
};

use super::blocking::blocking;
use super::host::Broker;
use super::journal::Journal;
use super::live::{self, Live};
use super::options::Retention;
use super::outbox::{Outbox, Slot};
use super::owner::Owner;
use super::policy::Amount;
use super::reporter::Reporter;
use super::tasks::{self, End, Record, Unit};
use super::{clean, directory};

/// How long the end of a task waits before it is tried again to record it, at most.
const RETRY: Duration = Duration::from_secs(5);
/// How long that is tried before those who wait for the task are told.
const PATIENCE: Duration = Duration::from_millis(500);
/// The longest back-off between two attempts, in seconds.
const MAX_BACKOFF: u64 = 3600;

/// What the tasks of a scheduler share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) outbox: Arc<Outbox>,
    pub(super) live: Arc<Live>,
    pub(super) driver: Arc<dyn TaskDriver>,
    /// Grants the resources of the runs.
    pub(super) broker: Arc<Broker>,
    /// Bounds how many tasks prepare at once.
    pub(super) gate: Semaphore,
    pub(super) tasks_dir: PathBuf,
    pub(super) retention: Retention,
    /// Held until the last task is dropped, so that nobody takes them for dead before.
    pub(super) owner: Arc<Owner>,
}

/// A task on its way through its steps.
#[derive(Debug)]
pub(super) struct Drive {
    pub(super) shared: Arc<Shared>,
    pub(super) record: Record,
    /// What each unit needs, with `0 = all` resolved.
    pub(super) need: Amount,
    pub(super) signals: live::Signals,
    /// Whether the task was to be stopped when this process took it on.
    pub(super) stopped_before: bool,
    pub(super) reporter: Arc<Reporter>,
    slot: Arc<Slot>,
    pub(super) context: TaskContext,
}

/// Why a task does not go on.
#[derive(Debug)]
pub(super) enum Stop {
    Cancelled,
    Failed(Error),
    /// It is another process's task by now.
    Disowned,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Drive {
    pub(super) fn new(shared: Arc<Shared>, record: Record, need: Amount) -> Self {
        let signals = live::Signals::default();
        if record.cancelled {
            signals.cancel.cancel();
        }
        let id = record.spec.id.clone();
        let fractions = match &record.units[..] {
            [_] => vec![record.progress],
            units => units.iter().map(|unit| unit.progress).collect(),
        };
        let slot = Arc::new(Slot::new(id.clone(), fractions));
        let outbox = Arc::clone(&shared.outbox);
        let reporter = Reporter::new(outbox, Arc::clone(&slot), signals.cancel.clone());
        let reporter = Arc::new(reporter);
        let context = TaskContext {
            spec: Arc::new(record.spec.clone()),
            dir: directory::path(&shared.tasks_dir, &id),
            attempt: record.attempt,
            reporter: reporter.clone(),
        };
        let stopped_before = record.cancelled;
        Self { shared, record, need, signals, stopped_before, reporter, slot, context }
    }

    /// Takes the task to its end, from the step that is recorded for it.
    pub(super) async fn run(mut self) {
        let end = loop {
            let ended = self.attempt().await;
            if matches!(ended, Err(Stop::Disowned)) {
                return self.shared.live.remove(&self.context.spec.id);
            }
            self.end_runs().await;
            match ended {
                Ok(output) => break End { state: TaskState::Done, error: None, output },
                Err(Stop::Failed(error)) => match self.retry(&error).await {
                    Ok(true) => {}
                    Ok(false) => break failed(&error),
                    Err(Stop::Failed(second)) => break failed(&second),
                    Err(_) => return self.shared.live.remove(&self.context.spec.id),
                },
                Err(_) => {
                    break End { state: TaskState::Terminated, error: None, output: Vec::new() };
                }
            }
        };
        let surplus = self.put_aside(end.state).await;
        self.reporter.end();
        self.finish(end).await;
        self.shared.live.remove(&self.context.spec.id);
        // Whoever waits for the task need not wait for this. The stream of its events has ended, so
        // that nobody could be told of a failure; cleaning tries again.
        let _ =
            blocking(move || surplus.iter().try_for_each(|place| directory::remove_aside(place)))
                .await;
        let (shared, retention) = (&self.shared, self.shared.retention);
        if retention.max_age.is_some() || retention.max_count.is_some() {
            let _ = clean::clean(&shared.outbox, &shared.tasks_dir, retention).await;
        }
    }

    async fn attempt(&mut self) -> Result<Vec<VersionId>, Stop> {
        if self.record.step == TaskStep::Prepare {
            self.back_off().await?;
            self.prepare().await?;
        }
        if self.record.step <= TaskStep::Run {
            let ran = self.run_units().await?;
            self.collect(ran).await?;
        } else if self.record.step == TaskStep::Collect {
            let results = self.record.units.iter().filter_map(|unit| unit.result.clone());
            let failed = results.filter_map(Result::err).next();
            self.collect(failed.map_or(Ok(()), |report| Err(report.into()))).await?;
        }
        self.enter(TaskStep::Commit).await?;
        let committed = caught(TaskStep::Commit, self.driver().commit(&self.context)).await;
        committed.map_err(|error| self.stopped(error))
    }

    /// Waits until the attempt may begin.
    async fn back_off(&self) -> Result<(), Stop> {
        let Some(time) = self.record.not_before else { return Ok(()) };
        let left = Duration::try_from(time.duration_since(Timestamp::now())).unwrap_or_default();
        tokio::select! {
            biased;
            () = self.signals.cancel.cancelled() => Err(Stop::Cancelled),
            () = tokio::time::sleep(left) => Ok(()),
        }
    }

    async fn prepare(&mut self) -> Result<(), Stop> {
        let shared = Arc::clone(&self.shared);
        let _admitted = tokio::select! {
            biased;
            () = self.signals.cancel.cancelled() => return Err(Stop::Cancelled),
            admitted = shared.gate.acquire() => admitted,
        };
        self.enter(TaskStep::Prepare).await?;
        let dir = self.context.dir.clone();
        blocking(move || directory::create(&dir)).await?;
        let prepared = caught(TaskStep::Prepare, self.driver().prepare(&self.context)).await;
        prepared.map_err(|error| self.stopped(error))
    }

    /// Collects what the runs wrote, however they ended; goes on only after ones that went well.
    async fn collect(&mut self, ran: Result<()>) -> Result<(), Stop> {
        self.record(TaskStep::Collect).await?;
        let collect = self.driver().collect(&self.context, ran.as_ref().map(|_| &()));
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

    /// Records another attempt if the policy of the task allows one after this error; returns
    /// whether it does.
    async fn retry(&mut self, error: &Error) -> Result<bool, Stop> {
        let policy = self.context.spec.retry;
        let attempt = self.context.attempt;
        if !error.is_retryable() || attempt > policy.retries || self.signals.cancel.is_cancelled() {
            return Ok(false);
        }
        let wait = backoff(policy.backoff_s, attempt);
        self.note(format!("attempt {attempt} failed: {error}; the next begins in {wait} s"));
        let not_before = Timestamp::now() + Duration::from_secs(wait);
        self.change(move |db, id, owner| tasks::retry(db, id, owner, not_before)).await?;
        self.slot.reset();
        self.context.attempt += 1;
        self.record.attempt += 1;
        self.record.step = TaskStep::Prepare;
        self.record.not_before = Some(not_before);
        self.record.units.fill(Unit::default());
        Ok(true)
    }

    /// Frees what the runtime keeps of the runs of this attempt, that have ended.
    async fn end_runs(&self) {
        if self.record.step < TaskStep::Run {
            return;
        }
        for unit in 0..self.units() {
            let dir = self.unit_dir(unit);
            let ended =
                caught(TaskStep::Run, self.driver().end_run(&self.context.spec, &dir)).await;
            if let Err(error) = ended {
                self.note(format!("what is kept of the run could not be removed: {error}"));
            }
        }
    }

    /// Enters a step unless the task is cancelled.
    pub(super) async fn enter(&mut self, step: TaskStep) -> Result<(), Stop> {
        if self.signals.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        self.record(step).await
    }

    async fn record(&mut self, step: TaskStep) -> Result<(), Stop> {
        self.change(move |db, id, owner| tasks::enter(db, id, owner, step)).await?;
        self.record.step = step;
        Ok(())
    }

    /// Changes what is recorded of the task, as long as it is this process's.
    pub(super) async fn change(
        &self,
        change: impl FnOnce(&rusqlite::Connection, &ymir_core::TaskId, &str) -> rusqlite::Result<bool>
        + Send
        + 'static,
    ) -> Result<(), Stop> {
        let id = self.context.spec.id.clone();
        let owner = self.shared.owner.id.clone();
        let change = move |journal: &mut Journal| journal.change(&id, |db| change(db, &id, &owner));
        if self.shared.outbox.call(change).await? { Ok(()) } else { Err(Stop::Disowned) }
    }

    pub(super) fn driver(&self) -> &dyn TaskDriver {
        self.shared.driver.as_ref()
    }

    pub(super) fn units(&self) -> u32 {
        u32::try_from(self.record.units.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn unit_dir(&self, unit: u32) -> PathBuf {
        self.context.spec.unit_dir(&self.context.dir, unit)
    }

    pub(super) fn stopped(&self, error: Error) -> Stop {
        if self.signals.cancel.is_cancelled() { Stop::Cancelled } else { Stop::Failed(error) }
    }

    pub(super) fn note(&self, text: String) {
        self.reporter.log(LogLine { source: LogSource::Ymir, text }, None);
    }

    /// Takes out of the task's directory what is not to be kept.
    async fn put_aside(&self, state: TaskState) -> Vec<PathBuf> {
        let (shared, spec) = (self.shared.clone(), Arc::clone(&self.context.spec));
        let put =
            move || directory::put_aside(&shared.tasks_dir, &spec, shared.retention.keep, state);
        let put = blocking(put).await;
        put.map_err(|error| self.note(error.to_string())).unwrap_or_default()
    }

    /// Records the end. While the database cannot be written, it is tried again; those who wait are
    /// told soon.
    async fn finish(&self, end: End) {
        let began = Instant::now();
        let mut pause = Duration::from_millis(100);
        loop {
            let (id, owner) = (self.context.spec.id.clone(), self.shared.owner.id.clone());
            let recorded = end.clone();
            let record = move |journal: &mut Journal| {
                journal.change(&id, |db| tasks::finish(db, &id, Some(&owner), &recorded))?;
                journal.forget(&id);
                Ok(())
            };
            match self.shared.outbox.call(record).await {
                // Nobody can record it in a damaged or closed database.
                Err(e) if !matches!(e.kind(), ErrorKind::Corrupted | ErrorKind::Cancelled) => {
                    if began.elapsed() > PATIENCE {
                        self.shared.live.keep_end(&self.context.spec.id, end.clone(), &e);
                        self.shared.outbox.post(|journal| journal.signals.raise(true));
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY);
                }
                _ => return,
            }
        }
    }
}

/// Returns the seconds before the attempt that follows this one.
fn backoff(first: u64, attempt: u32) -> u64 {
    let doubled = 1u64.checked_shl(attempt.saturating_sub(1)).unwrap_or(u64::MAX);
    first.saturating_mul(doubled).min(MAX_BACKOFF)
}

fn failed(error: &Error) -> End {
    let error = Some(ErrorReport::from(error));
    End { state: TaskState::Failed, error, output: Vec::new() }
}

/// Runs a step of a task; a panic in it becomes an error.
pub(super) async fn caught<T>(step: TaskStep, work: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        let error = Error::new(ErrorKind::Unexpected, PANICKED);
        Err(error.with("step", format!("{step:?}").to_lowercase()).with("panic", text(&*panic)))
    })
}

/// What an error says that was a panic.
pub(super) const PANICKED: &str = "the code of the task panicked";

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
