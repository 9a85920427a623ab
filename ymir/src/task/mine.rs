use ymir_core::{Branch, BranchKind, Error, Name, Result, TaskKind, TmiKind, VersionId};
use ymir_tmi::{COUNT, role};

use super::start::{Draft, input, start};
use super::train::settings;
use super::{Mined, Task, TaskOptions};
use crate::Workspace;

/// Which assets are to be chosen, by what, and how many.
#[derive(Debug, Clone)]
pub struct MineOptions {
    /// How the executor is run.
    pub task: TaskOptions,
    /// The dataset version to choose from.
    pub candidates: VersionId,
    /// The model whose gain is looked for.
    pub model: VersionId,
    /// Its stage, if not its best one.
    pub stage: Option<String>,
    /// How many assets to choose at most.
    pub count: u64,
    /// The dataset that the chosen assets are committed to, without their annotations.
    pub selected: Name,
    /// The prediction set that what the model says about the chosen assets is committed to, if it
    /// is wanted: pre-annotations for the labeler.
    pub predictions: Option<Name>,
}

impl Workspace {
    /// Chooses assets and returns them. [`Workspace::start_mine`] does not wait.
    ///
    /// # Errors
    ///
    /// As [`Workspace::start_mine`] and [`Task::wait`].
    pub async fn mine(&self, options: &MineOptions) -> Result<Mined> {
        self.start_mine(options).await?.wait().await
    }

    /// Starts a mining.
    ///
    /// An executor that only infers is mined with as well: YMIR scores the candidates by its
    /// predictions.
    ///
    /// # Errors
    ///
    /// `NotFound` if a version or the executor does not exist; `InvalidInput` if the count is 0;
    /// `Unsupported` if the executor can neither mine nor infer.
    pub async fn start_mine(&self, options: &MineOptions) -> Result<Task<Mined>> {
        if options.count == 0 {
            return Err(Error::invalid("the number of assets to choose must be 1 at least")
                .with("field", "count"));
        }
        let (model, _) = self.model(&options.model).await?;
        model.stage(options.stage.as_deref())?;
        let object_type = self.object_type_for("mining", &options.model).await?;
        let mut outputs = vec![Branch::new(BranchKind::Dataset, options.selected.clone())];
        let executor = self.inspect(&options.task.executor).await?;
        if let Some(name) = &options.predictions
            && executor.templates.contains_key(&TmiKind::Inference)
        {
            outputs.push(Branch::new(BranchKind::Prediction, name.clone()));
        }
        let mut settings = settings(&model.class_names, &options.stage);
        settings.insert(COUNT.to_owned(), options.count.into());
        let draft = Draft {
            kind: TaskKind::Mine,
            object_type,
            inputs: vec![
                input(role::CANDIDATES, options.candidates),
                input(role::MODEL, options.model),
            ],
            settings,
            outputs,
        };
        start(self, &options.task, draft).await
    }
}
