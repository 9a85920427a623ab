use std::collections::BTreeMap;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};
use ymir::{Class, ClassTable};

use super::bbox::{BBox, Flags};
use super::details::Details;

/// An object on an image: ground truth, or a prediction if it has a score.
#[pyclass(frozen, skip_from_py_object, module = "ymir")]
#[derive(Debug, Clone)]
pub(crate) struct Annotation {
    class_name: String,
    inner: ymir::Annotation,
}

impl Annotation {
    /// Returns an annotation of a version with this class table.
    pub(crate) fn new(inner: ymir::Annotation, classes: &ClassTable) -> Self {
        let class_name = classes.name_of(&inner.class).unwrap_or_default().to_owned();
        Self { class_name, inner }
    }

    /// Returns what a user gives for an annotation: one, or a mapping with its fields.
    pub(crate) fn given(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(annotation) = value.cast::<Self>() {
            return Ok(annotation.get().clone());
        }
        let Ok(fields) = value.cast::<PyMapping>() else {
            let name = value.get_type().name()?;
            let message = format!("expected an Annotation, or a dict with its fields; got {name}");
            return Err(PyTypeError::new_err(message));
        };
        let options = PyDict::new(value.py());
        for item in fields.items()?.iter() {
            let (key, value): (Bound<'_, PyString>, Bound<'_, PyAny>) = item.extract()?;
            options.set_item(key, value)?;
        }
        let made = value.py().get_type::<Self>().call((), Some(&options))?;
        Ok(made.cast::<Self>()?.get().clone())
    }

    /// Returns the annotation with its class by name.
    pub(crate) fn named(self) -> ymir::Annotation {
        ymir::Annotation { class: Class::Name(self.class_name), ..self.inner }
    }
}

#[pymethods]
impl Annotation {
    #[new]
    #[pyo3(signature = (
        class_name, bbox, *, score=None, rotate_angle=None, quality=None, flags=None,
        attributes=None, shape=None, keypoints=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are the keywords of a constructor")]
    fn create(
        class_name: String,
        bbox: &Bound<'_, PyAny>,
        score: Option<f64>,
        rotate_angle: Option<f64>,
        quality: Option<f64>,
        flags: Option<&Bound<'_, Flags>>,
        attributes: Option<BTreeMap<String, String>>,
        shape: Option<&Bound<'_, PyAny>>,
        keypoints: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let details = Details::given(bbox.py(), shape, keypoints)?;
        let inner = ymir::Annotation {
            class: Class::Name(class_name.clone()),
            bbox: given_box(bbox)?,
            rotate_angle,
            score,
            quality,
            flags: flags.map(|flags| flags.get().0).unwrap_or_default(),
            attributes: attributes.unwrap_or_default(),
            keypoints: details.keypoints(),
            shape: details.shape,
        };
        Ok(Self { class_name, inner })
    }

    /// The name of its class.
    #[getter(class_name)]
    fn get_class_name(&self) -> &str {
        &self.class_name
    }

    /// The number of its class in the workspace; None outside its class table.
    #[getter]
    fn class_id(&self) -> Option<u32> {
        self.inner.class.id().map(|id| id.0)
    }

    /// The box.
    #[getter]
    fn bbox(&self) -> BBox {
        BBox(self.inner.bbox)
    }

    /// The rotation of the box around its centre in radians, where there is one.
    #[getter]
    fn rotate_angle(&self) -> Option<f64> {
        self.inner.rotate_angle
    }

    /// The confidence of a prediction, 0 to 1; None in ground truth.
    #[getter]
    fn score(&self) -> Option<f64> {
        self.inner.score
    }

    /// What is known beyond the box: ``"image"``, ``{"polygons": …}``, ``{"mask": …}``, or None.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.inner.shape.as_ref().map(|shape| pythonize::pythonize(py, shape)).transpose()?)
    }

    /// Points of the object that have a meaning: ``x``, ``y``, and ``visibility``, which is
    /// ``"absent"``, ``"hidden"`` or ``"visible"``.
    #[getter]
    fn keypoints<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize::pythonize(py, &self.inner.keypoints)?)
    }

    /// The quality of the box as its source rated it.
    #[getter]
    fn quality(&self) -> Option<f64> {
        self.inner.quality
    }

    /// Marks.
    #[getter]
    fn flags(&self) -> Flags {
        Flags(self.inner.flags)
    }

    /// Free attributes.
    #[getter]
    fn attributes(&self) -> BTreeMap<String, String> {
        self.inner.attributes.clone()
    }

    /// Returns it as plain data.
    pub(super) fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let ymir::BBox { x, y, w, h } = self.inner.bbox;
        dict.set_item("class_name", &self.class_name)?;
        dict.set_item("class_id", self.class_id())?;
        dict.set_item("bbox", (x, y, w, h))?;
        dict.set_item("rotate_angle", self.inner.rotate_angle)?;
        dict.set_item("score", self.inner.score)?;
        dict.set_item("quality", self.inner.quality)?;
        let ymir::Flags { difficult, truncated, occluded, crowd } = self.inner.flags;
        let flags = PyDict::new(py);
        flags.set_item("difficult", difficult)?;
        flags.set_item("truncated", truncated)?;
        flags.set_item("occluded", occluded)?;
        flags.set_item("crowd", crowd)?;
        dict.set_item("flags", flags)?;
        dict.set_item("attributes", &self.inner.attributes)?;
        dict.set_item("shape", self.shape(py)?)?;
        dict.set_item("keypoints", self.keypoints(py)?)?;
        Ok(dict)
    }

    /// Compares all but the number of the class, which differs between workspaces.
    fn __eq__(&self, other: &Self) -> bool {
        self.class_name == other.class_name && {
            let class = Class::Name(String::new());
            let plain = |a: &Self| ymir::Annotation { class: class.clone(), ..a.inner.clone() };
            plain(self) == plain(other)
        }
    }

    fn __hash__(&self) -> u64 {
        let ymir::BBox { x, y, w, h } = self.inner.bbox;
        [x, y, w, h]
            .iter()
            .fold(self.class_name.len() as u64, |n, v| n.rotate_left(7) ^ v.to_bits())
    }

    fn __repr__(&self) -> String {
        let ymir::BBox { x, y, w, h } = self.inner.bbox;
        let score = self.inner.score.map_or_else(String::new, |score| format!(", score={score}"));
        format!("Annotation({:?}, ({x}, {y}, {w}, {h}){score})", self.class_name)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let plain = pythonize::pythonize(py, &self.inner)?;
        let rebuild = py.get_type::<Self>().getattr("_of")?;
        (rebuild, (&self.class_name, plain)).into_pyobject(py).map(Bound::into_any)
    }

    #[staticmethod]
    fn _of(class_name: String, plain: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { class_name, inner: pythonize::depythonize(plain)? })
    }
}

/// Returns what a user gives for a box: one, or four numbers x, y, w, h.
fn given_box(value: &Bound<'_, PyAny>) -> PyResult<ymir::BBox> {
    if let Ok(bbox) = value.cast::<BBox>() {
        return Ok(bbox.get().0);
    }
    let numbers: [f64; 4] = value
        .extract()
        .map_err(|_| PyTypeError::new_err("a box is a BBox, or the four numbers (x, y, w, h)"))?;
    let [x, y, w, h] = numbers;
    Ok(ymir::BBox { x, y, w, h })
}
