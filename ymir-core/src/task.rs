use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{
    Branch, Error, ErrorReport, ExecutorRef, Input, Limits, LogLine, ObjectType, Parameters,
    Result, TaskId, TaskRecord, Timestamp, TmiKind, VersionId,
};

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaskKind {
    /// Brings in what is not YMIR's.
    #[default]
    Import,
    /// Chooses records of a dataset.
    Select,
    /// Joins datasets.
    Merge,
    /// Takes records of one dataset out of another.
    Exclude,
    /// Gives annotations other classes.
    Relabel,
    /// Brings in a version of another workspace.
    Copy,
    /// Trains a model.
    Train,
    /// Scores candidates and takes the best.
    Mine,
    /// Predicts.
    Infer,
    /// Brings back what was labeled.
    Label,
    /// Changes records of a dataset by hand.
    Edit,
    /// Keeps the state of a project.
    Project,
}

impl TaskKind {
    /// Returns the name, as it is serialised.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Select => "select",
            Self::Merge => "merge",
            Self::Exclude => "exclude",
            Self::Relabel => "relabel",
            Self::Copy => "copy",
            Self::Train => "train",
            Self::Mine => "mine",
            Self::Infer => "infer",
            Self::Label => "label",
            Self::Edit => "edit",
            Self::Project => "project",
        }
    }
}

/// What a task asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Whole GPUs.
    pub gpus: u32,
    /// CPU slots; 0 means all of them.
    pub cpus: u32,
    /// Memory in bytes; 0 for no bound.
    pub memory: u64,
}

impl Default for Resources {
    /// All CPUs, no GPU, no bound on memory.
    fn default() -> Self {
        Self { gpus: 0, cpus: 0, memory: 0 }
    }
}

/// Which executor a task runs, fixed when the task was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedExecutor {
    /// The executor as the caller named it.
    pub reference: ExecutorRef,
    /// Its identity at that time ([`crate::ExecutorInfo::digest`]); this one runs, whatever the name
    /// means later.
    pub digest: String,
}

/// When a failed task is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// Further attempts after the first. Only errors for which a retry can help are tried again.
    pub retries: u32,
    /// Seconds before the first retry; each further one waits twice as long, an hour at most.
    pub backoff_s: u64,
}

impl Default for RetryPolicy {
    /// No retries; ten seconds where there are any.
    fn default() -> Self {
        Self { retries: 0, backoff_s: 10 }
    }
}

/// The description of a task: what is submitted, recorded, shown, fingerprinted and written into
/// the lineage of its results.
///
/// It is plain data, and with the task's directory all that a process needs to carry the task on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// Its id, unique in the workspace.
    pub id: TaskId,
    /// The kind of work.
    pub kind: TaskKind,
    /// The object type of its data.
    #[serde(default)]
    pub object_type: ObjectType,
    /// The executor, where one runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<PinnedExecutor>,
    /// The executor's default parameters, by what it can do; fixed with its digest.
    #[serde(default)]
    pub templates: BTreeMap<TmiKind, Parameters>,
    /// The versions that it reads.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// Parameters for the executor in place of its defaults.
    #[serde(default)]
    pub parameters: Parameters,
    /// What the kind of task itself is told: `class_names`, `count`, `stage` …
    #[serde(default)]
    pub settings: Parameters,
    /// The seed of every random choice.
    #[serde(default)]
    pub seed: u64,
    /// The branches that its results are committed to, the main one first.
    #[serde(default)]
    pub outputs: Vec<Branch>,
    /// Whether equal work that is done or under way may stand in for it.
    #[serde(default)]
    pub reuse: bool,
    /// What each unit asks for.
    #[serde(default)]
    pub resources: Resources,
    /// What the executor may do.
    #[serde(default)]
    pub limits: Limits,
    /// Seconds that a run may take; it is stopped then, and the task fails with `Timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_s: Option<u64>,
    /// When a failure is tried again.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// The higher, the sooner; 0 is usual.
    #[serde(default)]
    pub priority: i32,
    /// Whose share of the host it uses, usually the name of a project. Waiting tasks of equal
    /// priority are served fairly between these.
    #[serde(default)]
    pub share: String,
    /// The number of units that the task is cut into, 1 at least. Each has a directory, a grant and
    /// a run of its own.
    #[serde(default = "one")]
    pub units: u32,
    /// Whether its runs outlive the process that carries it on. What a run holds that does not is
    /// free when that process is gone.
    #[serde(default = "yes")]
    pub survives: bool,
    /// The version of YMIR that it was submitted with.
    #[serde(default)]
    pub library_version: String,
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

