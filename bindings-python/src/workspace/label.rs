//! Labeling.

use pyo3::prelude::*;
use ymir::{LabelRequest, parse_request};

use super::Workspace;
use crate::convert::{data, object, plain};
use crate::pending::Pending;

#[pymethods]
impl Workspace {
    fn label(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, options) = (self.live(py)?, plain(options)?);
        Ok(Pending::new(async move {
            let request: LabelRequest = parse_request("a labeling", options)?;
            live.label(&request.resolve(&live).await?).await.map(data)
        }))
    }

    fn create_label_job(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, options) = (self.live(py)?, plain(options)?);
        Ok(Pending::new(async move {
            let request: LabelRequest = parse_request("a labeling", options)?;
            live.create_label_job(&request.resolve(&live).await?).await.map(data)
        }))
    }

    fn label_status(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, options) = (self.live(py)?, plain(options)?);
        Ok(Pending::new(async move {
            let request: LabelRequest = parse_request("a labeling", options)?;
            live.label_status(&request.resolve(&live).await?).await.map(data)
        }))
    }

    fn collect_labels(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, options) = (self.live(py)?, plain(options)?);
        Ok(Pending::new(async move {
            let request: LabelRequest = parse_request("a labeling", options)?;
            live.collect_labels(&request.resolve(&live).await?).await.map(data)
        }))
    }

    fn cancel_label_job(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, options) = (self.live(py)?, plain(options)?);
        Ok(Pending::new(async move {
            let request: LabelRequest = parse_request("a labeling", options)?;
            live.cancel_label_job(&request.resolve(&live).await?).await.map(object)
        }))
    }
}
