//! What became of predictions.

use std::sync::Arc;

use pyo3::prelude::*;
use ymir::evaluation::{self, OutcomeOptions};
use ymir::{AssetId, BranchKind, ClassTable, FindOptions, Query, Result, VersionId, parse_request};

use crate::convert::{data, object, parse, plain};
use crate::pending::Pending;
use crate::record::Record;
use crate::workspace::Workspace;

/// What became of the predictions on a dataset version, looked up again at each call.
#[pyclass(frozen, module = "ymir._ymir")]
pub(crate) struct Outcomes {
    home: Py<Workspace>,
    ground_truth: VersionId,
    predictions: VersionId,
    options: OutcomeOptions,
    classes: Arc<ClassTable>,
}

impl Outcomes {
    /// Returns the facade's outcomes, once they are awaited.
    fn live(
        &self,
        py: Python<'_>,
    ) -> PyResult<impl Future<Output = Result<evaluation::Outcomes>> + use<>> {
        let live = self.home.get().live(py)?;
        let (ground_truth, predictions) = (self.ground_truth, self.predictions);
        let options = self.options;
        Ok(async move { live.outcomes(&ground_truth, &predictions, options).await })
    }
}

#[pymethods]
impl Workspace {
    fn outcomes(
        slf: &Bound<'_, Self>,
        ground_truth: String,
        predictions: String,
        options: &Bound<'_, PyAny>,
    ) -> PyResult<Pending> {
        let (live, home) = (slf.get().live(slf.py())?, slf.clone().unbind());
        let options = plain(options)?;
        Ok(Pending::new(async move {
            let options = parse_request("outcomes", options)?;
            let ground_truth = live.resolve(BranchKind::Dataset, &ground_truth).await?.id;
            let predictions = live.resolve(BranchKind::Prediction, &predictions).await?.id;
            live.outcomes(&ground_truth, &predictions, options).await?;
            let classes = Arc::new(live.classes().await?);
            Ok(object(Outcomes { home, ground_truth, predictions, options, classes }))
        }))
    }
}

#[pymethods]
impl Outcomes {
    fn count(&self, py: Python<'_>, text: &str) -> PyResult<Pending> {
        let (live, query) = (self.live(py)?, parse::<Query>(py, text)?);
        Ok(Pending::new(async move { live.await?.count(&query).await.map(object) }))
    }

    fn ids(
        &self,
        py: Python<'_>,
        text: &str,
        after: Option<&str>,
        offset: u64,
        limit: Option<usize>,
    ) -> PyResult<Pending> {
        let (live, query) = (self.live(py)?, parse::<Query>(py, text)?);
        let after: Option<AssetId> = after.map(|id| parse(py, id)).transpose()?;
        let options = FindOptions { after, offset, limit: limit.unwrap_or(usize::MAX) };
        Ok(Pending::new(async move { live.await?.ids(&query, options).await.map(data) }))
    }

    fn page(&self, py: Python<'_>, text: &str, offset: u64, limit: usize) -> PyResult<Pending> {
        let (live, query) = (self.live(py)?, parse::<Query>(py, text)?);
        let classes = self.classes.clone();
        Ok(Pending::new(async move {
            let outcomes = live.await?;
            let options = FindOptions { offset, limit, ..FindOptions::default() };
            let page = outcomes.page(&query, options).await?;
            let record = |inner| Record::new(inner, classes.clone());
            let records: Vec<_> = page.records.into_iter().map(record).collect();
            Ok(object((records, page.total)))
        }))
    }
}
