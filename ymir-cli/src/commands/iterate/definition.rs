use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use ymir::{
    Error, ErrorKind, ExecutorRef, LabelerSpec, Name, Parameters, Project, ProjectHandle, Result,
    TmiKind, VersionId, Workspace, parse_request,
};

use super::options::ProjectOptions;
use crate::commands::label::Labeler;
use crate::{executor, parameters, versions};

/// The options that define a project: those that are its fields, and those that are called
/// otherwise here.
#[derive(Debug, Args)]
#[command(next_help_heading = "Definition of the project")]
pub(super) struct Definition {
    #[command(flatten)]
    fields: ProjectOptions,
    #[command(flatten)]
    labeler: Labeler,
    /// The executor: local:/path/to/program or docker:IMAGE; by default the program `ymir-detector`
    /// beside this one or on the PATH
    #[arg(long, value_name = "EXECUTOR")]
    executor: Option<String>,
    /// A parameter of training; may be repeated
    #[arg(long = "train-param", value_name = "NAME=VALUE")]
    training_parameters: Vec<String>,
    /// A parameter of mining; may be repeated
    #[arg(long = "mine-param", value_name = "NAME=VALUE")]
    mining_parameters: Vec<String>,
    /// A parameter of inference; may be repeated
    #[arg(long = "infer-param", value_name = "NAME=VALUE")]
    inference_parameters: Vec<String>,
    /// Trains each model from scratch in place of from the one before
    #[arg(long)]
    from_scratch: bool,
    /// CPU slots of a task; 0 for all [default: 0]
    #[arg(long, value_name = "N")]
    cpus: Option<u32>,
    /// GPUs of a task [default: 0]
    #[arg(long, value_name = "N")]
    gpus: Option<u32>,
}

/// Reads an option that is one of several words.
pub(super) fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|e| e.to_string())
}

/// What is asked of a project: fields of its definition, with versions by their ids. What is not
/// named is left as it is, or as is usual.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted(pub(crate) Map<String, Value>);

/// Fields that cannot be changed, or the iterations of the project could not be compared.
const FIXED: [&str; 5] = ["pool", "validation", "training", "classes", "seed"];

/// Fields that a new project needs, with the options that give them.
const NEEDED: [(&str, &str); 5] = [
    ("classes", "--classes"),
    ("pool", "--pool"),
    ("validation", "--validation"),
    ("executor", "--executor"),
    ("labeler", "--oracle or --folder"),
];

impl Definition {
    /// Returns what is asked, with the versions and the executor looked up.
    pub(super) async fn wanted(&self, workspace: &Workspace, project: &Name) -> Result<Wanted> {
        let known = workspace.names(ymir::BranchKind::Project).await?;
        let is_new = !known.contains(project);
        let mut fields = self.fields.given();
        if is_new && !fields.contains_key("pool") && !fields.contains_key("validation") {
            let message = "there is no project of this name; to make it, name at least --pool, \
                           --validation, --classes and who labels";
            return Err(ymir::Error::not_found(message).with("project", project));
        }
        for name in Project::VERSIONS {
            if let Some(Value::String(spec)) = fields.get(name) {
                let id = versions::dataset(workspace, spec).await?;
                fields.insert(name.to_owned(), json!(id));
            }
        }
        if is_new || self.executor.is_some() {
            let executor = executor::choose(self.executor.as_deref())?;
            fields.insert("executor".to_owned(), json!(executor));
        }
        if let Some(labeler) = self.labeler.spec(workspace).await? {
            fields.insert("labeler".to_owned(), json!(labeler));
        }
        for (name, given) in [
            ("training_parameters", &self.training_parameters),
            ("mining_parameters", &self.mining_parameters),
            ("inference_parameters", &self.inference_parameters),
        ] {
            if !given.is_empty() {
                fields.insert(name.to_owned(), json!(parameters::parse(given)?));
            }
        }
        if self.from_scratch {
            fields.insert("fine_tune".to_owned(), false.into());
        }
        let resources = [("cpus", self.cpus), ("gpus", self.gpus)].into_iter();
        let resources =
            resources.filter_map(|(name, count)| Some((name.to_owned(), count?.into())));
        let resources: Map<String, Value> = resources.collect();
        if !resources.is_empty() {
            fields.insert("resources".to_owned(), resources.into());
        }
        Ok(Wanted(fields))
    }
}

