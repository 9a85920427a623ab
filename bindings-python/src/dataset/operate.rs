//! Queries, and what is made by them and of several datasets.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use ymir::operations::SplitOptions;
use ymir::{AssetId, ClassId, CopyOptions, FindOptions, Query, Summary};

use super::{Dataset, opened};
use crate::convert::{data, object, parse, request};
use crate::pending::Pending;
use crate::record::Record;
use crate::workspace::Workspace;

#[pymethods]
impl Dataset {
    fn filter(slf: &Bound<'_, Self>, query: &str, into: String) -> PyResult<Pending> {
        let (py, home) = (slf.py(), slf.get().home.clone_ref(slf.py()));
        let (live, query) = (slf.get().live(py)?, parse::<Query>(py, query)?);
        Ok(Pending::with_events(|events| async move {
            // It fails only when nobody waits any more.
            let tell = move |progress| drop(events.send(data(progress)));
            live.filter(&query, &into).on_progress(tell).await.map(|made| opened(home, made))
        }))
    }

    fn intersect(
        slf: &Bound<'_, Self>,
        others: Vec<Bound<'_, Self>>,
        into: String,
    ) -> PyResult<Pending> {
        let (py, home) = (slf.py(), slf.get().home.clone_ref(slf.py()));
        let live = slf.get().live(py)?;
        let others = others.iter().map(|other| other.get().live(py).map(|live| (*live).clone()));
        let others = others.collect::<PyResult<Vec<_>>>()?;
        Ok(Pending::with_events(|events| async move {
            let tell = move |progress| drop(events.send(data(progress)));
            live.intersect(&others, &into).on_progress(tell).await.map(|made| opened(home, made))
        }))
    }

    /// Returns the ids of the versions that were made.
    fn split(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Pending> {
        let live = self.live(py)?;
        let options: SplitOptions = request("a split", options)?;
        Ok(Pending::with_events(|events| async move {
            let tell = move |progress| drop(events.send(data(progress)));
            let parts = live.split(&options).on_progress(tell).await?;
            Ok(data(parts.iter().map(|part| part.id()).collect::<Vec<_>>()))
        }))
    }

    fn relabel(
        slf: &Bound<'_, Self>,
        classes: BTreeMap<String, Option<String>>,
        into: String,
    ) -> PyResult<Pending> {
        let (py, home) = (slf.py(), slf.get().home.clone_ref(slf.py()));
        let live = slf.get().live(py)?;
        Ok(Pending::with_events(|events| async move {
            let tell = move |progress| drop(events.send(data(progress)));
            live.relabel(&classes, &into).on_progress(tell).await.map(|made| opened(home, made))
        }))
    }

    fn sample_rate(slf: &Bound<'_, Self>, rate: f64, into: String, seed: u64) -> PyResult<Pending> {
        let (py, home) = (slf.py(), slf.get().home.clone_ref(slf.py()));
        let live = slf.get().live(py)?;
        Ok(Pending::new(async move {
            live.sample_rate(rate, seed, &into).await.map(|made| opened(home, made))
        }))
    }

    fn copy_to(
        &self,
        py: Python<'_>,
        to: &Bound<'_, Workspace>,
        into: String,
        options: &Bound<'_, PyAny>,
    ) -> PyResult<Pending> {
        let (live, home) = (self.live(py)?, to.clone().unbind());
        let other = to.get().live(py)?;
        let options: CopyOptions = request("a copy", options)?;
        Ok(Pending::with_events(|events| async move {
            let tell = move |progress| drop(events.send(data(progress)));
            let made = live.copy_to(&other, &into, &options).on_progress(tell).await?;
            Ok(opened(home, made))
        }))
    }

    /// Returns the groups of images that look alike.
    fn near_duplicates(&self, py: Python<'_>, distance: u32) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::with_events(|events| async move {
            let tell = move |progress| drop(events.send(data(progress)));
            live.near_duplicates(distance).on_progress(tell).await.map(data)
        }))
    }

    fn dedup(slf: &Bound<'_, Self>, distance: u32, into: String) -> PyResult<Pending> {
        let (py, home) = (slf.py(), slf.get().home.clone_ref(slf.py()));
        let live = slf.get().live(py)?;
        Ok(Pending::with_events(|events| async move {
            let tell = move |progress| drop(events.send(data(progress)));
            live.dedup(distance, &into).on_progress(tell).await.map(|made| opened(home, made))
        }))
    }

    /// Returns the counts of what was added, removed, and changed, before and after.
    fn compare(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<Pending> {
        let (live, other) = (self.live(py)?, other.get().live(py)?);
        let classes = self.classes.clone();
        Ok(Pending::new(async move {
            let found = live.compare(&other).await?;
            let counts = |summary: &Summary| {
                let name = |id: &ClassId| classes.name(*id).unwrap_or_default().to_owned();
                let named: Vec<_> = summary.classes.iter().map(|(id, n)| (name(id), *n)).collect();
                let Summary { assets, negatives, annotations, bytes, .. } = summary;
                ((*assets, *negatives, *annotations, *bytes), named)
            };
            let all = [&found.added, &found.removed, &found.before, &found.after].map(counts);
            Ok(data(all))
        }))
    }

    /// Returns the query as it is written shortest.
    fn query(&self, py: Python<'_>, text: &str) -> PyResult<String> {
        Ok(parse::<Query>(py, text)?.to_string())
    }

    fn query_count(&self, py: Python<'_>, text: &str) -> PyResult<Pending> {
        let (live, query) = (self.live(py)?, parse::<Query>(py, text)?);
        Ok(Pending::new(async move { live.query(&query).count().await.map(object) }))
    }

    fn query_ids(
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
        Ok(Pending::new(async move { live.query(&query).ids(options).await.map(data) }))
    }

    fn query_page(
        slf: &Bound<'_, Self>,
        text: &str,
        offset: u64,
        limit: usize,
    ) -> PyResult<Pending> {
        let (py, this) = (slf.py(), slf.clone().unbind());
        let (live, query) = (slf.get().live(py)?, parse::<Query>(py, text)?);
        Ok(Pending::new(async move {
            let page = live.query(&query).page(offset, limit).await?;
            let record = |inner| Record::new(inner, this.get().classes.clone());
            let records: Vec<_> = page.records.into_iter().map(record).collect();
            Ok(object((records, page.total)))
        }))
    }
}
