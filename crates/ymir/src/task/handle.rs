use futures::{Stream, StreamExt, future, stream};
use ymir_core::{
    Error, ErrorKind, Result, TaskEvent, TaskEventKind, TaskId, TaskState, TaskStatus, Version,
    VersionId,
};

use crate::Workspace;

/// A task that was started, or whose result was there already.
#[derive(Debug, Clone)]
pub struct Task {
    workspace: Workspace,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Existing(Vec<VersionId>),
    Running(TaskId),
}

impl Task {
    pub(crate) fn existing(workspace: Workspace, output: Vec<VersionId>) -> Self {
        Self { workspace, state: State::Existing(output) }
    }

    pub(crate) fn running(workspace: Workspace, id: TaskId) -> Self {
        Self { workspace, state: State::Running(id) }
    }

    /// Returns the id, or `None` if the result was there already and nothing was started.
    pub fn id(&self) -> Option<&TaskId> {
        match &self.state {
            State::Existing(_) => None,
            State::Running(id) => Some(id),
        }
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

    /// Returns the events of this task after a sequence number, up to its last one.
    pub fn events(&self, after: u64) -> impl Stream<Item = Result<TaskEvent>> + Send + use<> {
        let wanted = self.id().cloned();
        let all = match wanted {
            Some(_) => self.workspace.events(after),
            None => stream::empty().boxed(),
        };
        let own = all.filter(move |event| {
            future::ready(event.as_ref().map_or(true, |event| Some(&event.task) == wanted.as_ref()))
        });
        // The stream of the workspace never ends: this one must not wait for what comes after.
        stream::unfold(Some(own), |own| async move {
            let mut own = own?;
            let event = own.next().await?;
            let last = match &event {
                Ok(event) => matches!(&event.kind, TaskEventKind::State(s) if s.is_final()),
                Err(_) => true,
            };
            Some((event, (!last).then_some(own)))
        })
    }

    /// Waits for the end and returns the versions that the task made, its main one first.
    ///
    /// # Errors
    ///
    /// The error that the task ended with; `Cancelled` if it was stopped.
    pub async fn wait(&self) -> Result<Vec<Version>> {
        let output = match &self.state {
            State::Existing(output) => output.clone(),
            State::Running(id) => output_of(self.workspace.scheduler().wait(id).await?)?,
        };
        future::try_join_all(output.iter().map(|id| self.workspace.store().version(id))).await
    }
}

fn output_of(status: TaskStatus) -> Result<Vec<VersionId>> {
    match (status.state, status.error) {
        (TaskState::Done, _) => Ok(status.output),
        (TaskState::Failed, Some(report)) => {
            Err(Error::from(report).with("task", &status.request.id))
        }
        (state, _) => {
            let message = "the task was stopped before it was done";
            Err(Error::new(ErrorKind::Cancelled, message)
                .with("task", &status.request.id)
                .with("state", format!("{state:?}")))
        }
    }
}
