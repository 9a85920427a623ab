use ymir_core::{
    Branch, BranchKind, ClassId, ClassTable, Error, Name, Parameters, Result, TaskKind, VersionId,
};
use ymir_tmi::{CLASSES, STAGE, role};

use super::start::{Draft, input, start};
use super::{Task, TaskOptions, TrainedModel};
use crate::Workspace;

/// What a model is trained on.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// How the executor is run.
    pub task: TaskOptions,
    /// The classes to learn, by name, in the order of the model's outputs.
    pub classes: Vec<String>,
    /// The dataset version to learn from.
    pub training: VersionId,
    /// The dataset version that the executor scores itself on.
    pub validation: VersionId,
    /// The model to start from.
    pub pretrained: Option<VersionId>,
    /// The stage of the model to start from, if not its best one.
    pub stage: Option<String>,
    /// The name that the model is committed under.
    pub model: Name,
}

impl TrainOptions {
    /// Returns the options of a training from scratch.
    pub fn new(
        task: TaskOptions,
        classes: Vec<String>,
        training: VersionId,
        validation: VersionId,
        model: Name,
    ) -> Self {
        Self { task, classes, training, validation, pretrained: None, stage: None, model }
    }
}

impl Workspace {
    /// Trains a model and returns it. [`Workspace::start_train`] does not wait.
    ///
    /// # Errors
    ///
    /// As [`Workspace::start_train`] and [`Task::wait`].
    pub async fn train(&self, options: &TrainOptions) -> Result<TrainedModel> {
        self.start_train(options).await?.wait().await
    }

    /// Starts a training.
    ///
    /// # Errors
    ///
    /// `NotFound` if a version, class or the executor does not exist; `Unsupported` if the executor
    /// cannot train, or for data of another object type than detection; `InvalidInput` if no class
    /// is named, one twice, or a retired one. What goes wrong later is the task's.
    pub async fn start_train(&self, options: &TrainOptions) -> Result<Task<TrainedModel>> {
        if options.classes.is_empty() {
            return Err(
                Error::invalid("a training needs one class at least").with("field", "classes")
            );
        }
        distinct(&self.classes().await?, &options.classes)?;
        let mut inputs = vec![
            input(role::TRAINING, options.training),
            input(role::VALIDATION, options.validation),
        ];
        let object_type = self.object_type_for("training", &options.training).await?;
        self.require_object_type("validation set", &options.validation, object_type).await?;
        if let Some(pretrained) = options.pretrained {
            self.require_object_type("pretrained model", &pretrained, object_type).await?;
            inputs.push(input(role::MODEL, pretrained));
            self.model(&pretrained).await?.0.stage(options.stage.as_deref())?;
        }
        let draft = Draft {
            kind: TaskKind::Train,
            object_type,
            inputs,
            settings: settings(&options.classes, &options.stage),
            outputs: vec![Branch::new(BranchKind::Model, options.model.clone())],
        };
        start(self, &options.task, draft).await
    }
}

/// Returns the ids of classes for new work by their names.
///
/// # Errors
///
/// `NotFound` if there is no such class; `InvalidInput` for a retired one, or if two names mean the
/// same one.
pub(crate) fn distinct(all: &ClassTable, names: &[String]) -> Result<Vec<ClassId>> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        let id = all.require_active(name)?;
        if ids.contains(&id) {
            return Err(Error::invalid("a class is named twice; name it once").with("class", name));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// Returns the settings that tasks of executors have in common.
pub(super) fn settings(classes: &[String], stage: &Option<String>) -> Parameters {
    let stage = stage.iter().map(|stage| (STAGE.to_owned(), stage.as_str().into()));
    stage.chain([(CLASSES.to_owned(), classes.into())]).collect()
}
