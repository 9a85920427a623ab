//! Values on their way between the two languages.

use pyo3::BoundObject;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pythonize::pythonize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ymir::{Error, Result, parse_request};

use crate::error::raise;
pub(crate) use crate::plain::json as plain;

/// A result that becomes a Python object once the interpreter is at hand.
pub(crate) type Value = Box<dyn for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>> + Send>;

/// Returns what becomes a Python object by its own conversion.
pub(crate) fn object<T>(value: T) -> Value
where
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    Box::new(move |py| {
        let object = value.into_pyobject(py).map_err(Into::into)?;
        Ok(object.into_any().into_bound())
    })
}

/// Returns what becomes plain Python data: dicts, lists, texts, numbers.
pub(crate) fn data<T: Serialize + Send + 'static>(value: T) -> Value {
    Box::new(move |py| Ok(pythonize(py, &value)?))
}

/// Returns what becomes a `bytes` object.
pub(crate) fn bytes(value: Vec<u8>) -> Value {
    Box::new(move |py| Ok(PyBytes::new(py, &value).into_any()))
}

/// Returns a request that was written as plain Python data.
pub(crate) fn request<T: DeserializeOwned>(what: &str, value: &Bound<'_, PyAny>) -> PyResult<T> {
    parse_request(what, plain(value)?).map_err(|e| raise(value.py(), &e))
}

/// Returns a value that is written as text: an id, a kind, a reference.
pub(crate) fn parse<T>(py: Python<'_>, text: &str) -> PyResult<T>
where
    T: std::str::FromStr<Err = Error>,
{
    text.parse().map_err(|e| raise(py, &e))
}

/// Returns a value whose texts are those of its serialisation, such as a kind of branch.
pub(crate) fn named<T: DeserializeOwned>(field: &str, text: &str) -> Result<T> {
    serde_json::from_value(text.into())
        .map_err(|e| Error::invalid(format!("{e}")).with("field", field))
}
