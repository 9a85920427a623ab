use std::marker::PhantomData;

use futures::stream::BoxStream;
use futures::{StreamExt, future, stream};
use tokio::runtime::Handle;
use ymir_core::{
    Error, ErrorKind, LogLine, Result, TaskEvent, TaskEventKind, TaskId, TaskState, TaskStatus,
    Version, VersionId,
};

use super::TaskOutput;
use crate::Workspace;

/// A task that was started, or whose result was there already. `T` is what it gives.
///
/// Dropping it does not stop the task.
#[derive(Debug)]
pub struct Task<T = Vec<Version>> {
    workspace: Workspace,
    state: State,
    output: PhantomData<fn() -> T>,
}

impl<T> Clone for Task<T> {
    fn clone(&self) -> Self {
        Self { workspace: self.workspace.clone(), state: self.state.clone(), output: PhantomData }
    }
}

#[derive(Debug, Clone)]
enum State {
    Existing(Vec<VersionId>),
    Running(TaskId),
}

impl<T> Task<T> {
    pub(crate) fn existing(workspace: Workspace, output: Vec<VersionId>) -> Self {
        Self { workspace, state: State::Existing(output), output: PhantomData }
    }

    pub(crate) fn running(workspace: Workspace, id: TaskId) -> Self {
        Self { workspace, state: State::Running(id), output: PhantomData }
    }

    /// Returns the same task without what it gives: it gives the versions.
    pub fn untyped(&self) -> Task {
        let (workspace, state) = (self.workspace.clone(), self.state.clone());
        Task { workspace, state, output: PhantomData }
    }

    /// Returns the id, or `None` if the result was there already and nothing was started.
    pub fn id(&self) -> Option<&TaskId> {
        match &self.state {
            State::Existing(_) => None,
            State::Running(id) => Some(id),
        }
    }

    /// Returns the workspace.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Returns what is known of the task, or `None` if nothing was started.
    pub async fn status(&self) -> Result<Option<TaskStatus>> {
        match self.id() {
            Some(id) => self.workspace.scheduler().status(id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Asks the task to stop.
    pub async fn cancel(&self) -> Result<()> {
        match self.id() {
            Some(id) => self.workspace.scheduler().cancel(id).await,
            None => Ok(()),
        }
    }

    /// Returns the events of this task after a sequence number (0 for all that are kept), up to
    /// that of its last state; none if nothing was started.
    pub fn events(&self, after: u64) -> BoxStream<'static, Result<TaskEvent>> {
        match self.id() {
            Some(id) => self.workspace.scheduler().task_events(id, after),
            None => stream::empty().boxed(),
        }
    }

    /// Returns the log so far, as far as it is kept; nothing if nothing was started.
    pub async fn log(&self) -> Result<Vec<LogLine>> {
        let Some(id) = self.id() else { return Ok(Vec::new()) };
        let (mut lines, mut after) = (Vec::new(), 0);
        loop {
            let events = self.workspace.scheduler().past_events(id, after).await?;
            let Some(last) = events.last() else { return Ok(lines) };
            after = last.seq;
            lines.extend(events.into_iter().filter_map(|event| match event.kind {
                TaskEventKind::Log(line) => Some(line),
                _ => None,
            }));
        }
    }

    /// Returns what asks the task to stop when it is dropped; nothing happens if it has ended.
    pub(crate) fn stop_when_dropped(&self) -> StopOnDrop {
        StopOnDrop { task: self.untyped(), runtime: Handle::current() }
    }
}

impl<T: TaskOutput> Task<T> {
    /// Waits for the end and returns what the task made.
    ///
    /// A task whose process died is adopted, here or by another process that works with the
    /// workspace.
    ///
    /// # Errors
    ///
    /// The error that the task ended with; `Cancelled` if it was stopped.
    pub async fn wait(&self) -> Result<T> {
        let output = match &self.state {
            State::Existing(output) => output.clone(),
            State::Running(id) => output_of(self.workspace.scheduler().wait(id).await?)?,
        };
        let store = self.workspace.store();
        let versions = future::try_join_all(output.iter().map(|id| store.version(id))).await?;
        T::of(&self.workspace, versions).await
    }
}

/// Asks a task to stop when it is dropped.
pub(crate) struct StopOnDrop {
    task: Task,
    runtime: Handle,
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        let task = self.task.clone();
        // Without a scheduler to ask there is no task any more.
        self.runtime.spawn(async move { task.cancel().await.ok() });
    }
}

fn output_of(status: TaskStatus) -> Result<Vec<VersionId>> {
    match (status.state, status.error) {
        (TaskState::Done, _) => Ok(status.output),
        (TaskState::Failed, Some(report)) => Err(Error::from(report).with("task", &status.spec.id)),
        (state, _) => {
            let message = "the task was stopped before it was done";
            Err(Error::new(ErrorKind::Cancelled, message)
                .with("task", &status.spec.id)
                .with("state", format!("{state:?}")))
        }
    }
}