/// Makes the project, or changes the definition of the one that there is where more is asked.
///
/// # Errors
///
/// `InvalidInput` if something is missing for a new one; `AlreadyExists` if there is one that works
/// on other data.
pub(crate) async fn ensure(
    workspace: &Workspace,
    name: &Name,
    wanted: &Wanted,
) -> Result<ProjectHandle> {
    let handle = match workspace.project(name.as_str()).await {
        Ok(handle) => handle,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let project = wanted.new_project(name)?;
            wanted.check_parameters(workspace, &project.executor).await?;
            return workspace.create_project(project).await;
        }
        Err(error) => return Err(error),
    };
    let state = handle.state().await?;
    let wanted = &wanted.clone().with_versions_of(workspace, &state.project).await?;
    let changed = wanted.applied(&state.project)?;
    wanted.check_parameters(workspace, &changed.executor).await?;
    if changed != state.project || (state.stopped && !wanted.0.is_empty()) {
        handle.update(|project| *project = changed).await?;
    }
    Ok(handle)
}

impl Wanted {
    fn new_project(&self, name: &Name) -> Result<Project> {
        if let Some((_, option)) = NEEDED.iter().find(|(field, _)| !self.0.contains_key(*field)) {
            let message = format!("there is no project of this name; to make one, give {option}");
            return Err(Error::invalid(message).with("project", name));
        }
        let mut fields = self.0.clone();
        fields.insert("name".to_owned(), json!(name));
        parse_request("a project", fields.into())
    }

    async fn check_parameters(&self, workspace: &Workspace, executor: &ExecutorRef) -> Result<()> {
        for (kinds, field) in [
            (&[TmiKind::Training][..], "training_parameters"),
            (&[TmiKind::Mining, TmiKind::Inference], "mining_parameters"),
            (&[TmiKind::Inference], "inference_parameters"),
        ] {
            if let Some(Value::Object(given)) = self.0.get(field) {
                let given: Parameters = given.clone().into_iter().collect();
                parameters::check(workspace, executor, kinds, &given).await?;
            }
        }
        Ok(())
    }

    /// Returns the same with the versions of a project in place of those that have equal records:
    /// data that was imported again is no other data.
    async fn with_versions_of(mut self, workspace: &Workspace, project: &Project) -> Result<Self> {
        let kept = [
            ("pool", Some(project.pool)),
            ("validation", Some(project.validation)),
            ("training", project.training),
        ];
        for (name, kept) in kept {
            if let (Some(wanted), Some(kept)) = (self.0.get_mut(name), kept) {
                keep_equal(workspace, wanted, kept).await?;
            }
        }
        if let Some(Value::Object(labeler)) = self.0.get_mut("labeler")
            && let Some(Value::Object(oracle)) = labeler.get_mut("oracle")
            && let Some(wanted) = oracle.get_mut("truth")
            && let LabelerSpec::Oracle { truth } = &project.labeler
        {
            keep_equal(workspace, wanted, *truth).await?;
        }
        Ok(self)
    }

    /// Returns the definition of a project with what is asked.
    fn applied(&self, project: &Project) -> Result<Project> {
        let Value::Object(mut fields) = json!(project) else {
            return Err(Error::corrupted("the project's record cannot be read"));
        };
        for (name, wanted) in &self.0 {
            match (fields.get_mut(name), wanted) {
                (Some(known), wanted) if FIXED.contains(&name.as_str()) && known != wanted => {
                    return Err(fixed(name, project));
                }
                (Some(Value::Object(known)), Value::Object(wanted)) if name != "labeler" => {
                    known.extend(wanted.clone());
                }
                _ => drop(fields.insert(name.clone(), wanted.clone())),
            }
        }
        parse_request("a project", fields.into())
    }
}

/// Puts a version that is kept in place of a wanted one with equal records.
async fn keep_equal(workspace: &Workspace, wanted: &mut Value, kept: VersionId) -> Result<()> {
    let store = workspace.store();
    if let Ok(id) = serde_json::from_value::<VersionId>(wanted.clone())
        && store.version(&id).await?.content == store.version(&kept).await?.content
    {
        *wanted = json!(kept);
    }
    Ok(())
}

fn fixed(field: &str, project: &Project) -> Error {
    let message = format!(
        "the project exists with another {field}, which cannot be changed; give the new one another name, or leave the option out to go on with the old one"
    );
    Error::new(ErrorKind::AlreadyExists, message)
        .with("project", &project.name)
        .with("field", field)
}

/// Returns who labels, as people read it.
pub(crate) async fn labeler_name(workspace: &Workspace, labeler: &LabelerSpec) -> String {
    match labeler {
        LabelerSpec::Oracle { truth } => {
            format!("oracle {}", versions::label(workspace, truth).await)
        }
        LabelerSpec::Folder { path } => format!("folder {}", path.display()),
        LabelerSpec::Custom(name) => name.clone(),
    }
}
