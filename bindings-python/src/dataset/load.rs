//! Batches for training.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};
use ymir::{Batch, Class, ClassTable, Image, LoadedAsset, LoaderOptions};

use super::Dataset;
use crate::convert::{Value, object, request};
use crate::pending::Pending;
use crate::record::Record;
use crate::stream::Stream;

/// The number of a class outside the class table.
const UNLISTED: i64 = -1;

#[pymethods]
impl Dataset {
    /// Begins to read; returns how many batches there will be, and the batches.
    fn loader(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let live = slf.get().live(slf.py())?;
        let classes = slf.get().classes.clone();
        let options: LoaderOptions = request("a loader", options)?;
        Ok(Pending::new(async move {
            let loader = live.loader(options).await?;
            let remaining = loader.remaining();
            let batches = loader.map_ok(move |batch| told(batch, classes.clone()));
            Ok(object((remaining, Stream::of(batches.boxed()))))
        }))
    }
}

/// Returns a batch as its number and its assets.
fn told(batch: Batch, classes: Arc<ClassTable>) -> Value {
    Box::new(move |py| {
        let assets = batch.assets.into_iter().map(|LoadedAsset { record, image }| {
            let (boxes, ids) = columns(&record);
            let columns = (PyByteArray::new(py, &boxes), PyByteArray::new(py, &ids));
            (Record::new(record, classes.clone()), pixels(py, &image), columns)
        });
        let assets: Vec<_> = assets.collect();
        Ok((batch.index, assets).into_pyobject(py)?.into_any())
    })
}

/// Returns the bytes of a file; or height, width and pixels of an image, which may be written to.
fn pixels<'py>(py: Python<'py>, image: &Image) -> Pixels<'py> {
    match image {
        Image::None => (None, None),
        Image::Bytes(bytes) => (Some(PyBytes::new(py, bytes)), None),
        Image::Rgb { width, height, pixels } => {
            (None, Some((*height, *width, PyByteArray::new(py, pixels))))
        }
    }
}

type Pixels<'py> = (Option<Bound<'py, PyBytes>>, Option<(u32, u32, Bound<'py, PyByteArray>)>);

/// Returns the boxes as four 32-bit numbers each, and the ids of the classes as 64-bit ones, in the
/// machine's order of bytes.
fn columns(record: &ymir::Record) -> (Vec<u8>, Vec<u8>) {
    let (mut boxes, mut ids) = (Vec::new(), Vec::new());
    for annotation in &record.annotations {
        let ymir::BBox { x, y, w, h } = annotation.bbox;
        boxes.extend([x, y, w, h].into_iter().flat_map(|side| (side as f32).to_ne_bytes()));
        let id = match annotation.class {
            Class::Id(id) => i64::from(id.0),
            Class::Name(_) => UNLISTED,
        };
        ids.extend(id.to_ne_bytes());
    }
    (boxes, ids)
}