impl TaskSpec {
    /// Returns the description of a task of a kind that reads and makes nothing yet.
    pub fn new(id: TaskId, kind: TaskKind) -> Self {
        Self {
            id,
            kind,
            object_type: ObjectType::default(),
            executor: None,
            templates: BTreeMap::new(),
            inputs: Vec::new(),
            parameters: Parameters::new(),
            settings: Parameters::new(),
            seed: 0,
            outputs: Vec::new(),
            reuse: false,
            resources: Resources::default(),
            limits: Limits::default(),
            time_limit_s: None,
            retry: RetryPolicy::default(),
            priority: 0,
            share: String::new(),
            units: 1,
            survives: true,
            library_version: String::new(),
        }
    }

    /// Returns the lineage of its results, without config, metrics and times, which the run tells.
    pub fn record(&self) -> TaskRecord {
        let given = self.parameters.iter().chain(&self.settings);
        let executor = self.executor.as_ref();
        let mut record = TaskRecord {
            kind: self.kind,
            parameters: given.map(|(name, value)| (name.clone(), value.to_string())).collect(),
            inputs: self.inputs.clone(),
            executor: executor.map(|e| e.reference.to_string()).unwrap_or_default(),
            executor_digest: executor.map(|e| e.digest.clone()).unwrap_or_default(),
            seed: self.seed,
            library_version: self.library_version.clone(),
            ..TaskRecord::default()
        };
        record.fingerprint = record.fingerprint();
        record.task = Some(self.id.clone());
        record
    }

    /// Returns the identity of the work ([`TaskRecord::fingerprint`]): equal for equal kind,
    /// parameters, inputs, executor and seed.
    pub fn fingerprint(&self) -> String {
        self.record().fingerprint
    }

    /// Returns the version that is used in a role.
    pub fn input(&self, role: &str) -> Option<VersionId> {
        self.inputs.iter().find(|input| input.role == role).map(|input| input.version)
    }

    /// Returns a setting of the kind of task.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not of the expected form.
    pub fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.settings.get(name) else { return Ok(None) };
        serde_json::from_value(value.clone()).map(Some).map_err(|error| {
            Error::invalid("a setting of the task is malformed")
                .with("setting", name)
                .with("task", &self.id)
                .caused_by(error)
        })
    }

    /// Returns the directory of a unit, below the directory of the task: the task's own where there
    /// is one unit only.
    pub fn unit_dir(&self, task_dir: &Path, unit: u32) -> PathBuf {
        match self.units {
            0 | 1 => task_dir.to_owned(),
            _ => task_dir.join("units").join(unit.to_string()),
        }
    }
}

/// The steps of a task, in their order. Each is done whole or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStep {
    /// Writes the task directory.
    Prepare,
    /// Waits for resources.
    Allocate,
    /// Runs the executor.
    Run,
    /// Reads what it wrote.
    Collect,
    /// Makes the result a version.
    Commit,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// It waits.
    Pending,
    /// It runs.
    Running,
    /// It ended well.
    Done,
    /// It ended badly.
    Failed,
    /// It was stopped by the user.
    Terminated,
}

impl TaskState {
    /// Returns whether this state is the last one.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Terminated)
    }
}

/// The process that carries a task on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOwner {
    /// Its process id on the host that it runs on.
    pub pid: u32,
}

/// The answer to a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The task that does the work.
    pub task: TaskId,
    /// Whether it was under way already and nothing was queued.
    pub joined: bool,
}

/// What is known of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskStatus {
    /// Its description.
    pub spec: TaskSpec,
    /// Where it stands.
    pub state: TaskState,
    /// The step that it is in, or ended in.
    pub step: TaskStep,
    /// How much of the run is done, 0 to 1.
    pub progress: f64,
    /// The attempt that it is in, from 1.
    pub attempt: u32,
    /// The process that carries it on; none where that process has died and no other has adopted
    /// the task yet, and of a task that has ended.
    pub owner: Option<TaskOwner>,
    /// Why it cannot be found out at present whether its run has ended. Its resources stay held;
    /// [`crate::Scheduler::settle`] ends this.
    pub stalled: Option<ErrorReport>,
    /// Why it failed.
    pub error: Option<ErrorReport>,
    /// What it made.
    pub output: Vec<VersionId>,
    /// When it was queued.
    pub created: Timestamp,
    /// When it was given resources.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

/// What happened to a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskEventKind {
    /// Its state changed.
    State(TaskState),
    /// It entered a step.
    Step(TaskStep),
    /// It came on.
    Progress {
        /// How much of the run is done, 0 to 1.
        fraction: f64,
        /// What the executor said about it.
        message: String,
    },
    /// It wrote a line.
    Log(LogLine),
}

/// One event of a workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskEvent {
    /// The place in the workspace's one order of events, counted from 1.
    pub seq: u64,
    /// When it happened.
    pub time: Timestamp,
    /// The task.
    pub task: TaskId,
    /// What happened.
    pub kind: TaskEventKind,
}
