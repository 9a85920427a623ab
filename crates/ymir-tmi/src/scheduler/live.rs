use std::collections::HashMap;
use std::sync::Mutex;

use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use ymir_core::TaskId;

use super::outbox::lock;

/// The unfinished tasks of this scheduler.
#[derive(Debug, Default)]
pub(super) struct Live {
    tasks: Mutex<Tasks>,
}

#[derive(Debug, Default)]
struct Tasks {
    running: HashMap<TaskId, (CancellationToken, AbortHandle)>,
    aborted: bool,
}

impl Live {
    /// Starts a task, unless all were aborted. It cannot remove itself before it is in.
    pub(super) fn start(
        &self,
        id: TaskId,
        cancel: CancellationToken,
        start: impl FnOnce() -> AbortHandle,
    ) {
        let mut tasks = lock(&self.tasks);
        if !tasks.aborted {
            tasks.running.insert(id, (cancel, start()));
        }
    }

    pub(super) fn remove(&self, id: &TaskId) {
        lock(&self.tasks).running.remove(id);
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.tasks).running.is_empty()
    }

    /// Asks a task to stop, and returns whether it is one of these.
    pub(super) fn cancel(&self, id: &TaskId) -> bool {
        lock(&self.tasks).running.get(id).map(|(cancel, _)| cancel.cancel()).is_some()
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
