use serde::Deserialize;
use ymir_core::{ExecutorRef, Limits, Parameters, Resources, UnknownClasses};

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
    /// Returns the version that the same executor made of the same inputs, if there is one, in
    /// place of running it again.
    #[serde(default = "yes")]
    pub reuse: bool,
}

fn yes() -> bool {
    true
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
        }
    }
}
