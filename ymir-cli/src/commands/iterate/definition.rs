use clap::{Args, ValueEnum};
use ymir::{
    Error, ErrorKind, ExecutorRef, LabelerSpec, Name, Parameters, Project, ProjectHandle,
    Resources, Result, Selection, TmiKind, VersionId, Workspace,
};

use crate::commands::label::Labeler;
use crate::{executor, parameters, versions};

/// The options that define a project.
#[derive(Debug, Args)]
#[command(next_help_heading = "Definition of the project")]
pub(super) struct Definition {
    /// The dataset that images are chosen from
    #[arg(long, value_name = "DATASET")]
    pool: Option<String>,
    /// Leaves images out of the pool that look like another, or like one of the validation or
    /// training set: whose difference hashes differ in so many of 64 bits, at most 16
    #[arg(long, value_name = "BITS")]
    skip_near_duplicates: Option<u32>,
    /// The dataset that models are evaluated on
    #[arg(long, value_name = "DATASET")]
    validation: Option<String>,
    /// What is labeled already, if anything; the first iteration then trains on it at once
    #[arg(long, value_name = "DATASET")]
    training: Option<String>,
    /// The classes to learn
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    classes: Vec<String>,
    #[command(flatten)]
    labeler: Labeler,
    /// How many images are labeled per iteration [default: 20]
    #[arg(long, value_name = "N")]
    labels_per_iteration: Option<u64>,
    /// The average precision at IoU 0.5 that is good enough, 0 to 1
    #[arg(long, value_name = "AP50")]
    target: Option<f64>,
    /// The most images to have labeled in all
    #[arg(long, value_name = "N")]
    label_budget: Option<u64>,
    /// The most iterations [default: 10]
    #[arg(long, value_name = "N")]
    max_iterations: Option<u32>,
    /// How images are chosen once there is a model [default: mined]
    #[arg(long)]
    selection: Option<How>,
    /// The seed of every random choice [default: 0]
    #[arg(long)]
    seed: Option<u64>,
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

/// How images are chosen.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    /// By the scores of the executor's mining
    Mined,
    /// By chance, to compare with
    Random,
}

/// What is asked of a project; what is `None` or empty is left as it is, or as is usual.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) pool: Option<VersionId>,
    pub(crate) skip_near_duplicates: Option<u32>,
    pub(crate) validation: Option<VersionId>,
    pub(crate) training: Option<VersionId>,
    pub(crate) classes: Vec<String>,
    pub(crate) labeler: Option<LabelerSpec>,
    pub(crate) labels_per_iteration: Option<u64>,
    pub(crate) target: Option<f64>,
    pub(crate) label_budget: Option<u64>,
    pub(crate) max_iterations: Option<u32>,
    pub(crate) selection: Option<Selection>,
    pub(crate) seed: Option<u64>,
    pub(crate) executor: Option<ExecutorRef>,
    pub(crate) training_parameters: Parameters,
    pub(crate) mining_parameters: Parameters,
    pub(crate) inference_parameters: Parameters,
    pub(crate) from_scratch: bool,
    pub(crate) cpus: Option<u32>,
    pub(crate) gpus: Option<u32>,
}

impl Definition {
    /// Returns what is asked, with the versions and the executor looked up.
    pub(super) async fn wanted(&self, workspace: &Workspace, project: &Name) -> Result<Wanted> {
        let known = workspace.names(ymir::BranchKind::Project).await?;
        let is_new = !known.contains(project);
        if is_new && self.pool.is_none() && self.validation.is_none() {
            let message = "there is no project of this name; to make it, name at least --pool, \
                           --validation, --classes and who labels";
            return Err(ymir::Error::not_found(message).with("project", project));
        }
        let executor = match &self.executor {
            None if !is_new => None,
            named => Some(executor::choose(named.as_deref())?),
        };
        Ok(Wanted {
            pool: dataset(workspace, self.pool.as_deref()).await?,
            skip_near_duplicates: self.skip_near_duplicates,
            validation: dataset(workspace, self.validation.as_deref()).await?,
            training: dataset(workspace, self.training.as_deref()).await?,
            classes: self.classes.clone(),
            labeler: self.labeler.spec(workspace).await?,
            labels_per_iteration: self.labels_per_iteration,
            target: self.target,
            label_budget: self.label_budget,
            max_iterations: self.max_iterations,
            selection: self.selection.map(|how| match how {
                How::Mined => Selection::Mined,
                How::Random => Selection::Random,
            }),
            seed: self.seed,
            executor,
            training_parameters: parameters::parse(&self.training_parameters)?,
            mining_parameters: parameters::parse(&self.mining_parameters)?,
            inference_parameters: parameters::parse(&self.inference_parameters)?,
            from_scratch: self.from_scratch,
            cpus: self.cpus,
            gpus: self.gpus,
        })
    }
}

