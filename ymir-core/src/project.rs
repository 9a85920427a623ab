use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    Error, ExecutorRef, Iteration, Limits, Name, ObjectType, Parameters, Resources, Result, Step,
    VersionId,
};

/// How the assets to be labeled are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// By the scores of the executor's mining.
    #[default]
    Mined,
    /// By chance, seeded; to compare with.
    Random,
}

/// Which labeling backend a project uses, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelerSpec {
    /// Answers from a held-back annotated dataset version.
    Oracle {
        /// The version with the answers.
        truth: VersionId,
    },
    /// Exchanges files through a folder.
    Folder {
        /// The folder, by its absolute path; each job gets a folder of its own in it.
        path: PathBuf,
    },
    /// A backend that the embedding program registered under this name.
    Custom(String),
}

/// The definition of a project: what the loop works on and when it is done.
///
/// This is the one place where its fields are defined. `scripts/gen-options.py` writes from it what
/// Python, Node and the command line know of them, with the documentation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Its name; the branches it writes begin with it.
    pub name: Name,
    /// The classes to learn, by name.
    pub classes: Vec<String>,
    /// What is learned; `detection` unless given, and nothing else yet.
    #[serde(default)]
    pub object_type: ObjectType,
    /// The dataset that candidates are taken from.
    pub pool: VersionId,
    /// Leaves out candidates that look like another one, or like an image of `validation` or
    /// `training`: those whose difference hashes differ in so many of 64 bits, at most 16. A later
    /// change counts from the next mining on.
    #[serde(default)]
    pub skip_near_duplicates: Option<u32>,
    /// The dataset that models are evaluated on; fixed for the project.
    pub validation: VersionId,
    /// What is labeled already; then the first iteration trains on it at once.
    pub training: Option<VersionId>,
    /// The executor of all three kinds of task.
    pub executor: ExecutorRef,
    /// Parameters of training, in place of the executor's defaults.
    #[serde(default)]
    pub training_parameters: Parameters,
    /// Parameters of mining.
    #[serde(default)]
    pub mining_parameters: Parameters,
    /// Parameters of inference.
    #[serde(default)]
    pub inference_parameters: Parameters,
    /// What each task asks for.
    #[serde(default)]
    pub resources: Resources,
    /// What each task may do.
    #[serde(default)]
    pub limits: Limits,
    /// Who labels.
    pub labeler: LabelerSpec,
    /// How assets are chosen once there is a model: `mined` unless given, or `random` to compare
    /// with; before that it is by chance.
    #[serde(default)]
    pub selection: Selection,
    /// How many assets are labeled per iteration; 20 unless given.
    #[serde(default = "usual_labels")]
    pub labels_per_iteration: u64,
    /// Whether a training starts from the model before it; yes unless given.
    #[serde(default = "usual_fine_tune")]
    pub fine_tune: bool,
    /// The average precision at IoU 0.5 on the validation set that is good enough, 0 to 1.
    pub target: Option<f64>,
    /// The most assets to have labeled in all.
    pub label_budget: Option<u64>,
    /// The most iterations; 10 unless given.
    #[serde(default = "usual_iterations")]
    pub max_iterations: Option<u32>,
    /// The seed of every random choice, 0 unless given; an executor gets it as `seed` if its
    /// template has that.
    #[serde(default)]
    pub seed: u64,
}

fn usual_labels() -> u64 {
    20
}

fn usual_fine_tune() -> bool {
    true
}

fn usual_iterations() -> Option<u32> {
    Some(10)
}

impl Project {
    /// The fields that are versions.
    pub const VERSIONS: [&str; 3] = ["pool", "validation", "training"];

    /// Returns a project that labels 20 assets per iteration, by mining, fine-tunes, and ends after
    /// 10 iterations, unless the fields say otherwise.
    pub fn new(
        name: Name,
        classes: Vec<String>,
        pool: VersionId,
        validation: VersionId,
        executor: ExecutorRef,
        labeler: LabelerSpec,
    ) -> Self {
        Self {
            name,
            classes,
            object_type: ObjectType::default(),
            pool,
            skip_near_duplicates: None,
            validation,
            training: None,
            executor,
            training_parameters: Parameters::new(),
            mining_parameters: Parameters::new(),
            inference_parameters: Parameters::new(),
            resources: Resources::default(),
            limits: Limits::default(),
            labeler,
            selection: Selection::default(),
            labels_per_iteration: usual_labels(),
            fine_tune: usual_fine_tune(),
            target: None,
            label_budget: None,
            max_iterations: usual_iterations(),
            seed: 0,
        }
    }

    /// Checks the definition in itself.
    ///
    /// # Errors
    ///
    /// `InvalidInput` that names the field and what is allowed.
    pub fn check(&self) -> Result<()> {
        let fail = |field: &str, rule: &str| {
            Err(Error::invalid(format!("the project's {field} must be {rule}"))
                .with("project", &self.name)
                .with("field", field))
        };
        if self.classes.is_empty() {
            return fail("classes", "one class at least");
        }
        if self.labels_per_iteration == 0 {
            return fail("labels_per_iteration", "1 at least");
        }
        if self.target.is_some_and(|target| !(0.0..=1.0).contains(&target)) {
            return fail("target", "between 0 and 1");
        }
        if matches!(&self.labeler, LabelerSpec::Folder { path } if path.is_relative()) {
            return fail("labeler", "a folder with an absolute path, the same for every process");
        }
        if self.max_iterations == Some(0) || self.label_budget == Some(0) {
            return fail("max_iterations and label_budget", "1 at least where they are given");
        }
        Ok(())
    }
}

/// Why a project's loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The model is good enough.
    TargetReached,
    /// The mining pool has nothing left.
    PoolExhausted,
    /// As many labels or iterations as were allowed.
    BudgetExhausted,
    /// The user ended it.
    Stopped,
}

/// A project with all that it has done: the state machine of the loop. It does no work itself; see
/// [`ProjectState::next`] and [`ProjectState::apply`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectState {
    /// The definition.
    pub project: Project,
    /// The iterations so far; only the last may be unfinished.
    pub iterations: Vec<Iteration>,
    /// Whether the user ended the loop.
    pub stopped: bool,
}

impl ProjectState {
    /// Returns the state of a project that has done nothing.
    ///
    /// # Errors
    ///
    /// As [`Project::check`].
    pub fn new(project: Project) -> Result<Self> {
        project.check()?;
        Ok(Self { project, iterations: Vec::new(), stopped: false })
    }

    /// Returns the first step of an iteration, counted from 1: the first one of a project that
    /// begins with labeled data trains at once.
    pub fn first_step(&self, number: u32) -> Step {
        match self.project.training {
            Some(_) if number == 1 => Step::PrepareTraining,
            _ => Step::PrepareMining,
        }
    }

    /// Returns how many assets the loop has had labeled.
    pub fn labels(&self) -> u64 {
        self.iterations.iter().filter_map(Iteration::labeled).map(|(_, count)| count).sum()
    }

    /// Returns how many assets the budget still allows to be labeled; `u64::MAX` without one.
    pub fn labels_left(&self) -> u64 {
        self.project.label_budget.map_or(u64::MAX, |budget| budget.saturating_sub(self.labels()))
    }

    /// Returns the newest model.
    pub fn model(&self) -> Option<VersionId> {
        self.iterations.iter().rev().find_map(Iteration::model)
    }

    /// Returns the newest training set; at first the project's.
    pub fn training(&self) -> Option<VersionId> {
        self.iterations.iter().rev().find_map(Iteration::training).or(self.project.training)
    }
}
