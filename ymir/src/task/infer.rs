use ymir_core::{Branch, BranchKind, Name, Result, TaskKind, VersionId};
use ymir_tmi::role;

use super::start::{Draft, input, start};
use super::train::settings;
use super::{Task, TaskOptions};
use crate::{Dataset, Workspace};

/// What a model is to look at.
#[derive(Debug, Clone)]
pub struct InferOptions {
    /// How the executor is run.
    pub task: TaskOptions,
    /// The dataset version to look at.
    pub dataset: VersionId,
    /// The model.
    pub model: VersionId,
    /// Its stage, if not its best one.
    pub stage: Option<String>,
    /// The name that the prediction set is committed under.
    pub predictions: Name,
}

impl InferOptions {
    /// Returns the options of an inference with the model's best stage.
    pub fn new(task: TaskOptions, dataset: VersionId, model: VersionId, predictions: Name) -> Self {
        Self { task, dataset, model, stage: None, predictions }
    }
}

impl Workspace {
    /// Predicts and returns the prediction set. [`Workspace::start_infer`] does not wait.
    ///
    /// # Errors
    ///
    /// As [`Workspace::start_infer`] and [`Task::wait`].
    pub async fn infer(&self, options: &InferOptions) -> Result<Dataset> {
        self.start_infer(options).await?.wait().await
    }

    /// Starts an inference. Its prediction set has every asset of the dataset, also those on which
    /// the model found nothing.
    ///
    /// # Errors
    ///
    /// `NotFound` if a version or the executor does not exist; `Unsupported` if the executor cannot
    /// infer. What goes wrong later is the task's: an unknown class in the predictions, for example.
    pub async fn start_infer(&self, options: &InferOptions) -> Result<Task<Dataset>> {
        let (model, _) = self.model(&options.model).await?;
        model.stage(options.stage.as_deref())?;
        let object_type = self.object_type_for("inference", &options.model).await?;
        let draft = Draft {
            kind: TaskKind::Infer,
            object_type,
            inputs: vec![input(role::DATASET, options.dataset), input(role::MODEL, options.model)],
            settings: settings(&model.class_names, &options.stage),
            outputs: vec![Branch::new(BranchKind::Prediction, options.predictions.clone())],
        };
        start(self, &options.task, draft).await
    }
}