async fn dataset(workspace: &Workspace, spec: Option<&str>) -> Result<Option<VersionId>> {
    match spec {
        Some(spec) => versions::dataset(workspace, spec).await.map(Some),
        None => Ok(None),
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
    wanted.fits(&state.project)?;
    let executor = wanted.executor.as_ref().unwrap_or(&state.project.executor);
    wanted.check_parameters(workspace, executor).await?;
    let mut changed = state.project.clone();
    wanted.apply(&mut changed);
    if changed != state.project || (state.stopped && wanted.is_definition()) {
        handle.update(|project| *project = changed).await?;
    }
    Ok(handle)
}

impl Wanted {
    fn new_project(&self, name: &Name) -> Result<Project> {
        let missing = |option: &str| {
            Error::invalid(format!("there is no project of this name; to make one, give {option}"))
                .with("project", name)
        };
        if self.classes.is_empty() {
            return Err(missing("--classes"));
        }
        let mut project = Project::new(
            name.clone(),
            self.classes.clone(),
            self.pool.ok_or_else(|| missing("--pool"))?,
            self.validation.ok_or_else(|| missing("--validation"))?,
            self.executor.clone().ok_or_else(|| missing("--executor"))?,
            self.labeler.clone().ok_or_else(|| missing("--oracle or --folder"))?,
        );
        project.training = self.training;
        project.seed = self.seed.unwrap_or_default();
        self.apply(&mut project);
        Ok(project)
    }

    async fn check_parameters(&self, workspace: &Workspace, executor: &ExecutorRef) -> Result<()> {
        for (kinds, parameters) in [
            (&[TmiKind::Training][..], &self.training_parameters),
            (&[TmiKind::Mining, TmiKind::Inference], &self.mining_parameters),
            (&[TmiKind::Inference], &self.inference_parameters),
        ] {
            parameters::check(workspace, executor, kinds, parameters).await?;
        }
        Ok(())
    }

    /// Returns whether anything is asked at all.
    fn is_definition(&self) -> bool {
        self.pool.is_some()
            || self.max_iterations.is_some()
            || self.label_budget.is_some()
            || self.target.is_some()
            || self.labels_per_iteration.is_some()
    }

    /// Returns the same with the versions of a project in place of those that have equal records:
    /// data that was imported again is no other data.
    async fn with_versions_of(mut self, workspace: &Workspace, project: &Project) -> Result<Self> {
        async fn same(workspace: &Workspace, a: &VersionId, b: &VersionId) -> Result<bool> {
            let store = workspace.store();
            Ok(store.version(a).await?.content == store.version(b).await?.content)
        }
        let pairs = [
            (&mut self.pool, Some(project.pool)),
            (&mut self.validation, Some(project.validation)),
            (&mut self.training, project.training),
        ];
        for (wanted, kept) in pairs {
            if let (Some(wanted), Some(kept)) = (wanted, kept)
                && same(workspace, wanted, &kept).await?
            {
                *wanted = kept;
            }
        }
        if let Some(LabelerSpec::Oracle { truth }) = &mut self.labeler
            && let LabelerSpec::Oracle { truth: kept } = &project.labeler
            && same(workspace, truth, kept).await?
        {
            *truth = *kept;
        }
        Ok(self)
    }

    /// Checks that a project works on the data that is asked for: those cannot be changed, or its
    /// iterations could not be compared.
    fn fits(&self, project: &Project) -> Result<()> {
        let fixed = [
            ("pool", self.pool.is_none_or(|pool| pool == project.pool)),
            ("validation", self.validation.is_none_or(|id| id == project.validation)),
            ("training", self.training.is_none_or(|id| Some(id) == project.training)),
            ("classes", self.classes.is_empty() || self.classes == project.classes),
            ("seed", self.seed.is_none_or(|seed| seed == project.seed)),
        ];
        match fixed.iter().find(|(_, same)| !same) {
            None => Ok(()),
            Some((field, _)) => Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("the project exists with another {field}, which cannot be changed; give the new one another name, or leave the option out to go on with the old one"),
            )
            .with("project", &project.name)
            .with("field", field)),
        }
    }

    fn apply(&self, project: &mut Project) {
        fn set<T: Clone>(field: &mut T, value: &Option<T>) {
            if let Some(value) = value {
                *field = value.clone();
            }
        }
        set(&mut project.labeler, &self.labeler);
        set(&mut project.labels_per_iteration, &self.labels_per_iteration);
        set(&mut project.selection, &self.selection);
        set(&mut project.executor, &self.executor);
        project.skip_near_duplicates = self.skip_near_duplicates.or(project.skip_near_duplicates);
        project.target = self.target.or(project.target);
        project.label_budget = self.label_budget.or(project.label_budget);
        project.max_iterations = self.max_iterations.or(project.max_iterations);
        project.fine_tune &= !self.from_scratch;
        project.training_parameters.extend(self.training_parameters.clone());
        project.mining_parameters.extend(self.mining_parameters.clone());
        project.inference_parameters.extend(self.inference_parameters.clone());
        let Resources { gpus, cpus, .. } = &mut project.resources;
        set(cpus, &self.cpus);
        set(gpus, &self.gpus);
    }
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
