//! Checking and cleaning a workspace.

use pyo3::prelude::*;
use ymir::{FsckOptions, GarbageOptions, parse_request};

use super::Workspace;
use crate::convert::{data, plain};
use crate::pending::Pending;

#[pymethods]
impl Workspace {
    fn fsck(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, options) = (self.live(py)?, plain(options)?);
        Ok(Pending::new(async move {
            let options: FsckOptions = parse_request("a check", options)?;
            live.fsck(options).await.map(data)
        }))
    }

    fn collect_garbage(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, options) = (self.live(py)?, plain(options)?);
        Ok(Pending::new(async move {
            let options: GarbageOptions = parse_request("a cleaning", options)?;
            live.collect_garbage(options).await.map(data)
        }))
    }
}
