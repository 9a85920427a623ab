//! What there is in a dataset.

use pyo3::prelude::*;
use pythonize::pythonize;
use ymir::{AssetId, Change, ClassId, DiffOptions, Error, PageOptions};

use super::Dataset;
use crate::convert::{object, parse};
use crate::error::raise;
use crate::pending::{Pending, direct};
use crate::record::Record;

impl Dataset {
    fn record(&self, inner: ymir::Record) -> Record {
        Record::new(inner, self.classes.clone())
    }

    fn page_options(
        &self,
        py: Python<'_>,
        offset: u64,
        limit: usize,
        class_name: Option<&str>,
    ) -> PyResult<PageOptions> {
        let class = |name| self.classes.require(name).map_err(|e: Error| raise(py, &e));
        let class: Option<ClassId> = class_name.map(class).transpose()?;
        Ok(PageOptions { offset, limit, class })
    }
}

#[pymethods]
impl Dataset {
    #[getter]
    fn version<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, self.live(py)?.version())?)
    }

    /// Returns object type, class table, task record, what predictions were made from, and the
    /// counts with the classes by name.
    fn manifest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let live = self.live(py)?;
        let manifest = live.manifest();
        let summary = &manifest.summary;
        let name = |id: &ClassId| self.classes.name(*id).unwrap_or_default();
        let classes: Vec<_> = summary.classes.iter().map(|(id, n)| (name(id), *n)).collect();
        let counts = (summary.assets, summary.negatives, summary.annotations, summary.bytes);
        let told = (manifest.object_type, self.classes.entries(), &manifest.task);
        Ok(pythonize(py, &(told, manifest.prediction, counts, classes))?)
    }

    fn get(&self, py: Python<'_>, id: &str) -> PyResult<Option<Record>> {
        let id: AssetId = parse(py, id)?;
        let live = self.live(py)?;
        Ok(direct(py, live.get(&id))?.map(|record| self.record(record)))
    }

    fn get_pending(slf: &Bound<'_, Self>, id: &str) -> PyResult<Pending> {
        let (py, this) = (slf.py(), slf.clone().unbind());
        let (id, live) = (parse::<AssetId>(py, id)?, slf.get().live(py)?);
        Ok(Pending::new(async move {
            let found = live.get(&id).await?;
            Ok(object(found.map(|record| this.get().record(record))))
        }))
    }

    #[pyo3(signature = (offset, limit, class_name))]
    fn page(
        &self,
        py: Python<'_>,
        offset: u64,
        limit: usize,
        class_name: Option<&str>,
    ) -> PyResult<(Vec<Record>, u64)> {
        let options = self.page_options(py, offset, limit, class_name)?;
        let live = self.live(py)?;
        let page = direct(py, live.page(options))?;
        Ok((page.records.into_iter().map(|record| self.record(record)).collect(), page.total))
    }

    #[pyo3(signature = (offset, limit, class_name))]
    fn page_pending(
        slf: &Bound<'_, Self>,
        offset: u64,
        limit: usize,
        class_name: Option<&str>,
    ) -> PyResult<Pending> {
        let (py, this) = (slf.py(), slf.clone().unbind());
        let options = slf.get().page_options(py, offset, limit, class_name)?;
        let live = slf.get().live(py)?;
        Ok(Pending::new(async move {
            let page = live.page(options).await?;
            let records = page.records.into_iter().map(|record| this.get().record(record));
            Ok(object((records.collect::<Vec<_>>(), page.total)))
        }))
    }

    /// Returns the changes from this version to another as (kind, before, after).
    #[pyo3(signature = (other, after, limit))]
    fn diff(
        slf: &Bound<'_, Self>,
        other: &Bound<'_, Self>,
        after: Option<&str>,
        limit: Option<usize>,
    ) -> PyResult<Pending> {
        let py = slf.py();
        let (from, to) = (slf.get().live(py)?, other.get().live(py)?);
        let (this, other) = (slf.clone().unbind(), other.clone().unbind());
        let options = DiffOptions {
            after: after.map(|id| parse(py, id)).transpose()?,
            limit: limit.unwrap_or(usize::MAX),
        };
        Ok(Pending::new(async move {
            let changes = from.diff(&to, options).await?;
            let (from, to) = (|r| this.get().record(r), |r| other.get().record(r));
            let rows = changes.into_iter().map(|change| match change {
                Change::Added(record) => ("added", None, Some(to(record))),
                Change::Removed(record) => ("removed", Some(from(record)), None),
                Change::Changed { from: old, to: new } => {
                    ("changed", Some(from(old)), Some(to(new)))
                }
            });
            Ok(object(rows.collect::<Vec<_>>()))
        }))
    }
}
