use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{BlobId, Error, Result};

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFile {
    /// Its path below the stage, with `/` between the parts.
    pub path: String,
    /// Its content in the blob store.
    pub blob: BlobId,
    /// Its size in bytes.
    pub size: u64,
}

/// A checkpoint of a model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stage {
    /// The name, such as `epoch_50`.
    pub name: String,
    /// The files, by path.
    pub files: Vec<ModelFile>,
    /// When it was written, in Unix seconds; 0 where the executor did not say.
    pub timestamp: i64,
    /// Metrics as the executor reported them: `mAP`, `tp` …
    pub metrics: BTreeMap<String, f64>,
}

/// A trained model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Model {
    /// The stages, in the order in which they were written.
    pub stages: Vec<Stage>,
    /// The name of the stage that is used unless another is asked for.
    pub best_stage: String,
    /// The classes it was trained on, in the order of its outputs.
    pub class_names: Vec<String>,
    /// Further files of the training: path to content.
    pub attachments: Vec<ModelFile>,
}

impl Model {
    /// Returns a stage by name, or the best one.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the names that exist.
    pub fn stage(&self, name: Option<&str>) -> Result<&Stage> {
        let name = name.unwrap_or(&self.best_stage);
        self.stages.iter().find(|stage| stage.name == name).ok_or_else(|| {
            let names: Vec<_> = self.stages.iter().map(|stage| stage.name.as_str()).collect();
            Error::not_found(format!("the model has no such stage; it has: {}", names.join(", ")))
                .with("stage", name)
        })
    }
}
