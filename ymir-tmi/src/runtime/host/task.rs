use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;
use ymir_core::{AssetId, Error, ErrorKind, LogSource, Parameters, Result, TaskId, TmiKind};

use super::input::Input;
use super::log::HostLog;
use super::results::{HostDetection, HostStage, Results, SavedStage, write};
use crate::contract::{Sample, SampleSet, read_samples};

/// What a [`HostExecutor`](super::HostExecutor) is asked to do, and where its results go. Cheap to
/// clone; usable from any thread.
#[derive(Debug, Clone)]
pub struct HostTask {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: TaskId,
    dir: PathBuf,
    gpus: Vec<String>,
    input: Input,
    stop: CancellationToken,
    open: Mutex<Option<Open>>,
}

/// What is there until the run has ended; nothing is taken afterwards.
#[derive(Debug)]
struct Open {
    log: HostLog,
    last_line: String,
    results: Results,
}

impl HostTask {
    pub(super) fn new(
        id: TaskId,
        dir: PathBuf,
        gpus: Vec<String>,
        input: Input,
        stop: CancellationToken,
        log: HostLog,
    ) -> Self {
        let open = Open { log, last_line: String::new(), results: Results::default() };
        let open = Mutex::new(Some(open));
        Self { shared: Arc::new(Shared { id, dir, gpus, input, stop, open }) }
    }

    /// Returns the id.
    pub fn id(&self) -> &TaskId {
        &self.shared.id
    }

    /// Returns what is to be done: training alone; or mining, inference, or both.
    pub fn kinds(&self) -> &[TmiKind] {
        &self.shared.input.kinds
    }

    /// Returns the classes, in the order of the model's outputs.
    pub fn class_names(&self) -> &[String] {
        &self.shared.input.class_names
    }

    /// Returns the parameters: the executor's defaults with the user's over them.
    pub fn parameters(&self) -> &Parameters {
        &self.shared.input.parameters
    }

    /// Returns the UUIDs of the GPUs that the task may use.
    pub fn gpus(&self) -> &[String] {
        &self.shared.gpus
    }

    /// Returns the contract's `/in`.
    pub fn input_dir(&self) -> PathBuf {
        self.shared.dir.join("in")
    }

    /// Returns the contract's `/out`; it is there until the task has ended.
    pub fn output_dir(&self) -> PathBuf {
        self.shared.dir.join("out")
    }

    /// Returns the folder for the files of a model that is trained.
    pub fn models_dir(&self) -> PathBuf {
        self.output_dir().join("models")
    }

    /// Returns the files of the model to use, or to start from.
    pub fn model_files(&self) -> &[PathBuf] {
        &self.shared.input.model_files
    }

    /// Reads the samples of a set, in the order of their ids; none if the task has no such set.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn samples(&self, set: SampleSet) -> Result<Vec<Sample>> {
        read_samples(&self.input_dir(), set)
    }

    /// Tells how much is done, 0 to 1, and what is being done.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the fraction is no number; `Cancelled` if the task is to end.
    pub fn progress(&self, fraction: f64, message: &str) -> Result<()> {
        if fraction.is_nan() {
            return Err(Error::invalid("the progress must be a number from 0 to 1"));
        }
        self.check()?;
        self.monitor(fraction.clamp(0.0, 1.0), "2", message)
    }

    /// Writes the monitor file of the contract; `state` may have a return code after a tab.
    pub(super) fn monitor(&self, fraction: f64, state: &str, message: &str) -> Result<()> {
        let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64();
        let id = &self.shared.id;
        let text = format!("{id}\t{time:.3}\t{fraction}\t{state}\n{message}\n");
        write(&self.output_dir().join("monitor.txt"), text.as_bytes())
    }

    /// Writes lines to the log of the task.
    ///
    /// # Errors
    ///
    /// `Cancelled` if the task is to end; the lines are written all the same, until it has ended.
    pub fn log(&self, source: LogSource, text: &str) -> Result<()> {
        if let Some(open) = self.open().as_mut() {
            open.log.put(source, text);
            if let Some(line) = text.lines().last() {
                open.last_line = line.to_owned();
            }
        }
        self.check()
    }

    /// Returns whether the task is to end.
    pub fn is_cancelled(&self) -> bool {
        self.shared.stop.is_cancelled()
    }

    /// Returns when the task is to end.
    pub async fn cancelled(&self) {
        self.shared.stop.cancelled().await;
    }

    /// Fails if the task is to end.
    ///
    /// # Errors
    ///
    /// `Cancelled`.
    pub fn check(&self) -> Result<()> {
        match self.is_cancelled() {
            true => Err(Error::new(ErrorKind::Cancelled, "the task is to end")),
            false => Ok(()),
        }
    }

    /// Saves a checkpoint of the model that is trained. Those of a task that fails later are kept.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a stage that cannot be saved; `NotFound` if a file does not exist;
    /// `Cancelled` if the task has ended.
    pub fn save_stage(&self, stage: HostStage) -> Result<()> {
        let models = self.models_dir();
        // Large files are copied before anybody else has to wait.
        let saved = SavedStage::copy(&models, stage)?;
        self.results(|results| results.save_stage(&models, saved))
    }

    /// Gives what was found on a candidate; again, in place of what was given before.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a malformed detection; `Cancelled` if the task is to end.
    pub fn predict(&self, asset: &AssetId, detections: Vec<HostDetection>) -> Result<()> {
        self.check()?;
        self.results(|results| results.predict(asset, &detections))
    }

    /// Gives a candidate's score; the highest are chosen.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not finite; `Cancelled` if the task is to end.
    pub fn score(&self, asset: &AssetId, score: f64) -> Result<()> {
        self.check()?;
        self.results(|results| results.score(asset, score))
    }

    fn results<T>(&self, work: impl FnOnce(&mut Results) -> Result<T>) -> Result<T> {
        match self.open().as_mut() {
            Some(open) => work(&mut open.results),
            None => Err(Error::new(ErrorKind::Cancelled, "the task has ended")),
        }
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.shared.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the results as the contract has them.
    pub(super) fn finish(&self) -> Result<()> {
        let (out, assets) = (self.output_dir(), self.input_dir().join("assets"));
        self.results(|results| results.finish(&out, &assets, self.kinds()))
    }

    /// Logs the error that the function ended with, unless it did so itself.
    pub(super) fn log_error(&self, error: &Error) {
        let text = error.to_string();
        let said = self
            .open()
            .as_ref()
            .is_none_or(|open| text.ends_with(&open.last_line) && !open.last_line.is_empty());
        if !said {
            let _ = self.log(LogSource::Stderr, &text);
        }
    }

    /// Ends the log and takes nothing more, however long the function keeps this.
    pub(super) fn close(&self) {
        self.open().take();
    }
}
