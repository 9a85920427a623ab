use pyo3::prelude::*;
use ymir::{BranchKind, Error, Result, TaskId, TaskKind, Version, VersionId};

use crate::convert::{Value, data, object};
use crate::dataset;
use crate::error::raise;
use crate::generation::Kept;
use crate::pending::{Pending, direct};
use crate::stream::Stream;
use crate::workspace::Workspace;

/// A training, mining or inference on its way.
#[pyclass(frozen, module = "ymir._ymir")]
pub(crate) struct Task {
    home: Py<Workspace>,
    kind: TaskKind,
    id: Option<TaskId>,
    inner: Kept<ymir::Task>,
}

impl Task {
    pub(crate) fn new(home: Py<Workspace>, kind: TaskKind, inner: ymir::Task) -> Self {
        Self { home, kind, id: inner.id().cloned(), inner: Kept::new(inner) }
    }

    fn live(&self, py: Python<'_>) -> PyResult<ymir::Task> {
        if let Some(live) = self.inner.get() {
            return Ok(live.clone());
        }
        let Some(id) = &self.id else {
            let message = "a task that had nothing to do is not known to a forked child; ask again";
            return Err(raise(py, &Error::invalid(message)));
        };
        direct(py, self.home.get().live(py)?.task(id))
    }
}

#[pymethods]
impl Task {
    #[getter]
    fn id(&self) -> Option<&str> {
        self.id.as_ref().map(TaskId::as_str)
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.kind.as_str()
    }

    fn status(&self, py: Python<'_>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.status().await.map(data) }))
    }

    fn log(&self, py: Python<'_>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.log().await.map(data) }))
    }

    fn cancel(&self, py: Python<'_>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.cancel().await.map(object) }))
    }

    fn events(&self, py: Python<'_>, after: u64) -> PyResult<Stream> {
        Ok(Stream::new(self.live(py)?.events(after)))
    }

    /// Waits for the result: a dataset, or the parts of a model. Events go to the callback if they
    /// are asked for.
    fn wait(&self, py: Python<'_>, events: bool) -> PyResult<Pending> {
        let (live, home) = (self.live(py)?, self.home.clone_ref(py));
        let workspace = home.get().live(py)?;
        Ok(Pending::with_events(|tell| async move {
            if events {
                use futures::StreamExt;
                let mut events = live.events(0);
                while let Some(event) = events.next().await {
                    // It fails only when nobody waits any more.
                    drop(tell.send(data(event?)));
                }
            }
            made(&workspace, home, live.wait().await?).await
        }))
    }

    /// Waits for the result: the versions that the task made.
    fn versions(&self, py: Python<'_>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.wait().await.map(data) }))
    }

    /// Waits until the task has ended, however it did.
    fn ended(&self, py: Python<'_>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move {
            drop(live.wait().await);
            Ok(object(()))
        }))
    }
}

/// Returns what a task made, as the object for it: the first of its versions.
async fn made(
    workspace: &ymir::Workspace,
    home: Py<Workspace>,
    versions: Vec<Version>,
) -> Result<Value> {
    let version = versions.into_iter().next();
    let version = version.ok_or_else(|| Error::corrupted("the task has no result"))?;
    match version.branch.kind {
        BranchKind::Model => model(workspace, &version.id).await,
        _ => Ok(dataset::opened(home, workspace.dataset_by_id(&version.id).await?)),
    }
}

/// Returns the parts of a model: version, model, and the record of the task that made it.
pub(crate) async fn model(workspace: &ymir::Workspace, id: &VersionId) -> Result<Value> {
    let version = workspace.store().version(id).await?;
    let (model, manifest) = workspace.model(id).await?;
    Ok(data((version, model, manifest.task)))
}
