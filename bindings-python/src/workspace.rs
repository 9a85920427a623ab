mod edit;
mod label;
mod maintain;
mod read;
mod register;
mod work;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pythonize::pythonize;
use ymir::{Error, Result, WorkspaceRequest};

use crate::convert::{Value, object, request};
use crate::error::raise;
use crate::generation::Kept;
use crate::pending::{Pending, direct};

use register::Registered;

/// A workspace, opened again by itself in a forked child.
#[pyclass(frozen, module = "ymir._ymir")]
pub(crate) struct Workspace {
    root: PathBuf,
    id: String,
    warnings: Vec<String>,
    /// How it is opened again.
    request: WorkspaceRequest,
    /// None once it is closed. The lock is held for moments only, and never without the
    /// interpreter, so that no fork finds it taken.
    state: Mutex<Option<Kept<ymir::Workspace>>>,
    registered: Mutex<Vec<Registered>>,
}

impl Workspace {
    fn new(opened: ymir::Workspace, request: WorkspaceRequest) -> Self {
        Self {
            root: opened.root().to_owned(),
            id: opened.id().to_string(),
            warnings: opened.warnings().to_vec(),
            request: WorkspaceRequest { create: false, ..request },
            state: Mutex::new(Some(Kept::new(opened))),
            registered: Mutex::default(),
        }
    }

    /// Returns the facade's workspace.
    pub(crate) fn live(&self, py: Python<'_>) -> PyResult<ymir::Workspace> {
        let lock = || self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*lock() {
            None => {
                let message = "this workspace is closed; open it again with `ymir.open`";
                return Err(raise(py, &Error::invalid(message).with("path", self.root.display())));
            }
            Some(kept) => {
                if let Some(live) = kept.get() {
                    return Ok(live.clone());
                }
            }
        }
        let options = self.request.options();
        let live = direct(py, ymir::Workspace::open_with(&self.root, options))?;
        for code in &*self.registered.lock().unwrap_or_else(PoisonError::into_inner) {
            code.register(&live).map_err(|e| raise(py, &e))?;
        }
        *lock() = Some(Kept::new(live.clone()));
        Ok(live)
    }
}

/// Returns the opened workspace as an object.
fn opened(result: Result<ymir::Workspace>, request: WorkspaceRequest) -> Result<Value> {
    result.map(|workspace| object(Workspace::new(workspace, request)))
}

#[pymethods]
impl Workspace {
    #[staticmethod]
    fn open(root: PathBuf, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let request: WorkspaceRequest = request("a workspace", options)?;
        let options = request.options();
        Ok(Pending::new(
            async move { opened(ymir::Workspace::open_with(root, options).await, request) },
        ))
    }

    #[staticmethod]
    fn init(root: PathBuf, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let request: WorkspaceRequest = request("a workspace", options)?;
        let options = request.options();
        Ok(Pending::new(
            async move { opened(ymir::Workspace::init_with(root, options).await, request) },
        ))
    }

    #[staticmethod]
    fn find(start: PathBuf) -> Option<PathBuf> {
        ymir::Workspace::find(start)
    }

    #[getter]
    fn root(&self) -> PathBuf {
        self.root.clone()
    }

    #[getter]
    fn id(&self) -> &str {
        &self.id
    }

    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// The options that open it again.
    #[getter]
    fn options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, &self.request)?)
    }

    #[getter]
    fn closed(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn close(&self, py: Python<'_>) {
        let kept = self.state.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(kept) = kept {
            py.detach(|| kept.end());
        }
    }
}

/// Writes the sample dataset into a folder.
#[pyfunction]
pub(crate) fn write_samples(folder: PathBuf) -> Pending {
    Pending::new(async move { ymir::samples::write(folder).await.map(object) })
}
