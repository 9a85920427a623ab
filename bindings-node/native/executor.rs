//! JavaScript objects as executors.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use napi::bindgen_prelude::{Function, Promise, PromiseRaw};
use napi::threadsafe_function::ThreadsafeFunction;
use napi::{Env, Status};
use napi_derive::napi;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use ymir::{
    Annotation, Error, ErrorKind, ErrorReport, ExecutorInfo, HostDetection, HostExecutor,
    HostStage, LogSource, Parameters, Record, Result, Sample, SampleSet, TmiKind,
};

use crate::call::promise;
use crate::error::{from_json, to_js, to_json};
use crate::record::Compact;
use crate::workspace::Workspace;

/// What a task is asked for, and where its results go.
#[napi]
pub struct HostTask {
    inner: ymir::HostTask,
    /// Cancelled when the run has ended, however it did.
    ended: CancellationToken,
}

/// What the TypeScript half is told of a task at once.
#[derive(Serialize)]
struct Description<'a> {
    id: &'a str,
    kinds: &'a [TmiKind],
    class_names: &'a [String],
    parameters: &'a Parameters,
    gpus: &'a [String],
    input_dir: PathBuf,
    output_dir: PathBuf,
    model_dir: PathBuf,
    model_files: &'a [PathBuf],
}

#[napi]
impl HostTask {
    /// Returns what the task says about itself.
    #[napi]
    pub fn describe(&self) -> napi::Result<String> {
        let task = &self.inner;
        to_json(&Description {
            id: task.id().as_str(),
            kinds: task.kinds(),
            class_names: task.class_names(),
            parameters: task.parameters(),
            gpus: task.gpus(),
            input_dir: task.input_dir(),
            output_dir: task.output_dir(),
            model_dir: task.models_dir(),
            model_files: task.model_files(),
        })
        .map_err(to_js)
    }

    /// Returns the samples of a set: `[[path, compact record]]`.
    #[napi]
    pub fn samples<'env>(
        &self,
        env: &'env Env,
        set: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let task = self.inner.clone();
        promise(env, None, async move {
            let set = match set.as_str() {
                "training" => SampleSet::Training,
                "validation" => SampleSet::Validation,
                _ => SampleSet::Candidates,
            };
            let read = move || samples_to_json(task.samples(set)?);
            tokio::task::spawn_blocking(read).await.map_err(|e| {
                Error::new(ErrorKind::Unexpected, "reading the samples broke off").caused_by(e)
            })?
        })
    }

    /// Tells how much is done, 0 to 1, and what is being done.
    #[napi]
    pub fn progress(&self, fraction: f64, message: String) -> napi::Result<()> {
        self.inner.progress(fraction, &message).map_err(to_js)
    }

    /// Writes lines to the log of the task.
    #[napi]
    pub fn log(&self, text: String, is_error: bool) -> napi::Result<()> {
        let source = if is_error { LogSource::Stderr } else { LogSource::Stdout };
        self.inner.log(source, &text).map_err(to_js)
    }

    /// Returns whether the task is to end.
    #[napi(getter)]
    pub fn is_cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }

    /// Returns, once the task is to end or has ended, whether it was to end before.
    #[napi]
    pub fn cancelled<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, bool>> {
        let (task, ended) = (self.inner.clone(), self.ended.clone());
        promise(env, None, async move {
            Ok(ended.run_until_cancelled(task.cancelled()).await.is_some())
        })
    }

    /// Saves a checkpoint.
    #[napi]
    pub fn save_stage<'env>(
        &self,
        env: &'env Env,
        stage: String,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let task = self.inner.clone();
        promise(env, None, async move {
            let Stage { name, files, metrics, best } = from_json("a stage", &stage)?;
            let metrics = metrics.into_iter();
            let metrics = metrics.map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect();
            let save = move || task.save_stage(HostStage { name, files, metrics, best });
            tokio::task::spawn_blocking(save).await.map_err(|e| {
                Error::new(ErrorKind::Unexpected, "saving the stage broke off").caused_by(e)
            })?
        })
    }

    /// Gives what was found on a candidate: `{"detections": […]}`.
    #[napi]
    pub fn predict(&self, id: String, detections: String) -> napi::Result<()> {
        predict(&self.inner, &id, &detections).map_err(to_js)
    }

    /// Gives a candidate's score.
    #[napi]
    pub fn score(&self, id: String, score: f64) -> napi::Result<()> {
        let scored = id.parse().and_then(|id| self.inner.score(&id, score));
        scored.map_err(to_js)
    }
}

/// A stage as the TypeScript half gives it; JSON has `null` for a number that is none.
#[derive(Deserialize)]
struct Stage {
    name: String,
    files: Vec<PathBuf>,
    metrics: BTreeMap<String, Option<f64>>,
    best: bool,
}

#[derive(Deserialize)]
struct Prediction {
    detections: Vec<Annotation>,
}

fn predict(task: &ymir::HostTask, id: &str, detections: &str) -> Result<()> {
    let Prediction { detections } = from_json("a prediction", detections)?;
    let detections = detections.into_iter().map(HostDetection::of).collect::<Result<_>>()?;
    task.predict(&id.parse()?, detections)
}

fn samples_to_json(samples: Vec<Sample>) -> Result<String> {
    let split = |Sample { asset, path, annotations }| (path, Record { asset, annotations });
    let split: Vec<_> = samples.into_iter().map(split).collect();
    to_json(&split.iter().map(|(path, record)| (path, Compact(record))).collect::<Vec<_>>())
}

/// Yields nothing, or the report of the error that the work ended with.
type Run = ThreadsafeFunction<HostTask, Promise<Option<String>>, HostTask, Status, false, true>;

struct JsExecutor {
    info: ExecutorInfo,
    run: Run,
}

impl fmt::Debug for JsExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsExecutor").field("info", &self.info).finish_non_exhaustive()
    }
}

#[async_trait]
impl HostExecutor for JsExecutor {
    fn info(&self) -> ExecutorInfo {
        self.info.clone()
    }

    async fn run(&self, task: ymir::HostTask) -> Result<()> {
        let ended = CancellationToken::new();
        let _end = ended.clone().drop_guard();
        let work = self.run.call_async_catch(HostTask { inner: task, ended }).await;
        match work.map_err(gone)?.await.map_err(gone)? {
            Some(report) => Err(from_json::<ErrorReport>("an error", &report)?.into()),
            None => Ok(()),
        }
    }
}

/// Returns the error for an answer of JavaScript that will not come any more.
pub(crate) fn gone(error: napi::Error) -> Error {
    let message = "no answer can come any more: the JavaScript thread has ended, or its promise \
                   was forgotten before it was settled";
    Error::new(ErrorKind::Unexpected, message).caused_by(error.reason)
}

#[napi]
impl Workspace {
    /// Makes an executor known under a name; returns what it is named by.
    #[napi]
    pub fn register_executor(
        &self,
        name: String,
        info: String,
        run: Function<'_, HostTask, Promise<Option<String>>>,
    ) -> napi::Result<String> {
        let info = from_json("an executor", &info).map_err(to_js)?;
        let run =
            run.build_threadsafe_function().weak::<true>().callee_handled::<false>().build()?;
        let executor = std::sync::Arc::new(JsExecutor { info, run });
        let named = self.get()?.register_executor(&name, executor).map_err(to_js)?;
        Ok(named.to_string())
    }
}
