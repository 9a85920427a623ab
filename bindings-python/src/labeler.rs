//! Python objects as label backends.

use std::sync::Arc;

use async_trait::async_trait;
use pyo3::prelude::*;
use ymir::{
    AssetId, Error, ErrorKind, LabelBackend, LabelCapabilities, LabelCursor, LabelHandle,
    LabelJobRequest, LabelPage, LabelPageOptions, LabelStatus, Labeled, Result,
};

use crate::attach::{attach, call};
use crate::convert::request;
use crate::error::raised;
use crate::record::{Annotation, Record};

/// A Python object that has images labeled; the package gives it methods without `async`.
#[derive(Debug)]
pub(crate) struct PythonLabeler {
    backend: Arc<Py<PyAny>>,
    capabilities: LabelCapabilities,
}

/// What a page of annotations is given as: assets by id with their annotations, where the next page
/// begins, and whether these are all assets, of which a page is to be made.
type Page<'py> = (Vec<(String, Vec<Bound<'py, PyAny>>)>, Option<String>, bool);

impl PythonLabeler {
    pub(crate) fn new(backend: &Bound<'_, PyAny>) -> PyResult<Self> {
        let capabilities = backend.getattr("capabilities")?;
        let capabilities = request("a label backend", &capabilities)?;
        Ok(Self { backend: Arc::new(backend.clone().unbind()), capabilities })
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
    fn capabilities(&self) -> LabelCapabilities {
        self.capabilities.clone()
    }

    async fn create(&self, request: &LabelJobRequest, handle: &LabelHandle) -> Result<LabelHandle> {
        let mut files = Vec::with_capacity(request.items.len());
        for item in &request.items {
            files.push(request.images.file(&item.asset.id).await?);
        }
        let LabelJobRequest { id, title, instructions, classes, items, .. } = request.clone();
        let handle = handle.clone();
        self.call("create", move |backend| {
            let names: Vec<_> = classes.entries().iter().map(|e| e.name.clone()).collect();
            let classes = Arc::new(classes);
            let items = items.into_iter().zip(files).map(|(item, file)| {
                let annotations = item.pre_annotations;
                let inner = ymir::Record { asset: item.asset, annotations };
                (file, Record::new(inner, classes.clone()))
            });
            let items: Vec<_> = items.collect();
            let given = pythonize::pythonize(backend.py(), &handle)?;
            let arguments = (id.as_str(), title, instructions, names, items, given);
            let returned = call(&backend.getattr("create")?, arguments)?;
            crate::convert::request("a label handle", &returned)
        })
        .await
    }

    async fn status(&self, handle: &LabelHandle) -> Result<LabelStatus> {
        let handle = handle.clone();
        self.call("status", move |backend| {
            let given = pythonize::pythonize(backend.py(), &handle)?;
            let status = call(&backend.getattr("status")?, (given,))?;
            let (total, labeled, skipped, finished) = status.extract()?;
            Ok(LabelStatus { total, labeled, skipped, finished })
        })
        .await
    }

    async fn annotations(
        &self,
        handle: &LabelHandle,
        options: &LabelPageOptions,
    ) -> Result<LabelPage> {
        let (handle, given) = (handle.clone(), options.clone());
        let read = move |backend: &Bound<'_, PyAny>| {
            let handle = pythonize::pythonize(backend.py(), &handle)?;
            let after = given.after.map(|LabelCursor(text)| text);
            let page = call(&backend.getattr("annotations")?, (handle, after, given.limit))?;
            let (labeled, next, is_all): Page<'_> = page.extract()?;
            let labeled = labeled.iter().map(|(id, annotations)| {
                let id: AssetId = crate::convert::parse(backend.py(), id)?;
                let annotations = annotations.iter().map(|a| Ok(Annotation::given(a)?.named()));
                Ok(Labeled { id, annotations: annotations.collect::<PyResult<_>>()? })
            });
            let labeled = labeled.collect::<PyResult<Vec<_>>>()?;
            Ok((LabelPage { labeled, next: next.map(LabelCursor) }, is_all))
        };
        let (page, is_all) = self.call("annotations", read).await?;
        if is_all { LabelPage::of(page.labeled, options) } else { Ok(page) }
    }

    async fn cancel(&self, handle: &LabelHandle) -> Result<()> {
        let handle = handle.clone();
        let cancel = move |backend: &Bound<'_, PyAny>| {
            let given = pythonize::pythonize(backend.py(), &handle)?;
            call(&backend.getattr("cancel")?, (given,)).map(drop)
        };
        self.call("cancel", cancel).await
    }
}
