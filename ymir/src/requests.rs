//! Options as plain data, for what comes from another language, a file or the network: versions are
//! named by specs (`name`, `name@v3`, `name@<commit>`), and a field that is not known is an error.

mod edit;
mod fuse;
mod words;
mod workspace;

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use ymir_core::{
    BranchKind, Error, ExecutorRef, LabelerSpec, Limits, Name, ObjectType, Parameters, Project,
    ProjectState, Resources, Result, Selection, Transfer, UnknownClasses, VersionId,
};

use crate::{
    ExportOptions, Format, ImportOptions, InferOptions, LabelOptions, MineOptions, ProjectHandle,
    TaskOptions, TrainOptions, Workspace,
};

pub use edit::{AnnotationInput, AttributeInput, EditItem, EditRequest};
pub use fuse::FuseRequest;
pub use workspace::WorkspaceRequest;

/// Reads a request; `what` is what the error calls it.
///
/// # Errors
///
/// `InvalidInput` for a field that is missing, malformed or not known; the field is named.
pub fn parse_request<T: DeserializeOwned>(what: &str, value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let reason = words::plain(&error.into_inner().to_string()).replace(NESTED, FLAT);
        let error = Error::invalid(format!("the options of {what} are malformed: {reason}"));
        match path.strip_prefix(GROUP).unwrap_or(&path) {
            "." | "task" => error,
            field => error.with("field", field),
        }
    })
}

/// Where a request has the fields of [`TaskOptions`], which users give beside the others.
const GROUP: &str = "task.";

/// How an error lists the fields of a request with a field `task`; and how users know them.
const NESTED: &str = "expected one of `task`, ";
const FLAT: &str = "expected one of `executor`, `parameters`, `seed`, `resources`, `limits`, \
                    `priority`, `unknown_classes`, `reuse`, ";

/// What [`Workspace::import_dataset`] is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// The folder.
    pub source: PathBuf,
    /// The dataset.
    pub dataset: String,
    /// The format of the source; recognised if none is given.
    #[serde(default = "recognised")]
    pub format: Format,
    /// See [`ImportOptions::unknown_classes`].
    #[serde(default)]
    pub unknown_classes: UnknownClasses,
    /// See [`ImportOptions::transfer`].
    #[serde(default)]
    pub transfer: Transfer,
    /// A split or a list of images, see [`ImportOptions::list`].
    #[serde(default)]
    pub split: Option<PathBuf>,
    /// See [`ImportOptions::without_annotations`].
    #[serde(default)]
    pub without_annotations: bool,
    /// See [`ImportOptions::append`].
    #[serde(default)]
    pub append: bool,
    /// See [`ImportOptions::skip_near_duplicates`].
    #[serde(default)]
    pub skip_near_duplicates: Option<u32>,
}

fn recognised() -> Format {
    Format::Auto
}

impl ImportRequest {
    /// Returns the options.
    pub fn options(&self) -> ImportOptions {
        ImportOptions {
            unknown_classes: self.unknown_classes,
            transfer: self.transfer,
            list: self.split.clone(),
            without_annotations: self.without_annotations,
            append: self.append,
            skip_near_duplicates: self.skip_near_duplicates,
        }
    }
}

/// What [`Dataset::export`](crate::Dataset::export) is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// The folder to make.
    pub destination: PathBuf,
    /// Its format.
    #[serde(default)]
    pub format: Format,
    /// See [`ExportOptions::transfer`].
    #[serde(default)]
    pub transfer: Transfer,
    /// The name of the split, see [`ExportOptions::list`].
    #[serde(default)]
    pub split: Option<Name>,
}

impl ExportRequest {
    /// Returns the options.
    pub fn options(&self) -> ExportOptions {
        ExportOptions { transfer: self.transfer, list: self.split.clone() }
    }
}

/// What [`Workspace::train`] is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainRequest {
    /// How the executor is run.
    pub task: TaskOptions,
    /// The classes to learn, by name.
    pub classes: Vec<String>,
    /// The dataset version to learn from.
    pub training: String,
    /// The dataset version that the executor scores itself on.
    pub validation: String,
    /// The model to start from.
    #[serde(default)]
    pub pretrained: Option<String>,
    /// Its stage, if not its best one.
    #[serde(default)]
    pub stage: Option<String>,
    /// The name that the model is committed under.
    pub model: Name,
}

