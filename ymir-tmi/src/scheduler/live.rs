use std::collections::HashMap;
use std::sync::Mutex;

use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use ymir_core::{Error, ErrorReport, TaskId, TaskStatus, Timestamp};

use super::outbox::lock;
use super::tasks::End;

/// The unfinished tasks of this scheduler.
#[derive(Debug, Default)]
pub(super) struct Live {
    tasks: Mutex<Tasks>,
    unrecorded: Mutex<HashMap<TaskId, Unrecorded>>,
}

/// The end of a task that the database does not know yet.
#[derive(Debug)]
struct Unrecorded {
    end: End,
    time: Timestamp,
    /// Why it cannot be recorded.
    reason: ErrorReport,
}

/// What is asked of a task.
#[derive(Debug, Clone, Default)]
pub(super) struct Signals {
    /// It is to stop.
    pub(super) cancel: CancellationToken,
    /// Its run counts as ended.
    pub(super) settle: CancellationToken,
}

#[derive(Debug, Default)]
struct Tasks {
    running: HashMap<TaskId, (Signals, AbortHandle)>,
    aborted: bool,
}

impl Live {
    /// Starts a task, unless all were aborted. It cannot remove itself before it is in.
    pub(super) fn start(&self, id: TaskId, signals: Signals, start: impl FnOnce() -> AbortHandle) {
        let mut tasks = lock(&self.tasks);
        if !tasks.aborted {
            tasks.running.insert(id, (signals, start()));
        }
    }

    pub(super) fn remove(&self, id: &TaskId) {
        lock(&self.tasks).running.remove(id);
        lock(&self.unrecorded).remove(id);
    }

    /// Keeps the end of a task for those who ask, for as long as it cannot be recorded.
    pub(super) fn keep_end(&self, id: &TaskId, end: End, reason: &Error) {
        let unrecorded = Unrecorded { end, time: Timestamp::now(), reason: reason.into() };
        lock(&self.unrecorded).entry(id.clone()).or_insert(unrecorded);
    }

    /// Returns why the end of a task cannot be recorded, if that is so.
    pub(super) fn why_unrecorded(&self, id: &TaskId) -> Option<Error> {
        let unrecorded = lock(&self.unrecorded);
        Some(Error::from(unrecorded.get(id)?.reason.clone()).with("task", id))
    }

    /// Returns a status from the database with what it does not know yet.
    pub(super) fn complete(&self, mut status: TaskStatus) -> TaskStatus {
        let unrecorded = lock(&self.unrecorded);
        if let Some(Unrecorded { end, time, .. }) = unrecorded.get(&status.spec.id)
            && !status.state.is_final()
        {
            status.state = end.state;
            status.error = end.error.clone();
            status.output = end.output.clone();
            status.finished = Some(*time);
        }
        status
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.tasks).running.is_empty()
    }

    /// Asks a task to stop, and returns whether it is one of these.
    pub(super) fn cancel(&self, id: &TaskId) -> bool {
        lock(&self.tasks).running.get(id).map(|(signals, _)| signals.cancel.cancel()).is_some()
    }

    /// Counts the run of a task as ended.
    pub(super) fn settle(&self, id: &TaskId) {
        if let Some((signals, _)) = lock(&self.tasks).running.get(id) {
            signals.settle.cancel();
        }
    }

    /// Drops all tasks where they wait, now and from now on.
    pub(super) fn abort(&self) {
        let mut tasks = lock(&self.tasks);
        tasks.aborted = true;
        for (_, abort) in tasks.running.values() {
            abort.abort();
        }
    }
}
