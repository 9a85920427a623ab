use serde::Deserialize;
use ymir_core::{ExecutorRef, Limits, Parameters, Resources, RetryPolicy, UnknownClasses};

/// How an executor is run; the same for training, mining and inference.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskOptions {
    /// The executor.
    pub executor: ExecutorRef,
    /// Parameters in place of the executor's defaults.
    #[serde(default)]
    pub parameters: Parameters,
    /// The seed of every random choice. An executor that has a parameter `seed` gets it, unless
    /// [`TaskOptions::parameters`] names one.
    #[serde(default)]
    pub seed: u64,
    /// What the task asks for.
    #[serde(default)]
    pub resources: Resources,
    /// What the executor may do.
    #[serde(default)]
    pub limits: Limits,
    /// The higher, the sooner; 0 is usual.
    #[serde(default)]
    pub priority: i32,
    /// What to do with predictions of a class that the workspace does not have.
    #[serde(default)]
    pub unknown_classes: UnknownClasses,
    /// Returns the version that the same executor made of the same inputs, if there is one, or joins
    /// the task that is making it, in place of running it again.
    #[serde(default = "yes")]
    pub reuse: bool,
    /// Seconds that a run may take; it is stopped then, and the task fails. `None` for no limit.
    #[serde(default)]
    pub time_limit_s: Option<u64>,
    /// When a failure is tried again.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// The number of units that a mining or an inference is cut into; each runs by itself with
    /// [`TaskOptions::resources`].
    #[serde(default = "one")]
    pub units: u32,
    /// Whose share of the host the task uses: waiting tasks of equal priority are served fairly
    /// between shares. A project's tasks use the project's name.
    #[serde(default)]
    pub share: String,
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

impl TaskOptions {
    /// Returns the options of an executor with nothing changed.
    pub fn new(executor: ExecutorRef) -> Self {
        Self {
            executor,
            parameters: Parameters::new(),
            seed: 0,
            resources: Resources::default(),
            limits: Limits::default(),
            priority: 0,
            unknown_classes: UnknownClasses::Stop,
            reuse: true,
            time_limit_s: None,
            retry: RetryPolicy::default(),
            units: 1,
            share: String::new(),
        }
    }
}
