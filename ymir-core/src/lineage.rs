use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{TaskId, TaskKind, Timestamp, VersionId};

/// A version that a task read, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What it was used as: `training`, `validation`, `model`, `candidates` …
    pub role: String,
    /// The version.
    pub version: VersionId,
}

/// Everything that a result depends on, kept in the commit of the result.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskRecord {
    /// The kind of task.
    pub kind: TaskKind,
    /// The task, where one ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// Its parameters: name to JSON text.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The versions that it read.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// The executor as it was named, `docker:ymir/detector` for example; empty where none ran.
    #[serde(default)]
    pub executor: String,
    /// The identity of the executor: image digest, or SHA-256 of the program and its
    /// manifest files.
    #[serde(default)]
    pub executor_digest: String,
    /// The config file that the executor was given.
    #[serde(default)]
    pub config: String,
    /// The seed of every random choice.
    #[serde(default)]
    pub seed: u64,
    /// Measured figures: `mAP` for example.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// When it started.
    #[serde(default)]
    pub started: Timestamp,
    /// When it ended.
    #[serde(default)]
    pub finished: Timestamp,
    /// The version of YMIR that ran it.
    #[serde(default)]
    pub library_version: String,
    /// The identity of the work by its inputs ([`TaskRecord::fingerprint`]) when it began; empty
    /// for work that reads something outside the workspace.
    #[serde(default)]
    pub fingerprint: String,
}

impl TaskRecord {
    /// Returns the identity of the work: equal records of kind, parameters, inputs, executor,
    /// config and seed have equal fingerprints, whenever and wherever they ran.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let mut put = |part: &str| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        put(self.kind.as_str());
        for (name, value) in &self.parameters {
            put(name);
            put(value);
        }
        for input in &self.inputs {
            put(&input.role);
            put(&input.version.to_string());
        }
        put(&self.executor_digest);
        put(&self.config);
        put(&self.seed.to_string());
        hex::encode(hash.finalize())
    }

    /// Returns the version that was used in a role.
    pub fn input(&self, role: &str) -> Option<VersionId> {
        self.inputs.iter().find(|input| input.role == role).map(|input| input.version)
    }
}
