use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyTuple};

/// An axis-aligned box in pixels.
#[pyclass(frozen, eq, skip_from_py_object, module = "ymir")]
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BBox(pub(super) ymir::BBox);

#[pymethods]
impl BBox {
    #[new]
    fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self(ymir::BBox::new(x, y, w, h))
    }

    /// The left edge.
    #[getter]
    fn x(&self) -> f64 {
        self.0.x
    }

    /// The upper edge.
    #[getter]
    fn y(&self) -> f64 {
        self.0.y
    }

    /// The width.
    #[getter]
    fn w(&self) -> f64 {
        self.0.w
    }

    /// The height.
    #[getter]
    fn h(&self) -> f64 {
        self.0.h
    }

    /// The area in square pixels.
    #[getter]
    fn area(&self) -> f64 {
        self.0.area()
    }

    /// Returns the intersection over union with another box, 0 to 1.
    fn iou(&self, other: &Self) -> f64 {
        self.0.iou(&other.0)
    }

    fn __len__(&self) -> usize {
        4
    }

    fn __getitem__(&self, index: isize) -> PyResult<f64> {
        let numbers = self.numbers();
        let index = if index < 0 { index + 4 } else { index };
        let found = usize::try_from(index).ok().and_then(|i| numbers.get(i).copied());
        found.ok_or_else(|| PyIndexError::new_err("a box has 4 numbers: x, y, w, h"))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyTuple::new(py, self.numbers())?.try_iter()
    }

    fn __hash__(&self) -> u64 {
        let mix = |hash: u64, n: &f64| hash.rotate_left(13) ^ n.to_bits().wrapping_mul(0x9e37_79b9);
        self.numbers().iter().fold(0, mix)
    }

    fn __repr__(&self) -> String {
        let ymir::BBox { x, y, w, h } = self.0;
        format!("BBox(x={x}, y={y}, w={w}, h={h})")
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let numbers = PyTuple::new(py, self.numbers())?;
        (py.get_type::<Self>(), numbers).into_pyobject(py).map(Bound::into_any)
    }
}

impl BBox {
    fn numbers(&self) -> [f64; 4] {
        [self.0.x, self.0.y, self.0.w, self.0.h]
    }
}

/// Marks that annotation formats know.
#[pyclass(frozen, eq, skip_from_py_object, module = "ymir")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags(pub(super) ymir::Flags);

#[pymethods]
impl Flags {
    #[new]
    #[pyo3(signature = (*, difficult=false, truncated=false, occluded=false, crowd=false))]
    fn new(difficult: bool, truncated: bool, occluded: bool, crowd: bool) -> Self {
        Self(ymir::Flags { difficult, truncated, occluded, crowd })
    }

    /// Hard to recognise (Pascal VOC).
    #[getter]
    fn difficult(&self) -> bool {
        self.0.difficult
    }

    /// Cut off by the edge of the image (Pascal VOC).
    #[getter]
    fn truncated(&self) -> bool {
        self.0.truncated
    }

    /// Partly hidden (Pascal VOC).
    #[getter]
    fn occluded(&self) -> bool {
        self.0.occluded
    }

    /// A group of objects under one box (COCO's ``iscrowd``).
    #[getter]
    fn crowd(&self) -> bool {
        self.0.crowd
    }

    fn __hash__(&self) -> u64 {
        let ymir::Flags { difficult, truncated, occluded, crowd } = self.0;
        [difficult, truncated, occluded, crowd].iter().fold(1, |n, flag| n << 1 | u64::from(*flag))
    }

    fn __repr__(&self) -> String {
        let ymir::Flags { difficult, truncated, occluded, crowd } = self.0;
        let flags = [
            ("difficult", difficult),
            ("truncated", truncated),
            ("occluded", occluded),
            ("crowd", crowd),
        ];
        let set = flags.iter().filter(|(_, set)| *set).map(|(name, _)| format!("{name}=True"));
        format!("Flags({})", set.collect::<Vec<_>>().join(", "))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ymir::Flags { difficult, truncated, occluded, crowd } = self.0;
        let rebuild = py.get_type::<Self>().getattr("_of")?;
        (rebuild, (difficult, truncated, occluded, crowd)).into_pyobject(py).map(Bound::into_any)
    }

    #[staticmethod]
    fn _of(difficult: bool, truncated: bool, occluded: bool, crowd: bool) -> Self {
        Self::new(difficult, truncated, occluded, crowd)
    }
}
