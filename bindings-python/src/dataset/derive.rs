//! What is made of a dataset.

use pyo3::prelude::*;
use ymir::{AssetId, ExportRequest, MergeStrategy, parse_request};

use super::{Dataset, opened};
use crate::convert::{data, parse, plain, request};
use crate::pending::Pending;

#[pymethods]
impl Dataset {
    fn merge(
        slf: &Bound<'_, Self>,
        other: &Bound<'_, Self>,
        into: String,
        strategy: &Bound<'_, PyAny>,
    ) -> PyResult<Pending> {
        let (py, home) = (slf.py(), slf.get().home.clone_ref(slf.py()));
        let (live, other) = (slf.get().live(py)?, other.get().live(py)?);
        let strategy: MergeStrategy = request("a merge", strategy)?;
        Ok(Pending::new(async move {
            live.merge(&other, strategy, &into).await.map(|made| opened(home, made))
        }))
    }

    fn exclude(
        slf: &Bound<'_, Self>,
        others: Vec<Bound<'_, Self>>,
        into: String,
    ) -> PyResult<Pending> {
        let (py, home) = (slf.py(), slf.get().home.clone_ref(slf.py()));
        let live = slf.get().live(py)?;
        let others = others.iter().map(|other| other.get().live(py).map(|live| (*live).clone()));
        let others = others.collect::<PyResult<Vec<_>>>()?;
        Ok(Pending::new(async move {
            live.exclude(&others, &into).await.map(|made| opened(home, made))
        }))
    }

    fn sample(slf: &Bound<'_, Self>, count: u64, into: String, seed: u64) -> PyResult<Pending> {
        let (py, home) = (slf.py(), slf.get().home.clone_ref(slf.py()));
        let live = slf.get().live(py)?;
        Ok(Pending::new(async move {
            live.sample(count, seed, &into).await.map(|made| opened(home, made))
        }))
    }

    fn select(slf: &Bound<'_, Self>, ids: Vec<String>, into: String) -> PyResult<Pending> {
        let (py, home) = (slf.py(), slf.get().home.clone_ref(slf.py()));
        let live = slf.get().live(py)?;
        let ids = ids.iter().map(|id| parse(py, id)).collect::<PyResult<Vec<AssetId>>>()?;
        Ok(Pending::new(
            async move { live.select(&ids, &into).await.map(|made| opened(home, made)) },
        ))
    }

    fn export(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let (live, options) = (self.live(py)?, plain(options)?);
        Ok(Pending::with_events(|events| async move {
            let request: ExportRequest = parse_request("an export", options)?;
            // It fails only when nobody waits any more.
            let tell = move |progress| drop(events.send(data(progress)));
            let (format, options) = (request.format, request.options());
            live.export(&request.destination, format, &options).on_progress(tell).await.map(data)
        }))
    }
}