impl TrainRequest {
    /// Returns the options, with the versions that the specs mean now.
    ///
    /// # Errors
    ///
    /// As [`Workspace::resolve`].
    pub async fn resolve(self, workspace: &Workspace) -> Result<TrainOptions> {
        Ok(TrainOptions {
            task: self.task,
            classes: self.classes,
            training: dataset(workspace, &self.training).await?,
            validation: dataset(workspace, &self.validation).await?,
            pretrained: optional(workspace, BranchKind::Model, &self.pretrained).await?,
            stage: self.stage,
            model: self.model,
        })
    }
}

/// What [`Workspace::mine`] is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MineRequest {
    /// How the executor is run.
    pub task: TaskOptions,
    /// The dataset version to choose from.
    pub candidates: String,
    /// The model whose gain is looked for.
    pub model: String,
    /// Its stage, if not its best one.
    #[serde(default)]
    pub stage: Option<String>,
    /// How many assets to choose at most.
    pub count: u64,
    /// The dataset that the chosen assets are committed to.
    pub selected: Name,
    /// The prediction set for what the model says about them.
    #[serde(default)]
    pub predictions: Option<Name>,
}

impl MineRequest {
    /// Returns the options, with the versions that the specs mean now.
    ///
    /// # Errors
    ///
    /// As [`Workspace::resolve`].
    pub async fn resolve(self, workspace: &Workspace) -> Result<MineOptions> {
        Ok(MineOptions {
            task: self.task,
            candidates: dataset(workspace, &self.candidates).await?,
            model: version(workspace, BranchKind::Model, &self.model).await?,
            stage: self.stage,
            count: self.count,
            selected: self.selected,
            predictions: self.predictions,
        })
    }
}

/// What [`Workspace::infer`] is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InferRequest {
    /// How the executor is run.
    pub task: TaskOptions,
    /// The dataset version to look at.
    pub dataset: String,
    /// The model.
    pub model: String,
    /// Its stage, if not its best one.
    #[serde(default)]
    pub stage: Option<String>,
    /// The name that the prediction set is committed under.
    pub predictions: Name,
}

impl InferRequest {
    /// Returns the options, with the versions that the specs mean now.
    ///
    /// # Errors
    ///
    /// As [`Workspace::resolve`].
    pub async fn resolve(self, workspace: &Workspace) -> Result<InferOptions> {
        Ok(InferOptions {
            task: self.task,
            dataset: dataset(workspace, &self.dataset).await?,
            model: version(workspace, BranchKind::Model, &self.model).await?,
            stage: self.stage,
            predictions: self.predictions,
        })
    }
}

/// Who labels: [`LabelerSpec`] with a spec in place of a version.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LabelerRequest {
    /// An annotated dataset that is held back.
    Oracle {
        /// The dataset version with the answers.
        truth: String,
    },
    /// People, by way of a folder.
    Folder {
        /// The folder; absolute.
        path: PathBuf,
    },
    /// A backend that was registered under a name.
    Custom(String),
}

impl LabelerRequest {
    async fn resolve(self, workspace: &Workspace) -> Result<LabelerSpec> {
        Ok(match self {
            Self::Oracle { truth } => {
                LabelerSpec::Oracle { truth: dataset(workspace, &truth).await? }
            }
            Self::Folder { path } => LabelerSpec::Folder { path },
            Self::Custom(name) => LabelerSpec::Custom(name),
        })
    }
}

/// What [`Workspace::label`] is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelRequest {
    /// Who labels.
    pub labeler: LabelerRequest,
    /// The dataset version whose assets are labeled.
    pub dataset: String,
    /// The prediction set with what a model said about them.
    #[serde(default)]
    pub pre_annotations: Option<String>,
    /// The classes that the labeler may use, by name.
    pub classes: Vec<String>,
    /// Instructions for people.
    #[serde(default)]
    pub instructions: String,
    /// The dataset that what comes back is committed to.
    pub labeled: Name,
}

impl LabelRequest {
    /// Returns the options, with the versions that the specs mean now.
    ///
    /// # Errors
    ///
    /// As [`Workspace::resolve`].
    pub async fn resolve(self, workspace: &Workspace) -> Result<LabelOptions> {
        let predictions = BranchKind::Prediction;
        Ok(LabelOptions {
            labeler: self.labeler.resolve(workspace).await?,
            dataset: dataset(workspace, &self.dataset).await?,
            pre_annotations: optional(workspace, predictions, &self.pre_annotations).await?,
            classes: self.classes,
            instructions: self.instructions,
            labeled: self.labeled,
        })
    }
}

