//! What is brought into a workspace, and what is made in it.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;
use ymir::{
    CopyOptions, Error, Fetched, FuseRequest, ImportRequest, InferRequest, MineRequest, MirOptions,
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
            live.import_dataset(&request.source, request.format, name, &options)
                .on_progress(tell)
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
            live.import_mir(&repository, &options).on_progress(tell).await.map(data)
        }))
    }

    fn fuse(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::with_events(|events| async move {
            let request: FuseRequest = parse_request("a fusion", options)?;
            let options = request.resolve(&live).await?;
            let tell = move |progress| drop(events.send(data(progress)));
            live.fuse(&options, &request.into)
                .on_progress(tell)
                .await
                .map(|made| opened(home, made))
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
            live.copy_fetched(&fetched, &options)
                .on_progress(tell)
                .await
                .map(|made| opened(home, made))
        }))
    }

    fn start_train(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::new(async move {
            let request: TrainRequest = parse_request("a training", options)?;
            let task = live.start_train(&request.resolve(&live).await?).await?;
            Ok(object(Task::new(home, TaskKind::Train, task.untyped())))
        }))
    }

    fn start_mine(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::new(async move {
            let request: MineRequest = parse_request("a mining", options)?;
            let task = live.start_mine(&request.resolve(&live).await?).await?;
            Ok(object(Task::new(home, TaskKind::Mine, task.untyped())))
        }))
    }

    fn start_infer(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::new(async move {
            let request: InferRequest = parse_request("an inference", options)?;
            let task = live.start_infer(&request.resolve(&live).await?).await?;
            Ok(object(Task::new(home, TaskKind::Infer, task.untyped())))
        }))
    }

    fn task(slf: &Bound<'_, Self>, id: &str) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let id: TaskId = parse(slf.py(), id)?;
        Ok(Pending::new(async move {
            let kind = live.scheduler().status(&id).await?.spec.kind;
            Ok(object(Task::new(home, kind, live.task(&id).await?)))
        }))
    }

    fn tasks(&self, py: Python<'_>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.tasks().await.map(data) }))
    }

    /// Waits until no task is unfinished, and returns the last status of each that was.
    fn wait_all(&self, py: Python<'_>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.wait_all().await.map(data) }))
    }

    /// Ends a task of which it cannot be found out whether its run has ended.
    fn settle(&self, py: Python<'_>, id: &str) -> PyResult<Pending> {
        let (live, id): (_, TaskId) = (self.live(py)?, parse(py, id)?);
        Ok(Pending::new(async move { live.settle(&id).await.map(object) }))
    }

    /// Returns what runs left behind, and ends it if that is asked for.
    fn leftovers(&self, py: Python<'_>, end: bool) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move {
            let found = live.leftovers().await?;
            if end {
                live.end_leftovers(&found).await?;
            }
            Ok(data(found))
        }))
    }

    /// Returns the events of one task, or of all, that are kept.
    fn past_events(&self, py: Python<'_>, id: Option<&str>, after: u64) -> PyResult<Pending> {
        let live = self.live(py)?;
        let id: Option<TaskId> = id.map(|id| parse(py, id)).transpose()?;
        Ok(Pending::new(async move { live.past_events(id.as_ref(), after).await.map(data) }))
    }

    /// Removes the directories of tasks that ended longer ago than these seconds.
    fn clean_tasks(&self, py: Python<'_>, seconds: Option<f64>) -> PyResult<Pending> {
        let live = self.live(py)?;
        let age = seconds.map(Duration::try_from_secs_f64).transpose();
        Ok(Pending::new(async move {
            let age = age.map_err(|error| {
                let error = Error::invalid("a time must be 0 or more").caused_by(error);
                error.with("field", "older_than")
            })?;
            live.clean_tasks(age).await.map(data)
        }))
    }

    /// Returns what tasks of this user hold on this host.
    fn host_leases(&self, py: Python<'_>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.host_leases().await.map(data) }))
    }

    /// Gives back what a task holds whose process is gone.
    fn release_leases(&self, py: Python<'_>, task: &str) -> PyResult<Pending> {
        let (live, task): (_, TaskId) = (self.live(py)?, parse(py, task)?);
        Ok(Pending::new(async move { live.release_leases(&task).await.map(object) }))
    }

    /// Stops those of the tasks that cannot outlive this program, and waits for their end, but not
    /// longer than these seconds. Returns the ids of those that go on.
    fn stop_tasks(&self, py: Python<'_>, ids: Vec<String>, seconds: f64) -> PyResult<Pending> {
        let live = self.live(py)?;
        let ids: Vec<TaskId> = ids.iter().map(|id| parse(py, id)).collect::<PyResult<_>>()?;
        Ok(Pending::new(async move {
            let (mut stopped, mut left) = (Vec::new(), Vec::new());
            for id in &ids {
                // One that cannot be stopped does not keep the others going.
                let Ok(task) = live.task(id).await else { continue };
                match task.status().await {
                    Ok(Some(status)) if status.state.is_final() => {}
                    Ok(Some(status)) if live.survives(&status.spec) => left.push(id.to_string()),
                    _ if task.cancel().await.is_ok() => stopped.push(task),
                    _ => {}
                }
            }
            let end = futures::future::join_all(stopped.iter().map(ymir::Task::wait));
            // Who does not end in time is left.
            let _ = tokio::time::timeout(Duration::from_secs_f64(seconds), end).await;
            Ok(object(left))
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

    fn get_or_create_project(
        slf: &Bound<'_, Self>,
        options: &Bound<'_, PyAny>,
    ) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::new(async move {
            let request: ProjectRequest = parse_request("a project", options)?;
            let handle = live.get_or_create_project(request.resolve(&live).await?).await?;
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
