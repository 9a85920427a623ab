//! Plain data of Python, as JSON. What JSON cannot say is refused where it stands: a number that is
//! no number would else become none at all.

use std::fmt;

use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyFloat, PyFrozenSet, PyInt, PyMapping, PyMemoryView, PySequence,
    PySet, PyString,
};
use serde_json::{Map, Value as Json};
use ymir::Error;

use crate::error::raise;

/// So many lists and dicts may stand in each other.
const DEPTH_MAX: usize = 128;

/// Returns plain data as JSON: dicts, lists, texts and numbers, also those of NumPy.
pub(crate) fn json(value: &Bound<'_, PyAny>) -> PyResult<Json> {
    Place::Top.read(value, 0)
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Place<'a> {
    Top,
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    /// Writes it as users know it, who give the fields of a task beside the others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Field(Self::Top | Self::Field(Self::Top, "task"), name) => f.write_str(name),
            Self::Field(outer, name) => write!(f, "{outer}.{name}"),
            Self::Item(outer, index) => write!(f, "{outer}[{index}]"),
        }
    }
}

impl Place<'_> {
    fn invalid(&self, py: Python<'_>, rule: &str) -> PyErr {
        let place = self.to_string();
        if place.is_empty() {
            return raise(py, &Error::invalid(format!("this {rule}")));
        }
        raise(py, &Error::invalid(format!("`{place}` {rule}")).with("field", place))
    }

    fn read(&self, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Json> {
        let py = value.py();
        if depth > DEPTH_MAX {
            let rule = format!("stands in more than {DEPTH_MAX} lists and dicts");
            return Err(self.invalid(py, &rule));
        }
        if value.is_none() {
            return Ok(Json::Null);
        }
        if let Ok(flag) = value.cast::<PyBool>() {
            return Ok(flag.is_true().into());
        }
        if let Ok(text) = value.cast::<PyString>() {
            return self.text(text).map(Json::from);
        }
        if value.is_instance_of::<PyInt>() {
            return self.whole(value);
        }
        if let Ok(number) = value.cast::<PyFloat>() {
            return self.number(py, number.value());
        }
        if let Ok(fields) = value.cast::<PyMapping>() {
            return self.fields(fields, depth);
        }
        let is_bytes = value.is_instance_of::<PyBytes>()
            || value.is_instance_of::<PyByteArray>()
            || value.is_instance_of::<PyMemoryView>();
        let is_list = value.cast::<PySequence>().is_ok()
            || value.is_instance_of::<PySet>()
            || value.is_instance_of::<PyFrozenSet>();
        if is_list && !is_bytes {
            let items = value.try_iter()?.enumerate();
            let items = items.map(|(i, item)| Place::Item(self, i).read(&item?, depth + 1));
            return Ok(Json::Array(items.collect::<PyResult<_>>()?));
        }
        self.other(value, depth)
    }

    /// Reads what is no type of Python itself: an array or a number of NumPy, a decimal.
    fn other(&self, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Json> {
        // That of NumPy makes lists of arrays, and numbers of Python of scalars.
        if let Ok(listed) = value.call_method0("tolist") {
            return self.read(&listed, depth + 1);
        }
        if let Ok(whole) = value.call_method0("__index__") {
            return self.whole(&whole);
        }
        if let Ok(number) = value.call_method0("__float__") {
            return self.number(value.py(), number.extract()?);
        }
        let name = value.get_type().name()?;
        let rule = format!(
            "cannot be a {name}: give plain data, which is texts, finite numbers, true or false, \
             None, and lists and dicts of these"
        );
        Err(self.invalid(value.py(), &rule))
    }

    fn fields(&self, fields: &Bound<'_, PyMapping>, depth: usize) -> PyResult<Json> {
        let mut read = Map::new();
        for item in fields.items()?.iter() {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            let Ok(name) = key.cast::<PyString>() else {
                let rule = format!("has a name that is no text: {}", key.repr()?);
                return Err(self.invalid(fields.py(), &rule));
            };
            let name = self.text(name)?;
            let value = Place::Field(self, &name).read(&value, depth + 1)?;
            read.insert(name, value);
        }
        Ok(Json::Object(read))
    }

    fn text(&self, text: &Bound<'_, PyString>) -> PyResult<String> {
        let read = text.to_str().map(str::to_owned);
        read.map_err(|_| self.invalid(text.py(), "has a character that UTF-8 does not have"))
    }

    fn whole(&self, value: &Bound<'_, PyAny>) -> PyResult<Json> {
        if let Ok(number) = value.extract::<i64>() {
            return Ok(number.into());
        }
        let number = value.extract::<u64>();
        number.map(Json::from).map_err(|_| {
            let range = format!("from {} to {}", i64::MIN, u64::MAX);
            self.invalid(value.py(), &format!("must be a whole number {range}"))
        })
    }

    fn number(&self, py: Python<'_>, number: f64) -> PyResult<Json> {
        let finite = serde_json::Number::from_f64(number).map(Json::Number);
        let rule = || self.invalid(py, &format!("must be a finite number, not {number}"));
        finite.ok_or_else(rule)
    }
}
