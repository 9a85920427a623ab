//! Exceptions thrown into a thread from outside it.

use std::ffi::c_long;

use pyo3::ffi::PyThreadState_SetAsyncExc;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

static CANCELLED: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// Throws `ymir.TaskCancelled` into a thread; it is raised when that next runs Python code.
#[pyfunction]
#[expect(unsafe_code, reason = "the interpreter offers this by its C API alone")]
pub(crate) fn interrupt(py: Python<'_>, thread: c_long) {
    if let Ok(exception) = CANCELLED.import(py, "ymir.errors", "TaskCancelled") {
        // SAFETY: the interpreter is held, the class lives as long as it, and a thread that is no
        // more is passed over.
        unsafe { PyThreadState_SetAsyncExc(thread, exception.as_ptr()) };
    }
}
