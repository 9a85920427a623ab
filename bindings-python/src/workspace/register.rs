//! Code of the program that a workspace runs.

use std::sync::{Arc, PoisonError};

use pyo3::prelude::*;
use ymir::Result;

use super::Workspace;
use crate::error::raise;
use crate::executor::PythonExecutor;
use crate::labeler::PythonLabeler;

/// What was registered, kept to be registered again in a forked child.
#[derive(Debug, Clone)]
pub(super) enum Registered {
    Executor(String, Arc<PythonExecutor>),
    Labeler(String, Arc<PythonLabeler>),
}

impl Registered {
    /// Registers it and returns the reference that it is named by.
    pub(super) fn register(&self, workspace: &ymir::Workspace) -> Result<String> {
        match self {
            Self::Executor(name, executor) => {
                workspace.register_executor(name, executor.clone()).map(|found| found.to_string())
            }
            Self::Labeler(name, labeler) => {
                workspace.register_labeler(name, labeler.clone());
                Ok(name.clone())
            }
        }
    }

    fn replaces(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Executor(a, _), Self::Executor(b, _)) => a == b,
            (Self::Labeler(a, _), Self::Labeler(b, _)) => a == b,
            _ => false,
        }
    }
}

impl Workspace {
    fn register(&self, py: Python<'_>, new: Registered) -> PyResult<String> {
        let reference = new.register(&self.live(py)?).map_err(|e| raise(py, &e))?;
        let mut known = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|old| !new.replaces(old));
        known.push(new);
        Ok(reference)
    }
}

#[pymethods]
impl Workspace {
    fn register_executor(
        &self,
        py: Python<'_>,
        name: String,
        run: Py<PyAny>,
        digest: String,
        object_types: &Bound<'_, PyAny>,
        templates: &Bound<'_, PyAny>,
    ) -> PyResult<String> {
        let executor = Arc::new(PythonExecutor::new(run, digest, object_types, templates)?);
        self.register(py, Registered::Executor(name, executor))
    }

    fn register_labeler(
        &self,
        py: Python<'_>,
        name: String,
        backend: &Bound<'_, PyAny>,
    ) -> PyResult<String> {
        let labeler = Arc::new(PythonLabeler::new(backend)?);
        self.register(py, Registered::Labeler(name, labeler))
    }
}
