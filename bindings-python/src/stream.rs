use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use pyo3::prelude::*;
use serde::Serialize;
use tokio::sync::Mutex;
use ymir::{Error, Result};

use crate::convert::{Value, data, object};
use crate::generation::Kept;
use crate::pending::Pending;

/// A stream of events, read one by one; `None` is its end.
#[pyclass(frozen, module = "ymir._ymir")]
pub(crate) struct Stream {
    items: Arc<Kept<Mutex<BoxStream<'static, Result<Value>>>>>,
}

impl Stream {
    pub(crate) fn new<T>(items: BoxStream<'static, Result<T>>) -> Self
    where
        T: Serialize + Send + 'static,
    {
        Self::of(items.map(|item| item.map(data)).boxed())
    }

    /// Returns a stream of what becomes objects of another kind than plain data.
    pub(crate) fn of(items: BoxStream<'static, Result<Value>>) -> Self {
        Self { items: Arc::new(Kept::new(Mutex::new(items))) }
    }
}

/// Why there is nothing for a forked child in a stream of its parent.
const FORKED: &str = "this loader or stream of events was opened before the process forked; open one \
                      in each process: dataset.loader(shard=…, shards=…)";

#[pymethods]
impl Stream {
    fn next(&self) -> Pending {
        let items = self.items.clone();
        Pending::new(async move {
            let items = items.get().ok_or_else(|| Error::invalid(FORKED))?;
            let next = items.lock().await.next().await;
            next.unwrap_or_else(|| Ok(object(None::<()>)))
        })
    }
}
