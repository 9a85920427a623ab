//! What is read most: records and their annotations, made as they are looked at.

mod annotation;
mod bbox;
mod details;

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use pythonize::{depythonize, pythonize};
use serde::{Deserialize, Serialize};
use ymir::ClassTable;

pub(crate) use annotation::Annotation;
pub(crate) use bbox::{BBox, Flags};

/// One image of a dataset with its annotations.
#[pyclass(frozen, module = "ymir")]
pub(crate) struct Record {
    inner: ymir::Record,
    classes: Arc<ClassTable>,
    annotations: PyOnceLock<Py<PyTuple>>,
}

impl Record {
    pub(crate) fn new(inner: ymir::Record, classes: Arc<ClassTable>) -> Self {
        Self { inner, classes, annotations: PyOnceLock::new() }
    }
}

#[pymethods]
impl Record {
    /// The id of the asset: the SHA-256 of the file's bytes.
    #[getter]
    fn id(&self) -> String {
        self.inner.asset.id.to_string()
    }

    /// The width in pixels as stored in the file, before any EXIF rotation.
    #[getter]
    fn width(&self) -> u32 {
        self.inner.asset.width
    }

    /// The height in pixels as stored in the file.
    #[getter]
    fn height(&self) -> u32 {
        self.inner.asset.height
    }

    /// The number of channels; 0 where the file's header does not tell.
    #[getter]
    fn channels(&self) -> u8 {
        self.inner.asset.channels
    }

    /// The size of the file in bytes.
    #[getter]
    fn byte_size(&self) -> u64 {
        self.inner.asset.byte_size
    }

    /// The kind of file, told by its content.
    #[getter]
    fn media_type(&self) -> &'static str {
        let mime = self.inner.asset.media_type.mime();
        mime.strip_prefix("image/").unwrap_or(mime)
    }

    /// The name of the file when it was imported, without its folder.
    #[getter]
    fn file_name(&self) -> &str {
        &self.inner.asset.file_name
    }

    /// Free attributes.
    #[getter]
    fn attributes(&self) -> BTreeMap<String, String> {
        self.inner.asset.attributes.clone()
    }

    /// Its ground truth, or the predictions on it.
    #[getter]
    fn annotations<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyTuple>> {
        let made = self.annotations.get_or_try_init(py, || {
            let annotations = self.inner.annotations.iter();
            let annotations = annotations.map(|a| Annotation::new(a.clone(), &self.classes));
            PyTuple::new(py, annotations.collect::<Vec<_>>()).map(Bound::unbind)
        });
        Ok(made?.bind(py))
    }

    /// Returns it as plain data.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let asset = &self.inner.asset;
        let dict = PyDict::new(py);
        dict.set_item("id", self.id())?;
        dict.set_item("width", asset.width)?;
        dict.set_item("height", asset.height)?;
        dict.set_item("channels", asset.channels)?;
        dict.set_item("byte_size", asset.byte_size)?;
        dict.set_item("media_type", self.media_type())?;
        dict.set_item("file_name", &asset.file_name)?;
        dict.set_item("attributes", &asset.attributes)?;
        let annotations = self.annotations(py)?.iter();
        let annotations = annotations.map(|a| a.cast::<Annotation>()?.get().to_dict(py));
        dict.set_item("annotations", annotations.collect::<PyResult<Vec<_>>>()?)?;
        Ok(dict)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.inner.asset == other.inner.asset
            && self.inner.annotations.len() == other.inner.annotations.len()
            && self.named().zip(other.named()).all(|(a, b)| a == b)
    }

    fn __hash__(&self) -> u64 {
        let bytes = self.inner.asset.id.as_bytes();
        u64::from_le_bytes(bytes[..8].try_into().expect("an id has more than 8 bytes"))
    }

    fn __repr__(&self) -> String {
        let asset = &self.inner.asset;
        format!(
            "Record({:?}, {}x{}, {} annotations, id={}…)",
            asset.file_name,
            asset.width,
            asset.height,
            self.inner.annotations.len(),
            &self.id()[..12]
        )
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let plain = Plain { record: self.inner.clone(), classes: (*self.classes).clone() };
        let rebuild = py.get_type::<Self>().getattr("_of")?;
        (rebuild, (pythonize(py, &plain)?,)).into_pyobject(py).map(Bound::into_any)
    }

    #[staticmethod]
    fn _of(plain: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Plain { record, classes } = depythonize(plain)?;
        Ok(Self::new(record, Arc::new(classes)))
    }
}

impl Record {
    /// Returns the annotations with the names of their classes, since the ids of two workspaces
    /// need not mean the same.
    fn named(&self) -> impl Iterator<Item = (Option<&str>, &ymir::Annotation)> {
        self.inner.annotations.iter().map(|a| (self.classes.name_of(&a.class), a))
    }
}

/// A record as it is pickled.
#[derive(Serialize, Deserialize)]
struct Plain {
    record: ymir::Record,
    classes: ClassTable,
}
