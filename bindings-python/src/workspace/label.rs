//! Labeling.

use pyo3::prelude::*;
use ymir::{LabelRequest, parse_request};

use super::Workspace;
use crate::convert::{data, object, plain};
use crate::dataset::opened;
use crate::pending::Pending;

#[pymethods]
impl Workspace {
    fn label(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::new(async move {
            let request: LabelRequest = parse_request("a labeling", options)?;
            let version = live.label(&request.resolve(&live).await?).await?;
            Ok(opened(home, live.dataset_by_id(&version.id).await?))
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

    fn collect_labels(slf: &Bound<'_, Self>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::new(async move {
            let request: LabelRequest = parse_request("a labeling", options)?;
            let version = live.collect_labels(&request.resolve(&live).await?).await?;
            Ok(opened(home, live.dataset_by_id(&version.id).await?))
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
