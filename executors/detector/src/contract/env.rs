//! `env.yaml`: where everything is and which tasks to run.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};

/// The environment variable that names `env.yaml` when the executor is a local program.
pub const ENV_VARIABLE: &str = "YMIR_ENV_FILE";
/// Where `env.yaml` is in a container.
pub const DEFAULT_ENV_FILE: &str = "/in/env.yaml";

/// What `env.yaml` says. Keys that this executor does not use are not read.
#[derive(Debug, Clone, Deserialize)]
pub struct Env {
    /// Name of the task.
    #[serde(default)]
    pub task_id: String,
    /// Whether to train.
    #[serde(default)]
    pub run_training: bool,
    /// Whether to score images for labeling.
    #[serde(default)]
    pub run_mining: bool,
    /// Whether to detect objects.
    #[serde(default)]
    pub run_infer: bool,
    /// Where the input is.
    #[serde(default)]
    pub input: Input,
    /// Where the output goes.
    #[serde(default)]
    pub output: Output,
}

/// Paths of the input.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Input {
    /// Index of the training set; empty if there is none.
    pub training_index_file: PathBuf,
    /// Index of the validation set; empty if there is none.
    pub val_index_file: PathBuf,
    /// Index of the images to mine or infer; empty if there is none.
    pub candidate_index_file: PathBuf,
    /// The configuration.
    pub config_file: PathBuf,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            training_index_file: "/in/train-index.tsv".into(),
            val_index_file: "/in/val-index.tsv".into(),
            candidate_index_file: "/in/candidate-index.tsv".into(),
            config_file: "/in/config.yaml".into(),
        }
    }
}

/// Paths of the output.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Output {
    /// Folder of the model's stages.
    pub models_dir: PathBuf,
    /// Summary of the model's stages.
    pub training_result_file: PathBuf,
    /// Scores of mined images.
    pub mining_result_file: PathBuf,
    /// Detections.
    pub infer_result_file: PathBuf,
    /// Progress.
    pub monitor_file: PathBuf,
    /// Log, besides standard output.
    pub executor_log_file: PathBuf,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            models_dir: "/out/models".into(),
            training_result_file: "/out/models/result.yaml".into(),
            mining_result_file: "/out/result.tsv".into(),
            infer_result_file: "/out/infer-result.json".into(),
            monitor_file: "/out/monitor.txt".into(),
            executor_log_file: "/out/ymir-executor-out.log".into(),
        }
    }
}

impl Env {
    /// Reads `env.yaml`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::config(format!(
                "cannot read {}: {e}; set {ENV_VARIABLE} to the path of env.yaml",
                path.display()
            ))
        })?;
        serde_norway::from_str(&text)
            .map_err(|e| Error::config(format!("{} is malformed: {e}", path.display())))
    }
}
