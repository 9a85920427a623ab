use std::path::PathBuf;

use ymir_core::{
    Annotation, Asset, AssetId, ClassId, ExecutorInfo, ObjectType, Parameters, Record, TaskId,
    TmiKind,
};

/// A class of a task. Its place in [`ContractTask::classes`] is its index for the executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskClass {
    /// The number in the workspace's table.
    pub id: ClassId,
    /// The name that the executor sees.
    pub name: String,
}

/// What an executor is asked to do, apart from the assets.
#[derive(Debug, Clone, PartialEq)]
pub struct ContractTask {
    /// The task.
    pub task: TaskId,
    /// Training alone; or mining, inference, or both in one run.
    pub kinds: Vec<TmiKind>,
    /// The classes, in the order of `class_names`. Annotations of other classes are left out.
    pub classes: Vec<TaskClass>,
    /// The user's parameters, which override the executor's templates.
    pub parameters: Parameters,
    /// What the executor says about itself.
    pub executor: ExecutorInfo,
    /// What the annotations are.
    pub object_type: ObjectType,
    /// How many GPUs are asked for; 0 for CPU.
    pub gpus: u32,
    /// The files of the model to start from or to use, as `<stage>/<file>`.
    pub model_files: Vec<String>,
}

/// An asset with its annotations, as a task is given it.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The image.
    pub asset: &'a Asset,
    /// Its ground truth.
    pub annotations: &'a [Annotation],
}

impl<'a> From<&'a Record> for Item<'a> {
    fn from(record: &'a Record) -> Self {
        Self { asset: &record.asset, annotations: &record.annotations }
    }
}

/// A task directory that is complete but for the files of assets and models.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prepared {
    /// The text of `config.yaml`: every parameter that the run depends on.
    pub config: String,
    /// The same parameters as values.
    pub parameters: Parameters,
    /// Where the file of each asset must be put; each asset and path once, the folders exist.
    pub assets: Vec<(AssetId, PathBuf)>,
    /// Where each of [`ContractTask::model_files`] must be put, in their order; the folders exist.
    pub models: Vec<PathBuf>,
    /// Annotations left out: their class is none of the task's, or nothing of the box lies within
    /// the image.
    pub skipped_annotations: u64,
    /// The shared memory in bytes that the configuration asks for by `shm_size`.
    pub shared_memory: Option<u64>,
}
