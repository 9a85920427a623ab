use std::path::Path;

use ymir_core::{
    AssetStore, ClassTable, Error, ErrorKind, ExecutorInfo, ModelFile, PinnedExecutor, Result,
    TaskKind, TaskSpec, TmiKind, UnknownClasses, VersionId,
};

use crate::contract::{ContractTask, SampleSet, TaskClass};

/// The roles of the versions that tasks of executors read.
pub mod role {
    /// The dataset to learn from.
    pub const TRAINING: &str = "training";
    /// The dataset that the executor scores itself on.
    pub const VALIDATION: &str = "validation";
    /// The dataset to choose from.
    pub const CANDIDATES: &str = "candidates";
    /// The dataset to predict on.
    pub const DATASET: &str = "dataset";
    /// The model to start from or to use.
    pub const MODEL: &str = "model";
}

/// The setting with the names of the classes, in the order of the executor's outputs.
pub const CLASSES: &str = "class_names";
/// The setting with how many assets a mining chooses.
pub const COUNT: &str = "count";
/// The setting with the stage of the model, if it is not its best one.
pub const STAGE: &str = "stage";
/// The setting with what is done with predictions of classes that the workspace does not have.
pub const UNKNOWN_CLASSES: &str = "unknown_classes";

/// What a task asks of its executor, read off its description.
#[derive(Debug, Clone)]
pub struct TmiTask<'a> {
    pub(super) spec: &'a TaskSpec,
    pub(super) executor: &'a PinnedExecutor,
    pub(super) classes: Vec<String>,
}

impl<'a> TmiTask<'a> {
    /// Reads a description.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it names no executor or a setting is malformed, or for a training in several
    /// units.
    pub fn of(spec: &'a TaskSpec) -> Result<Self> {
        let executor = spec.executor.as_ref().ok_or_else(|| {
            Error::invalid("this task needs an executor; name one").with("task", &spec.id)
        })?;
        if spec.kind == TaskKind::Train && spec.units > 1 {
            let message = "a training cannot be cut into units; leave `units` at 1";
            return Err(Error::invalid(message).with("task", &spec.id));
        }
        let classes = spec.setting(CLASSES)?.unwrap_or_default();
        Ok(Self { spec, executor, classes })
    }

    /// Returns what the executor is asked to do, all in one run. A mining for which predictions are
    /// wanted also infers, and one of an executor that cannot mine infers only.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the executor cannot do it, or the task is none of an executor.
    pub fn kinds(&self) -> Result<Vec<TmiKind>> {
        let can = |kind| self.spec.templates.contains_key(&kind);
        match self.spec.kind {
            TaskKind::Train if can(TmiKind::Training) => Ok(vec![TmiKind::Training]),
            TaskKind::Infer if can(TmiKind::Inference) => Ok(vec![TmiKind::Inference]),
            TaskKind::Mine => match (can(TmiKind::Mining), can(TmiKind::Inference)) {
                (true, true) if self.spec.outputs.len() > 1 => {
                    Ok(vec![TmiKind::Mining, TmiKind::Inference])
                }
                (true, _) => Ok(vec![TmiKind::Mining]),
                (false, true) => Ok(vec![TmiKind::Inference]),
                (false, false) => Err(self.cannot("the executor can neither mine nor infer")),
            },
            TaskKind::Train => Err(self.cannot("the executor cannot train")),
            TaskKind::Infer => Err(self.cannot("the executor cannot infer")),
            _ => Err(self.cannot("this kind of task runs no executor")),
        }
    }

    fn cannot(&self, what: &str) -> Error {
        let can: Vec<_> = self.spec.templates.keys().map(|kind| format!("{kind:?}")).collect();
        let message = format!("{what}; it can do: {}", can.join(", "));
        Error::new(ErrorKind::Unsupported, message).with("executor", &self.executor.reference)
    }

    /// Returns the dataset versions that the executor is given, and as what.
    pub(super) fn sources(&self) -> Vec<(SampleSet, VersionId)> {
        let roles = [
            (SampleSet::Training, role::TRAINING),
            (SampleSet::Validation, role::VALIDATION),
            (SampleSet::Candidates, role::CANDIDATES),
            (SampleSet::Candidates, role::DATASET),
        ];
        let found = |(set, role): (SampleSet, &str)| Some((set, self.spec.input(role)?));
        roles.into_iter().filter_map(found).collect()
    }

    pub(super) fn stage(&self) -> Result<Option<String>> {
        self.spec.setting(STAGE)
    }

    pub(super) fn unknown_classes(&self) -> Result<UnknownClasses> {
        Ok(self.spec.setting(UNKNOWN_CLASSES)?.unwrap_or_default())
    }

    /// Returns the version in a role that this kind of task has.
    pub(super) fn required(&self, role: &str) -> Result<VersionId> {
        self.spec.input(role).ok_or_else(|| {
            Error::invalid("the task lacks an input").with("role", role).with("task", &self.spec.id)
        })
    }

    /// Returns the files of the model that the task uses, their paths beginning with the stage's
    /// name; none without a model.
    pub(super) async fn model_files(&self, store: &dyn AssetStore) -> Result<Vec<ModelFile>> {
        let Some(version) = self.spec.input(role::MODEL) else { return Ok(Vec::new()) };
        let model = store.manifest(&version).await?.model.ok_or_else(|| {
            Error::invalid("this version is no model; name one").with("version", version)
        })?;
        let stage = model.stage(self.stage()?.as_deref())?;
        let below = |file: &ModelFile| ModelFile {
            path: format!("{}/{}", stage.name, file.path),
            ..file.clone()
        };
        Ok(stage.files.iter().map(below).collect())
    }

    pub(super) fn contract(
        &self,
        classes: &ClassTable,
        model_files: &[ModelFile],
    ) -> Result<ContractTask> {
        let class = |name: &String| {
            let id = classes.require(name)?;
            Ok(TaskClass { id, name: name.clone() })
        };
        Ok(ContractTask {
            task: self.spec.id.clone(),
            kinds: self.kinds()?,
            classes: self.classes.iter().map(class).collect::<Result<_>>()?,
            parameters: self.spec.parameters.clone(),
            executor: ExecutorInfo {
                digest: self.executor.digest.clone(),
                object_types: vec![self.spec.object_type],
                templates: self.spec.templates.clone(),
            },
            object_type: self.spec.object_type,
            gpus: self.spec.resources.gpus,
            model_files: model_files.iter().map(|file| file.path.clone()).collect(),
        })
    }

    /// Returns the directories of the units below that of the task.
    pub(super) fn unit_dirs(&self, task_dir: &Path) -> Vec<std::path::PathBuf> {
        (0..self.spec.units.max(1)).map(|unit| self.spec.unit_dir(task_dir, unit)).collect()
    }
}
