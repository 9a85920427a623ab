//! Changes of datasets by hand.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};
use serde_json::{Value as Json, json};
use ymir::{EditRequest, Error, ErrorKind, parse_request};

use super::Workspace;
use crate::convert::{data, plain};
use crate::error::raise;
use crate::pending::Pending;
use crate::record::Annotation;

#[pymethods]
impl Workspace {
    fn edit(
        &self,
        py: Python<'_>,
        edits: Vec<Bound<'_, PyAny>>,
        options: &Bound<'_, PyAny>,
    ) -> PyResult<Pending> {
        let (live, mut options) = (self.live(py)?, plain(options)?);
        options["edits"] = edits.iter().map(edit_data).collect::<PyResult<_>>()?;
        Ok(Pending::new(async move {
            let request: EditRequest = parse_request("an edit", options)?;
            let name = request.dataset.clone();
            let (edits, options) = request.resolve(&live).await?;
            live.edit(name.as_str(), edits, &options).await.map(data)
        }))
    }
}

/// Returns a change as plain data, in which an annotation may be an object of the package.
fn edit_data(edit: &Bound<'_, PyAny>) -> PyResult<Json> {
    let py = edit.py();
    let Ok(fields) = edit.cast::<PyMapping>() else {
        let message = "an edit is a dict: `{\"op\": \"remove\", \"asset\": id}`";
        return Err(raise(py, &Error::new(ErrorKind::InvalidInput, message)));
    };
    let (rest, mut found) = (PyDict::new(py), Vec::new());
    for item in fields.items()?.iter() {
        let (key, value): (Bound<'_, PyString>, Bound<'_, PyAny>) = item.extract()?;
        match key.to_str()? {
            "annotations" => {
                let all = value.try_iter()?.map(|annotation| annotation_data(&annotation?));
                found.push(("annotations", all.collect::<PyResult<Json>>()?));
            }
            "annotation" => found.push(("annotation", annotation_data(&value)?)),
            _ => rest.set_item(key, value)?,
        }
    }
    let mut edit = plain(rest.as_any())?;
    for (key, value) in found {
        edit[key] = value;
    }
    Ok(edit)
}

fn annotation_data(annotation: &Bound<'_, PyAny>) -> PyResult<Json> {
    Ok(json!(Annotation::given(annotation)?.named()))
}
