//! Streams of events.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::watch;
use ymir_core::{Error, ErrorKind, Result, TaskEvent, TaskEventKind, TaskId};

use super::api::no_task;
use super::journal::{Journal, Signals};
use super::outbox::Outbox;
use super::{events, tasks};

/// Returns the events after a sequence number and those to come, of all tasks or of one.
pub(super) fn follow(
    outbox: &Arc<Outbox>,
    signals: &Signals,
    task: Option<TaskId>,
    after: u64,
) -> BoxStream<'static, Result<TaskEvent>> {
    let follower = Follower {
        outbox: Arc::clone(outbox),
        signal: signals.events.subscribe(),
        task,
        after: After::Unchecked(after),
        ready: VecDeque::new(),
        ended: false,
    };
    stream::unfold(follower, Follower::next).boxed()
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
        let read = move |journal: &mut Journal| {
            // First, so that the events hold the last state if it is said to be there.
            let finished = match &task {
                None => false,
                Some(task) => {
                    let status = journal.read(|db| tasks::status(db, task))?;
                    status.ok_or_else(|| no_task(task))?.1.state.is_final()
                }
            };
            let unrecorded = task.as_ref().filter(|_| !finished);
            let unrecorded = unrecorded.and_then(|task| journal.live.why_unrecorded(task));
            let (after, events) = journal.read(|db| {
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
