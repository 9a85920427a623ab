mod derive;
mod load;
mod operate;
mod read;
mod show;

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use ymir::{ClassTable, VersionId};

use crate::convert::{Value, object};
use crate::generation::Kept;
use crate::pending::direct;
use crate::workspace::Workspace;

/// A dataset version or prediction set, opened again by itself in a forked child.
#[pyclass(frozen, module = "ymir._ymir")]
pub(crate) struct Dataset {
    home: Py<Workspace>,
    id: VersionId,
    classes: Arc<ClassTable>,
    /// As the state of a workspace.
    state: Mutex<Kept<Arc<ymir::Dataset>>>,
}

impl Dataset {
    pub(crate) fn new(home: Py<Workspace>, opened: ymir::Dataset) -> Self {
        Self {
            home,
            id: opened.id(),
            classes: Arc::new(opened.manifest().classes.clone()),
            state: Mutex::new(Kept::new(Arc::new(opened))),
        }
    }

    /// Returns the facade's dataset.
    pub(crate) fn live(&self, py: Python<'_>) -> PyResult<Arc<ymir::Dataset>> {
        let lock = || self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = lock().get() {
            return Ok(live.clone());
        }
        let workspace = self.home.get().live(py)?;
        let live = Arc::new(direct(py, workspace.dataset_by_id(&self.id))?);
        *lock() = Kept::new(live.clone());
        Ok(live)
    }
}

/// Returns an opened dataset as an object.
pub(crate) fn opened(home: Py<Workspace>, opened: ymir::Dataset) -> Value {
    object(Dataset::new(home, opened))
}
