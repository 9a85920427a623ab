//! Python objects as label backends.

use std::sync::Arc;

use async_trait::async_trait;
use pyo3::prelude::*;
use ymir::{
    AssetId, Error, ErrorKind, LabelBackend, LabelJob, LabelJobId, LabelStatus, Labeled, Result,
};

use crate::attach::{attach, call};
use crate::error::raised;
use crate::record::{Annotation, Record};

/// A Python object that has images labeled; the package gives it methods without `async`.
#[derive(Debug)]
pub(crate) struct PythonLabeler {
    backend: Arc<Py<PyAny>>,
}

impl PythonLabeler {
    pub(crate) fn new(backend: Py<PyAny>) -> Self {
        Self { backend: Arc::new(backend) }
    }

    /// Calls a method on a thread that may wait for the interpreter.
    async fn call<T: Send + 'static>(
        &self,
        method: &'static str,
        made: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<T> + Send + 'static,
    ) -> Result<T> {
        let backend = self.backend.clone();
        let work = move || {
            let result = |py: Python<'_>| {
                made(backend.bind(py)).map_err(|e| {
                    raised(py, &e, ErrorKind::Unexpected, "the label backend")
                        .with("method", method)
                })
            };
            attach(result).unwrap_or_else(|| {
                Err(Error::new(ErrorKind::Cancelled, "the interpreter has ended"))
            })
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| {
            let message = "the label backend's thread broke off";
            Err(Error::new(ErrorKind::Unexpected, message).caused_by(e))
        })
    }
}

#[async_trait]
impl LabelBackend for PythonLabeler {
    async fn create(&self, job: &LabelJob) -> Result<()> {
        let LabelJob { id, title, instructions, classes, items, .. } = job.clone();
        self.call("create", move |backend| {
            let names: Vec<_> = classes.entries().iter().map(|e| e.name.clone()).collect();
            let classes = Arc::new(classes);
            let items = items.into_iter().map(|item| {
                let annotations = item.pre_annotations;
                let inner = ymir::Record { asset: item.asset, annotations };
                (item.file, Record::new(inner, classes.clone()))
            });
            let items: Vec<_> = items.collect();
            call(&backend.getattr("create")?, (id.as_str(), title, instructions, names, items))?;
            Ok(())
        })
        .await
    }

    async fn status(&self, id: &LabelJobId) -> Result<LabelStatus> {
        let id = id.clone();
        self.call("status", move |backend| {
            let status = call(&backend.getattr("status")?, (id.as_str(),))?;
            let (total, labeled, finished) = status.extract()?;
            Ok(LabelStatus { total, labeled, finished })
        })
        .await
    }

    async fn collect(&self, id: &LabelJobId) -> Result<Vec<Labeled>> {
        let id = id.clone();
        self.call("collect", move |backend| {
            let labeled = call(&backend.getattr("collect")?, (id.as_str(),))?;
            let labeled: Vec<(String, Vec<Bound<'_, PyAny>>)> = labeled.extract()?;
            let labeled = labeled.iter().map(|(id, annotations)| {
                let id: AssetId = crate::convert::parse(backend.py(), id)?;
                let annotations = annotations.iter().map(|a| Ok(Annotation::given(a)?.named()));
                Ok(Labeled { id, annotations: annotations.collect::<PyResult<_>>()? })
            });
            labeled.collect()
        })
        .await
    }

    async fn cancel(&self, id: &LabelJobId) -> Result<()> {
        let id = id.clone();
        let cancel = move |backend: &Bound<'_, PyAny>| {
            call(&backend.getattr("cancel")?, (id.as_str(),)).map(drop)
        };
        self.call("cancel", cancel).await
    }
}
