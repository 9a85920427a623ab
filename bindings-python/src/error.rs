//! Errors on their way between the two languages. The classes are written in Python
//! (`ymir/errors.py`).

use std::error::Error as StdError;
use std::fmt;

use pyo3::exceptions::{PyBaseException, PyMemoryError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType, PyTypeMethods};
use ymir::{Error, ErrorKind};

use crate::convert::named;

static BASE: PyOnceLock<Py<PyType>> = PyOnceLock::new();

fn base(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    BASE.import(py, "ymir.errors", "YmirError")
}

/// Returns the exception of an error.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    build(py, error).map_or_else(|failed| failed, PyErr::from_value)
}

fn build<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let context = PyDict::new(py);
    for (key, value) in error.context() {
        context.set_item(key, value)?;
    }
    let fields = PyDict::new(py);
    fields.set_item("kind", format!("{:?}", error.kind()))?;
    fields.set_item("message", error.message())?;
    fields.set_item("context", context)?;
    fields.set_item("retryable", error.is_retryable())?;
    fields.set_item("text", error.to_string())?;
    let raised = Raised::behind(error);
    if let Some(raised) = raised.filter(|raised| !raised.ours) {
        fields.set_item("message", format!("{}: {}", error.message(), raised.text))?;
    }
    let exception = base(py)?.call_method("_of", (), Some(&fields))?;
    if let Some(raised) = raised {
        exception.setattr("__cause__", &raised.exception)?;
    }
    Ok(exception)
}

/// An exception of the user's code that an error was caused by.
#[derive(Debug)]
struct Raised {
    exception: Py<PyBaseException>,
    text: String,
    /// Whether it is one of YMIR, whose message the error has.
    ours: bool,
}

impl Raised {
    /// Returns the exception that is behind an error.
    fn behind(error: &Error) -> Option<&Self> {
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(raised) = cause.downcast_ref() {
                return Some(raised);
            }
            source = cause.source();
        }
        None
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Raised {}

/// Returns the error that Python code of the user raised: an exception of YMIR as itself, one that
/// says that memory is out as that, any other as one of this kind.
pub(crate) fn raised(py: Python<'_>, raised: &PyErr, kind: ErrorKind, what: &str) -> Error {
    let value = raised.value(py);
    let ours = base(py).is_ok_and(|base| value.is_instance(base).unwrap_or(false));
    if ours && let Ok(error) = rebuild(value) {
        let text = format!("raised by {what}");
        return error.caused_by(Raised { exception: value.clone().unbind(), text, ours });
    }
    let name =
        raised.get_type(py).name().map_or_else(|_| "exception".to_owned(), |n| n.to_string());
    let text = value.str().map_or_else(|_| String::new(), |text| text.to_string());
    let text = if text.is_empty() { name } else { format!("{name}: {text}") };
    let kind = if out_of_memory(value) { ErrorKind::ResourceExhausted } else { kind };
    let exception = value.clone().unbind();
    Error::new(kind, format!("{what} raised")).caused_by(Raised { exception, text, ours: false })
}

/// Returns whether memory is out: that of the machine, or that of a GPU, for which each framework
/// has a class of its own.
fn out_of_memory(value: &Bound<'_, PyBaseException>) -> bool {
    let named = |class: Bound<'_, PyAny>| {
        class.cast::<PyType>().is_ok_and(|class| {
            class.name().is_ok_and(|name| name.to_string_lossy() == "OutOfMemoryError")
        })
    };
    value.is_instance_of::<PyMemoryError>() || value.get_type().mro().iter().any(named)
}

fn rebuild(value: &Bound<'_, PyAny>) -> PyResult<Error> {
    let text = |name: &str| value.getattr(name)?.extract::<String>();
    let kind = named("kind", &text("kind")?).unwrap_or(ErrorKind::Unexpected);
    let mut error =
        Error::new(kind, text("message")?).retryable(value.getattr("retryable")?.extract()?);
    for (key, value) in value.getattr("context")?.cast::<PyDict>()? {
        error = error.with(&key.extract::<String>()?, value.str()?);
    }
    Ok(error)
}
