//! Labeling.

use pyo3::prelude::*;
use ymir::{LabelJob, LabelRequest, parse_request};

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

    fn start_label(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, options) = (self.live(py)?, plain(options)?);
        Ok(Pending::new(async move {
            let request: LabelRequest = parse_request("a labeling", options)?;
            let job = live.start_label(&request.resolve(&live).await?).await?;
            Ok(data(job.info()))
        }))
    }

    fn label_jobs(&self, py: Python<'_>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move {
            let jobs = live.label_jobs().await?;
            Ok(data(jobs.iter().map(LabelJob::info).collect::<Vec<_>>()))
        }))
    }

    fn label_job(&self, py: Python<'_>, id: String) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.label_job(&id).await.map(|job| data(job.info())) }))
    }

    fn label_job_status(&self, py: Python<'_>, id: String) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.label_job(&id).await?.status().await.map(data) }))
    }

    fn label_job_collect(slf: &Bound<'_, Self>, id: String) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        Ok(Pending::new(async move {
            let version = live.label_job(&id).await?.collect().await?;
            Ok(opened(home, live.dataset_by_id(&version.id).await?))
        }))
    }

    fn label_job_wait(slf: &Bound<'_, Self>, id: String) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        Ok(Pending::new(async move {
            let version = live.label_job(&id).await?.wait().await?;
            Ok(opened(home, live.dataset_by_id(&version.id).await?))
        }))
    }

    fn label_job_cancel(&self, py: Python<'_>, id: String) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move { live.label_job(&id).await?.cancel().await.map(object) }))
    }
}
