use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::time::timeout;
use ymir_core::{
    Error, ErrorKind, ErrorReport, Result, Scheduler, SchedulerCapabilities, Submission,
    TaskDriver, TaskEvent, TaskId, TaskSpec, TaskState, TaskStatus, TaskStep,
};

use super::events;
use super::follow::follow;
use super::journal::Journal;
use super::local::LocalScheduler;
use super::owner::Owner;
use super::tasks::{self, End};
use super::units::settled;

/// How often those who wait for a task look whether its owner died.
const LOOK: Duration = Duration::from_secs(1);

#[async_trait]
impl Scheduler for LocalScheduler {
    fn capabilities(&self) -> SchedulerCapabilities {
        let devices = self.inner.options.host.devices.devices();
        let gpus = devices.is_ok_and(|devices| !devices.is_empty());
        SchedulerCapabilities { durable: true, gpus, host_wide: true }
    }

    async fn serve(&self, driver: Arc<dyn TaskDriver>) -> Result<Vec<TaskId>> {
        self.begin(driver).await?;
        self.inner.adopt().await
    }

    async fn adopt(&self) -> Result<Vec<TaskId>> {
        self.inner.adopt().await
    }

    async fn submit(&self, spec: TaskSpec) -> Result<Submission> {
        let submission = self.inner.submit(spec).await?;
        if submission.joined {
            // It may be one that nobody carries on.
            self.inner.adopt().await?;
        }
        Ok(submission)
    }

    async fn status(&self, id: &TaskId) -> Result<TaskStatus> {
        let wanted = id.clone();
        let read = move |journal: &mut Journal| {
            let found = journal.read(|db| tasks::status(db, &wanted))?;
            let (owner, status) = found.ok_or_else(|| no_task(&wanted))?;
            Ok(present(journal, owner, status))
        };
        Ok(self.inner.live.complete(self.inner.outbox.call(read).await?))
    }

    async fn list(&self) -> Result<Vec<TaskStatus>> {
        let read = |journal: &mut Journal| {
            let found = journal.read(tasks::list)?;
            Ok(found.into_iter().map(|(owner, status)| present(journal, owner, status)).collect())
        };
        let list: Vec<_> = self.inner.outbox.call(read).await?;
        Ok(list.into_iter().map(|status| self.inner.live.complete(status)).collect())
    }

    async fn cancel(&self, id: &TaskId) -> Result<()> {
        let wanted = id.clone();
        let asked = self.inner.outbox.call(move |journal| ask_cancel(journal, &wanted)).await;
        // It is stopped also where that cannot be recorded.
        if self.inner.live.cancel(id) { Ok(()) } else { asked }
    }

    async fn settle(&self, id: &TaskId) -> Result<()> {
        let wanted = id.clone();
        self.inner.outbox.call(move |journal| ask_settle(journal, &wanted)).await
    }

    async fn wait(&self, id: &TaskId) -> Result<TaskStatus> {
        let mut states = self.inner.signals.states.subscribe();
        loop {
            states.borrow_and_update();
            let status = self.status(id).await?;
            if status.state.is_final() {
                return Ok(status);
            }
            if status.owner.is_none() && self.inner.serving().is_ok() {
                self.inner.adopt().await?;
            }
            // If nobody signals any more, reading tells why.
            let _ = timeout(LOOK, states.changed()).await;
        }
    }

    fn events(&self, after: u64) -> BoxStream<'static, Result<TaskEvent>> {
        follow(&self.inner.outbox, &self.inner.signals, None, after)
    }

    fn task_events(&self, id: &TaskId, after: u64) -> BoxStream<'static, Result<TaskEvent>> {
        follow(&self.inner.outbox, &self.inner.signals, Some(id.clone()), after)
    }

    async fn past_events(&self, id: &TaskId, after: u64) -> Result<Vec<TaskEvent>> {
        let id = id.clone();
        let read = move |journal: &mut Journal| {
            journal.read(|db| tasks::status(db, &id))?.ok_or_else(|| no_task(&id))?;
            journal.read(|db| events::page(db, Some(&id), after))?.into_iter().collect()
        };
        self.inner.outbox.call(read).await
    }

    async fn close(&self) -> Result<Vec<TaskId>> {
        self.inner.close().await
    }
}

/// Returns a status without an owner that is dead.
fn present(journal: &Journal, owner: Option<String>, mut status: TaskStatus) -> TaskStatus {
    if !is_alive(journal, owner.as_deref()) {
        status.owner = None;
    }
    status
}

/// Returns whether the owner of a task is alive.
fn is_alive(journal: &Journal, owner: Option<&str>) -> bool {
    let Some(owner) = owner else { return false };
    journal.owner.as_ref().is_some_and(|own| own.id == owner)
        || Owner::is_alive(&journal.database, owner)
}

/// Records that a task is to be stopped. One that nobody carries on and that has not run ends at
/// once.
fn ask_cancel(journal: &mut Journal, id: &TaskId) -> Result<()> {
    if !journal.change(id, |db| tasks::ask_cancel(db, id))? {
        return Err(no_task(id));
    }
    journal.heed();
    let Some(record) = journal.read(|db| tasks::record(db, id))? else { return Ok(()) };
    let waits = record.step <= TaskStep::Allocate;
    if waits && record.cancelled && !is_alive(journal, record.owner.as_deref()) {
        let end = End { state: TaskState::Terminated, error: None, output: Vec::new() };
        journal.change(id, |db| tasks::finish(db, id, record.owner.as_deref(), &end))?;
    }
    Ok(())
}

/// Records that the run of a stalled task counts as ended. One that nobody carries on fails at once.
fn ask_settle(journal: &mut Journal, id: &TaskId) -> Result<()> {
    let found = journal.read(|db| tasks::status(db, id))?;
    let (owner, status) = found.ok_or_else(|| no_task(id))?;
    if status.stalled.is_none() || status.state.is_final() {
        let message = "the task is not stalled; cancel it instead";
        return Err(Error::new(ErrorKind::Conflict, message).with("task", id));
    }
    if is_alive(journal, owner.as_deref()) {
        journal.change(id, |db| tasks::ask_settle(db, id))?;
        journal.heed();
        return Ok(());
    }
    let error = Some(ErrorReport::from(&settled()));
    let end = End { state: TaskState::Failed, error, output: Vec::new() };
    journal.change(id, |db| tasks::finish(db, id, owner.as_deref(), &end)).map(drop)
}

pub(super) fn no_task(id: &TaskId) -> Error {
    Error::not_found("there is no task with this id").with("task", id)
}
