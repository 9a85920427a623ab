use pyo3::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use ymir::{Parameters, ProjectHandle, StepOptions, parse_request};

use crate::convert::{data, object, plain, request};
use crate::pending::Pending;
use crate::workspace::Workspace;

/// A project, looked up again at each call.
#[pyclass(frozen, module = "ymir._ymir")]
pub(crate) struct Project {
    home: Py<Workspace>,
    name: String,
}

/// What differs from the definition in one call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    labels: Option<u64>,
    parameters: Parameters,
    wait: bool,
}

impl From<Options> for StepOptions {
    fn from(Options { labels, parameters, wait }: Options) -> Self {
        Self { labels, parameters, wait }
    }
}

impl Project {
    pub(crate) fn new(home: Py<Workspace>, handle: &ProjectHandle) -> Self {
        Self { home, name: handle.name().to_string() }
    }

    /// Returns the workspace and the name, to look the project up.
    fn place(&self, py: Python<'_>) -> PyResult<(ymir::Workspace, String)> {
        Ok((self.home.get().live(py)?, self.name.clone()))
    }
}

#[pymethods]
impl Project {
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    fn state(&self, py: Python<'_>) -> PyResult<Pending> {
        let (live, name) = self.place(py)?;
        Ok(Pending::new(async move { live.project(&name).await?.state().await.map(data) }))
    }

    fn update(&self, py: Python<'_>, changes: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, name) = self.place(py)?;
        let changes: Map<String, Json> = request("a project", changes)?;
        Ok(Pending::new(async move { live.project(&name).await?.change(changes).await.map(data) }))
    }

    fn stop(&self, py: Python<'_>) -> PyResult<Pending> {
        let (live, name) = self.place(py)?;
        Ok(Pending::new(async move { live.project(&name).await?.stop().await.map(object) }))
    }

    fn advance(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, name) = self.place(py)?;
        let options = plain(options)?;
        Ok(Pending::with_events(|events| async move {
            let options: Options = parse_request("a step", options)?;
            // It fails only when nobody waits any more.
            let tell = move |event| drop(events.send(data(event)));
            live.project(&name).await?.advance(&options.into()).on_event(tell).await.map(data)
        }))
    }

    fn next_iteration(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, name) = self.place(py)?;
        let options = plain(options)?;
        Ok(Pending::with_events(|events| async move {
            let options: Options = parse_request("an iteration", options)?;
            let tell = move |event| drop(events.send(data(event)));
            live.project(&name)
                .await?
                .next_iteration(&options.into())
                .on_event(tell)
                .await
                .map(data)
        }))
    }

    fn run(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, name) = self.place(py)?;
        let options = plain(options)?;
        Ok(Pending::with_events(|events| async move {
            let options: Options = parse_request("a run", options)?;
            let tell = move |event| drop(events.send(data(event)));
            live.project(&name).await?.run_with(&options.into()).on_event(tell).await.map(data)
        }))
    }
}
