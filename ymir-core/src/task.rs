use serde::{Deserialize, Serialize};

use crate::{ErrorReport, LogLine, TaskId, Timestamp, VersionId};

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

/// A task to be queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRequest {
    /// Its id, unique in the workspace.
    pub id: TaskId,
    /// What it does.
    pub kind: TaskKind,
    /// What it asks for.
    pub resources: Resources,
    /// The higher, the sooner; 0 is usual.
    pub priority: i32,
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

/// What is known of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskStatus {
    /// The request.
    pub request: TaskRequest,
    /// Where it stands.
    pub state: TaskState,
    /// The step that it is in, or ended in.
    pub step: TaskStep,
    /// How much of the run is done, 0 to 1.
    pub progress: f64,
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
