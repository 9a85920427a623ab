//! What is brought into a workspace, and what is made in it.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;
use ymir::{
    CopyOptions, Fetched, FuseRequest, ImportRequest, InferRequest, MineRequest, MirOptions,
    ProjectRequest, TaskId, TaskKind, TrainRequest, parse_request,
};

use super::Workspace;
use crate::convert::{data, object, parse, plain, request};
use crate::dataset::opened;
use crate::pending::Pending;
use crate::project::Project;
use crate::stream::Stream;
use crate::task::Task;

#[pymethods]
impl Workspace {
    fn import_dataset(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, options) = (self.live(py)?, plain(options)?);
        Ok(Pending::with_events(|events| async move {
            let request: ImportRequest = parse_request("an import", options)?;
            // It fails only when nobody waits any more.
            let tell = move |progress| drop(events.send(data(progress)));
            let (options, name) = (request.options(), &request.dataset);
            live.import_dataset(&request.source, request.format, name, &options, &tell)
                .await
                .map(data)
        }))
    }

    fn import_mir(
        &self,
        py: Python<'_>,
        repository: PathBuf,
        options: &Bound<'_, PyAny>,
    ) -> PyResult<Pending> {
        let (live, options) = (self.live(py)?, plain(options)?);
        Ok(Pending::with_events(|events| async move {
            let options: MirOptions = parse_request("an import", options)?;
            let tell = move |progress| drop(events.send(data(progress)));
            live.import_mir(&repository, &options, &tell).await.map(data)
        }))
    }

    fn fuse(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::with_events(|events| async move {
            let request: FuseRequest = parse_request("a fusion", options)?;
            let options = request.resolve(&live).await?;
            let tell = move |progress| drop(events.send(data(progress)));
            live.fuse(&options, &request.into, &tell).await.map(|made| opened(home, made))
        }))
    }

    fn copy_fetched(
        slf: &Bound<'_, Self>,
        fetched: &Bound<'_, PyAny>,
        options: &Bound<'_, PyAny>,
    ) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let fetched: Fetched = request("a fetched version", fetched)?;
        let options: CopyOptions = request("a copy", options)?;
        Ok(Pending::with_events(|events| async move {
            let tell = move |progress| drop(events.send(data(progress)));
            live.copy_fetched(&fetched, &options, &tell).await.map(|made| opened(home, made))
        }))
    }

    fn train(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::new(async move {
            let request: TrainRequest = parse_request("a training", options)?;
            let task = live.train(&request.resolve(&live).await?).await?;
            Ok(object(Task::new(home, TaskKind::Train, task)))
        }))
    }

    fn mine(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::new(async move {
            let request: MineRequest = parse_request("a mining", options)?;
            let task = live.mine(&request.resolve(&live).await?).await?;
            Ok(object(Task::new(home, TaskKind::Mine, task)))
        }))
    }

    fn infer(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::new(async move {
            let request: InferRequest = parse_request("an inference", options)?;
            let task = live.infer(&request.resolve(&live).await?).await?;
            Ok(object(Task::new(home, TaskKind::Infer, task)))
        }))
    }

    fn task(slf: &Bound<'_, Self>, id: &str) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let id: TaskId = parse(slf.py(), id)?;
        Ok(Pending::new(async move {
            let kind = live.scheduler().status(&id).await?.request.kind;
            Ok(object(Task::new(home, kind, live.task(&id).await?)))
        }))
    }

    fn tasks(&self, py: Python<'_>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.tasks().await.map(data) }))
    }

    /// Stops tasks and waits for their end, but not longer than these seconds.
    fn stop_tasks(&self, py: Python<'_>, ids: Vec<String>, seconds: f64) -> PyResult<Pending> {
        let live = self.live(py)?;
        let ids: Vec<TaskId> = ids.iter().map(|id| parse(py, id)).collect::<PyResult<_>>()?;
        Ok(Pending::new(async move {
            let mut stopped = Vec::new();
            for id in &ids {
                // One that cannot be stopped does not keep the others going.
                let Ok(task) = live.task(id).await else { continue };
                if task.cancel().await.is_ok() {
                    stopped.push(task);
                }
            }
            let end = futures::future::join_all(stopped.iter().map(ymir::Task::wait));
            // Who does not end in time is left.
            let _ = tokio::time::timeout(Duration::from_secs_f64(seconds), end).await;
            Ok(object(()))
        }))
    }

    fn events(&self, py: Python<'_>, after: u64) -> PyResult<Stream> {
        Ok(Stream::new(self.live(py)?.events(after)))
    }

    fn create_project(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::new(async move {
            let request: ProjectRequest = parse_request("a project", options)?;
            let handle = live.create_project(request.resolve(&live).await?).await?;
            Ok(object(Project::new(home, &handle)))
        }))
    }

    fn project(slf: &Bound<'_, Self>, name: String) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        Ok(Pending::new(async move {
            live.project(&name).await.map(|handle| object(Project::new(home, &handle)))
        }))
    }
}
