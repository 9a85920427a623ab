//! Python objects as executors.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pyo3::prelude::*;
use pythonize::pythonize;
use tokio::sync::oneshot;
use ymir::{
    AssetId, ClassTable, Error, ErrorKind, ExecutorInfo, HostDetection, HostExecutor, HostStage,
    HostTask, LogSource, Result, SampleSet,
};

use crate::attach::{attach, call};
use crate::convert::{named, parse, request};
use crate::error::{raise, raised};
use crate::interrupt::interrupt;
use crate::record::{Annotation, Record};

/// How long code that was asked to stop has before it is interrupted.
const PATIENCE: Duration = Duration::from_millis(500);

/// A Python object that trains, mines or infers.
#[derive(Debug)]
pub(crate) struct PythonExecutor {
    /// `run(task, started)`: tells `started` the identity of its thread, then does what the task
    /// asks for.
    run: Py<PyAny>,
    info: ExecutorInfo,
}

impl PythonExecutor {
    /// Returns the executor that a callable is; `object_types` are what it
    /// learns and finds, `templates` the default parameters of each
    /// kind of task that it can do.
    pub(crate) fn new(
        run: Py<PyAny>,
        digest: String,
        object_types: &Bound<'_, PyAny>,
        templates: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let object_types = request("an executor", object_types)?;
        let templates = request("an executor", templates)?;
        let info = ExecutorInfo { digest, object_types, templates };
        Ok(Self { run, info })
    }
}

#[async_trait]
impl HostExecutor for PythonExecutor {
    fn info(&self) -> ExecutorInfo {
        self.info.clone()
    }

    async fn run(&self, task: HostTask) -> Result<()> {
        let (ended, mut end) = oneshot::channel();
        let (started, thread) = oneshot::channel();
        let Some(run) = attach(|py| self.run.clone_ref(py)) else {
            return Err(Error::new(ErrorKind::Cancelled, "the interpreter has ended"));
        };
        let work = task.clone();
        // A thread of its own, since an exception may be thrown into it.
        let body = move || {
            let result = attach(|py| {
                let thread = py.import("threading")?.call_method0("get_ident")?.extract()?;
                // Nobody waits for a task that was given up.
                let _ = started.send(thread);
                call(run.bind(py), (Task { inner: work },)).map(drop)
            });
            let result = result.unwrap_or(Ok(()));
            let _ = ended.send(result);
        };
        std::thread::Builder::new().name("ymir-executor".to_owned()).spawn(body).map_err(|e| {
            Error::new(ErrorKind::ResourceExhausted, "cannot start a thread for the executor")
                .caused_by(e)
        })?;
        let cancel = async {
            task.cancelled().await;
            let Ok(thread) = thread.await else { return std::future::pending().await };
            let mut patience = PATIENCE;
            loop {
                tokio::time::sleep(patience).await;
                // Cleaning up takes time, too.
                patience *= 4;
                let throw = move || attach(|py| interrupt(py, thread));
                // It fails only as the runtime ends.
                let _ = tokio::task::spawn_blocking(throw).await;
            }
        };
        let result = tokio::select! {
            result = &mut end => result,
            () = cancel => unreachable!("it goes on until the thread has ended"),
        };
        let Ok(result) = result else {
            return Err(Error::new(ErrorKind::Unexpected, "the executor's thread broke off"));
        };
        let outcome = tokio::task::spawn_blocking(move || {
            let Err(error) = result else { return Ok(()) };
            let failed =
                |py: Python<'_>| raised(py, &error, ErrorKind::ExecutorFailed, "the executor");
            Err(attach(failed)
                .unwrap_or_else(|| Error::new(ErrorKind::Cancelled, "the interpreter has ended")))
        });
        outcome.await.unwrap_or(Ok(()))
    }
}

/// A task as the code of an executor sees it; the package wraps it.
#[pyclass(frozen, module = "ymir._ymir", name = "ExecutorTask")]
pub(crate) struct Task {
    inner: HostTask,
}

fn checked<T>(py: Python<'_>, result: Result<T>) -> PyResult<T> {
    result.map_err(|e| raise(py, &e))
}

#[pymethods]
impl Task {
    #[getter]
    fn id(&self) -> &str {
        self.inner.id().as_str()
    }

    #[getter]
    fn kinds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, self.inner.kinds())?)
    }

    #[getter]
    fn class_names(&self) -> Vec<String> {
        self.inner.class_names().to_vec()
    }

    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, self.inner.parameters())?)
    }

    #[getter]
    fn gpus(&self) -> Vec<String> {
        self.inner.gpus().to_vec()
    }

    #[getter]
    fn model_dir(&self) -> PathBuf {
        self.inner.models_dir()
    }

    #[getter]
    fn model_files(&self) -> Vec<PathBuf> {
        self.inner.model_files().to_vec()
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }

    /// Returns path and record of each sample of a set.
    fn samples(&self, py: Python<'_>, set: &str) -> PyResult<Vec<(PathBuf, Record)>> {
        let set = match set {
            "training" => SampleSet::Training,
            "validation" => SampleSet::Validation,
            _ => SampleSet::Candidates,
        };
        let samples = checked(py, py.detach(|| self.inner.samples(set)))?;
        let classes = Arc::new(ClassTable::default());
        let record = |sample: ymir::Sample| {
            let inner = ymir::Record { asset: sample.asset, annotations: sample.annotations };
            (sample.path, Record::new(inner, classes.clone()))
        };
        Ok(samples.into_iter().map(record).collect())
    }

    fn progress(&self, py: Python<'_>, fraction: f64, message: &str) -> PyResult<()> {
        checked(py, py.detach(|| self.inner.progress(fraction, message)))
    }

    /// Writes lines; `source` is `stdout` or `stderr`.
    fn log(&self, py: Python<'_>, source: &str, text: &str) -> PyResult<()> {
        let source: LogSource = checked(py, named("source", source))?;
        checked(py, py.detach(|| self.inner.log(source, text)))
    }

    fn save_stage(
        &self,
        py: Python<'_>,
        name: String,
        files: Vec<PathBuf>,
        metrics: std::collections::BTreeMap<String, f64>,
        best: bool,
    ) -> PyResult<()> {
        let stage = HostStage { name, files, metrics, best };
        checked(py, py.detach(|| self.inner.save_stage(stage)))
    }

    fn predict(&self, py: Python<'_>, id: &str, found: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        let id: AssetId = parse(py, id)?;
        let detections = found.iter().map(detection).collect::<PyResult<Vec<_>>>()?;
        checked(py, self.inner.predict(&id, detections))
    }

    fn score(&self, py: Python<'_>, id: &str, score: f64) -> PyResult<()> {
        let id: AssetId = parse(py, id)?;
        checked(py, self.inner.score(&id, score))
    }
}

fn detection(value: &Bound<'_, PyAny>) -> PyResult<HostDetection> {
    checked(value.py(), HostDetection::of(Annotation::given(value)?.named()))
}