/// What [`Workspace::create_project`] is given; fields that are left out are as
/// [`Project::new`] sets them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of Project")]
pub struct ProjectRequest {
    pub name: Name,
    pub classes: Vec<String>,
    #[serde(default)]
    pub object_type: ObjectType,
    pub pool: String,
    #[serde(default)]
    pub skip_near_duplicates: Option<u32>,
    pub validation: String,
    #[serde(default)]
    pub training: Option<String>,
    pub executor: ExecutorRef,
    #[serde(default)]
    pub training_parameters: Parameters,
    #[serde(default)]
    pub mining_parameters: Parameters,
    #[serde(default)]
    pub inference_parameters: Parameters,
    #[serde(default)]
    pub resources: Resources,
    #[serde(default)]
    pub limits: Limits,
    pub labeler: LabelerRequest,
    #[serde(default)]
    pub selection: Selection,
    #[serde(default)]
    pub labels_per_iteration: Option<u64>,
    #[serde(default)]
    pub fine_tune: Option<bool>,
    #[serde(default)]
    pub target: Option<f64>,
    #[serde(default)]
    pub label_budget: Option<u64>,
    /// Absent for the default, `null` for no bound.
    #[serde(default, deserialize_with = "given")]
    pub max_iterations: Option<Option<u32>>,
    #[serde(default)]
    pub seed: u64,
}

fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl ProjectRequest {
    /// Returns the definition, with the versions that the specs mean now.
    ///
    /// # Errors
    ///
    /// As [`Workspace::resolve`].
    pub async fn resolve(self, workspace: &Workspace) -> Result<Project> {
        let new = Project::new(
            self.name,
            self.classes,
            dataset(workspace, &self.pool).await?,
            dataset(workspace, &self.validation).await?,
            self.executor,
            self.labeler.resolve(workspace).await?,
        );
        Ok(Project {
            object_type: self.object_type,
            skip_near_duplicates: self.skip_near_duplicates,
            training: optional(workspace, BranchKind::Dataset, &self.training).await?,
            training_parameters: self.training_parameters,
            mining_parameters: self.mining_parameters,
            inference_parameters: self.inference_parameters,
            resources: self.resources,
            limits: self.limits,
            selection: self.selection,
            labels_per_iteration: self.labels_per_iteration.unwrap_or(new.labels_per_iteration),
            fine_tune: self.fine_tune.unwrap_or(new.fine_tune),
            target: self.target,
            label_budget: self.label_budget,
            max_iterations: self.max_iterations.unwrap_or(new.max_iterations),
            seed: self.seed,
            ..new
        })
    }
}

impl ProjectHandle {
    /// Changes the fields of the definition that are named, as [`ProjectHandle::update`]; versions
    /// are given by specs, as in a [`ProjectRequest`].
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a field that is malformed or not known; else as
    /// [`ProjectHandle::update`].
    pub async fn change(&self, changes: Map<String, Value>) -> Result<ProjectState> {
        let mut named = changes;
        for field in ["pool", "validation", "training"] {
            if let Some(Value::String(spec)) = named.get(field) {
                let id = dataset(self.workspace(), spec).await?;
                named.insert(field.to_owned(), id.to_string().into());
            }
        }
        if let Some(labeler) = named.remove("labeler") {
            let labeler: LabelerRequest = parse_request("a labeler", labeler)?;
            let labeler = labeler.resolve(self.workspace()).await?;
            named.insert("labeler".to_owned(), to_json(&labeler)?);
        }
        let Value::Object(mut fields) = to_json(&self.state().await?.project)? else {
            return Err(Error::corrupted("the project's record cannot be read"));
        };
        fields.extend(named);
        let changed: Project = parse_request("a project", Value::Object(fields))?;
        self.update(|project| *project = changed).await
    }
}

fn to_json(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|e| Error::invalid("a path must be UTF-8, and a number finite").caused_by(e))
}

async fn dataset(workspace: &Workspace, spec: &str) -> Result<VersionId> {
    version(workspace, BranchKind::Dataset, spec).await
}

async fn version(workspace: &Workspace, kind: BranchKind, spec: &str) -> Result<VersionId> {
    Ok(workspace.resolve(kind, spec).await?.id)
}

async fn optional(
    workspace: &Workspace,
    kind: BranchKind,
    spec: &Option<String>,
) -> Result<Option<VersionId>> {
    match spec {
        Some(spec) => version(workspace, kind, spec).await.map(Some),
        None => Ok(None),
    }
}
