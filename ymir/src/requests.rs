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
    BranchKind, Error, LabelerSpec, Name, Project, ProjectState, Result, Transfer, UnknownClasses,
    VersionId,
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
                    `priority`, `unknown_classes`, `reuse`, `time_limit_s`, `retry`, `units`, \
                    `share`, ";

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

/// What [`Workspace::create_project`] is given: the fields of [`Project`], with specs in place of
/// versions. Fields that are left out are as [`Project::new`] sets them.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct ProjectRequest(Map<String, Value>);

impl ProjectRequest {
    /// Returns the definition, with the versions that the specs mean now.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a field that is missing, malformed or not known; else as
    /// [`Workspace::resolve`].
    pub async fn resolve(self, workspace: &Workspace) -> Result<Project> {
        parse_request("a project", with_versions(workspace, self.0).await?.into())
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
        let named = with_versions(self.workspace(), changes).await?;
        let Value::Object(mut fields) = to_json(&self.state().await?.project)? else {
            return Err(Error::corrupted("the project's record cannot be read"));
        };
        fields.extend(named);
        let changed: Project = parse_request("a project", Value::Object(fields))?;
        self.update(|project| *project = changed).await
    }
}

/// Returns fields of a project with the versions that their specs mean now.
async fn with_versions(
    workspace: &Workspace,
    mut fields: Map<String, Value>,
) -> Result<Map<String, Value>> {
    for field in Project::VERSIONS {
        if let Some(Value::String(spec)) = fields.get(field) {
            let id = dataset(workspace, spec).await?;
            fields.insert(field.to_owned(), id.to_string().into());
        }
    }
    if let Some(labeler) = fields.remove("labeler") {
        let given = serde_json::json!({ "labeler": labeler });
        let Labeled { labeler } = parse_request("a project", given)?;
        let labeler = labeler.resolve(workspace).await?;
        fields.insert("labeler".to_owned(), to_json(&labeler)?);
    }
    Ok(fields)
}

/// The field of a project that says who labels.
#[derive(Deserialize)]
struct Labeled {
    labeler: LabelerRequest,
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
