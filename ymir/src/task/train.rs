use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ymir_core::{
    BlobSource, Branch, BranchKind, ClassId, ClassTable, Edits, Error, Input, Manifest, Model,
    ModelFile, Name, Result, Stage, TaskKind, TaskRecord, TmiKind, Transfer, VersionId,
};
use ymir_tmi::contract::{self, ResultFile, TrainingResult};

use super::work::{
    Collect, Job, Plan, Sources, Store, commit_once, nothing_collected, replace, start,
};
use super::{Task, TaskOptions};
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

impl Workspace {
    /// Starts a training; the task makes one version, of the model.
    ///
    /// # Errors
    ///
    /// `NotFound` if a version, class or the executor does not exist; `Unsupported` if the executor
    /// cannot train, or for data of another object type than detection; `InvalidInput` if no class
    /// is named, one twice, or a retired one. What goes wrong later is the task's.
    pub async fn train(&self, options: &TrainOptions) -> Result<Task> {
        if options.classes.is_empty() {
            return Err(
                Error::invalid("a training needs one class at least").with("field", "classes")
            );
        }
        distinct(&self.classes().await?, &options.classes)?;
        let executor = self.inspect(&options.task.executor).await?;
        executor.template(TmiKind::Training)?;
        let object_type = self.object_type_for("training", &options.training).await?;
        self.require_object_type("validation set", &options.validation, object_type).await?;
        let input = |role: &str, version| Input { role: role.to_owned(), version };
        let mut inputs =
            vec![input("training", options.training), input("validation", options.validation)];
        let mut files = Vec::new();
        if let Some(pretrained) = options.pretrained {
            self.require_object_type("pretrained model", &pretrained, object_type).await?;
            inputs.push(input("model", pretrained));
            files = self.stage_files(&pretrained, options.stage.as_deref()).await?;
        }
        let branch = Branch::new(BranchKind::Model, options.model.clone());
        let job =
            Train { options: options.clone(), branch: branch.clone(), result: Mutex::default() };
        let plan = Plan {
            kind: TaskKind::Train,
            executor,
            object_type,
            inputs,
            parameters: stage(&options.stage),
            outputs: vec![branch],
            model_files: files,
        };
        start(self, &options.task, plan, job).await
    }

    /// Returns the files of a stage of a model, their paths beginning with the stage's name.
    pub(super) async fn stage_files(
        &self,
        model: &VersionId,
        stage: Option<&str>,
    ) -> Result<Vec<ModelFile>> {
        let (model, _) = self.model(model).await?;
        let stage = model.stage(stage)?;
        let below = |file: &ModelFile| ModelFile {
            path: format!("{}/{}", stage.name, file.path),
            ..file.clone()
        };
        Ok(stage.files.iter().map(below).collect())
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

/// Returns the stage as a parameter of the record, if one was named.
pub(super) fn stage(name: &Option<String>) -> Vec<(&'static str, serde_json::Value)> {
    name.iter().map(|name| ("stage", name.as_str().into())).collect()
}

#[derive(Debug)]
struct Train {
    options: TrainOptions,
    branch: Branch,
    result: Mutex<Option<TrainingResult>>,
}

#[async_trait]
impl Job for Train {
    fn kinds(&self) -> Vec<TmiKind> {
        vec![TmiKind::Training]
    }

    fn classes(&self) -> &[String] {
        &self.options.classes
    }

    fn sources(&self) -> Sources {
        Sources {
            training: Some(self.options.training),
            validation: Some(self.options.validation),
            candidates: None,
        }
    }

    fn collect(&self, run: &Collect) -> Result<()> {
        let result = contract::read_training(&run.task.dir)?;
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        Ok(())
    }

    fn salvage(&self, dir: &Path) -> Option<String> {
        let partial = contract::read_partial_training(dir)?;
        let names: Vec<_> = partial.stages.iter().map(|stage| stage.name.as_str()).collect();
        let folder = dir.join("out/models");
        Some(format!(
            "the stages written so far are kept in {}: {}",
            folder.display(),
            names.join(", ")
        ))
    }

    async fn commit(&self, store: &Store, mut record: TaskRecord) -> Result<Vec<VersionId>> {
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        let result = result.ok_or_else(nothing_collected)?;
        let written = result.stages.iter().flat_map(|stage| &stage.files);
        let written: Vec<_> =
            written.chain(&result.attachments).map(|file| file.host.clone()).collect();
        let mut stages = Vec::with_capacity(result.stages.len());
        for stage in result.stages {
            stages.push(Stage {
                files: put_files(store, &stage.files).await?,
                name: stage.name,
                timestamp: stage.timestamp,
                metrics: stage.metrics,
            });
        }
        let model = Model {
            stages,
            best_stage: result.best_stage,
            class_names: self.options.classes.clone(),
            attachments: put_files(store, &result.attachments).await?,
        };
        record.metrics = model.stage(None)?.metrics.clone();
        let shown = record.metrics.get("mAP").map(|map| format!(", mAP {map:.4}"));
        let message = format!("Train {}{}", self.options.model, shown.unwrap_or_default());
        let manifest = Manifest { task: record, model: Some(model), ..Manifest::default() };
        let request = replace(self.branch.clone(), Edits::none(), manifest, message);
        let version = commit_once(store, self.options.task.reuse, request).await?;
        // The store has them now; kept here as well, the models of a long loop would fill the disk.
        for file in written {
            let _ = tokio::fs::remove_file(file).await;
        }
        Ok(vec![version.id])
    }
}

async fn put_files(store: &Store, files: &[ResultFile]) -> Result<Vec<ModelFile>> {
    // Linked, not copied, they would change with what the executor's directory is used for next.
    let sources = files.iter().map(|file| BlobSource::File(file.host.clone(), Transfer::Copy));
    let blobs = store.put_blobs(sources.collect()).await?;
    let file = |(file, blob): (&ResultFile, ymir_core::BlobInfo)| ModelFile {
        path: file.path.clone(),
        blob: blob.id,
        size: blob.size,
    };
    Ok(files.iter().zip(blobs).map(file).collect())
}
