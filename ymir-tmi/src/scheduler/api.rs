use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use rusqlite::Connection;
use tokio::sync::watch;
use ymir_core::{
    Error, ErrorKind, Result, Scheduler, TaskEvent, TaskEventKind, TaskId, TaskRequest, TaskStatus,
    TaskWork,
};

use super::local::LocalScheduler;
use super::outbox::Outbox;
use super::{events, tasks};

#[async_trait]
impl Scheduler for LocalScheduler {
    async fn submit(&self, request: TaskRequest, work: Arc<dyn TaskWork>) -> Result<()> {
        let need = self.inner.need(&request).await?;
        self.inner.launch(request, need, work).await
    }

    async fn status(&self, id: &TaskId) -> Result<TaskStatus> {
        let wanted = id.clone();
        let status = self.present(move |db| tasks::status(db, &wanted)).await?;
        Ok(self.inner.shared.live.complete(status.ok_or_else(|| no_task(id))?))
    }

    async fn list(&self) -> Result<Vec<TaskStatus>> {
        let list = self.present(tasks::list).await?;
        Ok(list.into_iter().map(|status| self.inner.shared.live.complete(status)).collect())
    }

    async fn cancel(&self, id: &TaskId) -> Result<()> {
        if self.inner.shared.live.cancel(id) {
            return Ok(());
        }
        let wanted = id.clone();
        let ask = move |ledger: &mut super::ledger::Ledger| {
            ledger.change(&wanted, |db| tasks::ask_cancel(db, &wanted))
        };
        if self.inner.shared.outbox.call(ask).await? { Ok(()) } else { Err(no_task(id)) }
    }

    async fn wait(&self, id: &TaskId) -> Result<TaskStatus> {
        let mut states = self.inner.signals.states.subscribe();
        loop {
            states.borrow_and_update();
            let status = self.status(id).await?;
            if status.state.is_final() {
                return Ok(status);
            }
            // If nobody signals any more, reading tells why.
            let _ = states.changed().await;
        }
    }

    fn events(&self, after: u64) -> BoxStream<'static, Result<TaskEvent>> {
        self.follow(None, after)
    }

    fn task_events(&self, id: &TaskId, after: u64) -> BoxStream<'static, Result<TaskEvent>> {
        self.follow(Some(id.clone()), after)
    }

    async fn past_events(&self, id: &TaskId, after: u64) -> Result<Vec<TaskEvent>> {
        let id = id.clone();
        let read = move |ledger: &mut super::ledger::Ledger| {
            ledger.read(|db| tasks::status(db, &id))?.ok_or_else(|| no_task(&id))?;
            ledger.read(|db| events::page(db, Some(&id), after))?.into_iter().collect()
        };
        self.inner.shared.outbox.call(read).await
    }
}

impl LocalScheduler {
    /// Reads what is so now: no task is said to run whose process is gone.
    async fn present<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let read = move |ledger: &mut super::ledger::Ledger| {
            // While the database cannot be written it can still be read.
            let _ = ledger.bury();
            ledger.read(read)
        };
        self.inner.shared.outbox.call(read).await
    }

    fn follow(&self, task: Option<TaskId>, after: u64) -> BoxStream<'static, Result<TaskEvent>> {
        let follower = Follower {
            outbox: Arc::clone(&self.inner.shared.outbox),
            signal: self.inner.signals.events.subscribe(),
            task,
            after: After::Unchecked(after),
            ready: VecDeque::new(),
            ended: false,
        };
        stream::unfold(follower, Follower::next).boxed()
    }
}

fn no_task(id: &TaskId) -> Error {
    Error::not_found("there is no task with this id").with("task", id)
}

/// Where a stream of events stands.
struct Follower {
    outbox: Arc<Outbox>,
    signal: watch::Receiver<u64>,
    /// The one task that is followed; `None` for all.
    task: Option<TaskId>,
    after: After,
    ready: VecDeque<Result<TaskEvent>>,
    ended: bool,
}

#[derive(Clone, Copy)]
enum After {
    /// As the caller says. It may stem from a database that is lost, and lie beyond the last.
    Unchecked(u64),
    Known(u64),
}

impl Follower {
    async fn next(mut self) -> Option<(Result<TaskEvent>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if self.task.is_some() && is_last(&event) {
                    self.ended = true;
                    self.ready.clear();
                }
                return Some((event, self));
            }
            if self.ended {
                return None;
            }
            self.signal.borrow_and_update();
            match self.read().await {
                Ok(Page { events, unrecorded: Some(reason), .. }) if events.is_empty() => {
                    self.ended = true;
                    return Some((Err(reason), self));
                }
                Ok(Page { events, finished: true, .. }) if events.is_empty() => return None,
                Ok(Page { events, .. }) if events.is_empty() => {
                    self.ended = self.signal.changed().await.is_err()
                }
                Ok(Page { events, .. }) => self.ready = events.into(),
                // It was closed.
                Err(error) if error.kind() == ErrorKind::Cancelled => return None,
                Err(error) => {
                    self.ended = true;
                    return Some((Err(error), self));
                }
            }
        }
    }

    async fn read(&mut self) -> Result<Page> {
        let (after, task) = (self.after, self.task.clone());
        let read = move |ledger: &mut super::ledger::Ledger| {
            // First, so that the events hold the last state if it is said to be there.
            let finished = match &task {
                None => false,
                Some(task) => {
                    let status = ledger.read(|db| tasks::status(db, task))?;
                    status.ok_or_else(|| no_task(task))?.state.is_final()
                }
            };
            let unrecorded = task.as_ref().filter(|_| !finished);
            let unrecorded = unrecorded.and_then(|task| ledger.live.why_unrecorded(task));
            let (after, events) = ledger.read(|db| {
                let after = match after {
                    After::Known(seq) => seq,
                    After::Unchecked(seq) if seq > events::last(db)? => 0,
                    After::Unchecked(seq) => seq,
                };
                Ok((after, events::page(db, task.as_ref(), after)?))
            })?;
            Ok((after, Page { events, finished, unrecorded }))
        };
        let (after, page) = self.outbox.call(read).await?;
        let last = page.events.iter().filter_map(|event| event.as_ref().ok()).map(|e| e.seq);
        self.after = After::Known(last.max().unwrap_or(after));
        Ok(page)
    }
}

/// What a [`Follower`] reads at once.
struct Page {
    events: Vec<Result<TaskEvent>>,
    /// Whether the followed task has ended.
    finished: bool,
    /// Why its end is not among the events and will not be for now.
    unrecorded: Option<Error>,
}

fn is_last(event: &Result<TaskEvent>) -> bool {
    matches!(event, Ok(TaskEvent { kind: TaskEventKind::State(state), .. }) if state.is_final())
}
