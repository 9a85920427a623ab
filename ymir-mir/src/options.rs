use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ymir_core::{Transfer, UnknownClasses};

/// How a repository of the original is brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MirOptions {
    /// The folder of the images, named by their SHA-1: `<media>/<last two digits>/<SHA-1>` or
    /// `<media>/<SHA-1>`. The original does not record where it is; by default it is looked for
    /// where the original's server has it: `ymir-assets` beside the repository or a folder above
    /// it.
    pub media: Option<PathBuf>,
    /// The folder of the model packages, named by their SHA-1; by default `ymir-models`, as for
    /// `media`. Without it models are named in the report and in lineage only.
    pub models: Option<PathBuf>,
    /// The class table; by default `.mir/labels.yaml` in the repository, or `labels.yaml` beside
    /// it. Neither is part of a clone; without one, the names stored with the annotations count.
    pub labels: Option<PathBuf>,
    /// Put before the name of each dataset, prediction set and model.
    pub prefix: String,
    /// How image files are taken over. A hard link costs no space, and whoever then writes into
    /// the original in place breaks the workspace's copy.
    pub transfer: Transfer,
    /// What to do with classes that the workspace does not have.
    pub unknown_classes: UnknownClasses,
}

impl Default for MirOptions {
    /// Copies the images and adds the classes.
    fn default() -> Self {
        Self {
            media: None,
            models: None,
            labels: None,
            prefix: String::new(),
            transfer: Transfer::Copy,
            unknown_classes: UnknownClasses::Add,
        }
    }
}
