use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::json;
use ymir::{Error, ExecutorRef, Parameters, Result, Selection, TmiKind, Workspace};

use super::Demo;
use crate::{executor, parameters};

/// What the demo does, with everything decided.
#[derive(Debug)]
pub(super) struct Plan {
    /// Where the images come from.
    pub(super) source: Source,
    /// The seeds of the loops.
    pub(super) seeds: std::ops::RangeInclusive<u64>,
    pub(super) iterations: u32,
    pub(super) labels: u64,
    pub(super) executor: ExecutorRef,
    /// The parameters of training that the user gave.
    pub(super) given: Parameters,
    quick: bool,
}

/// Where the images come from; kept in the directory, so that another run there can tell whether
/// it goes on with the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// Rendered: so many to choose from and so many to evaluate on.
    Scenes { pool: u64, validation: u64 },
    /// A Pascal VOC folder.
    Voc { folder: PathBuf, pool: String, validation: String },
}

impl Plan {
    pub(super) fn new(demo: &Demo) -> Result<Self> {
        let source = match &demo.voc {
            Some(folder) => Source::Voc {
                folder: folder
                    .canonicalize()
                    .map_err(|e| Error::io("cannot find the Pascal VOC folder", folder, e))?,
                pool: demo.pool_split.clone(),
                validation: demo.validation_split.clone(),
            },
            None if demo.quick => Source::Scenes { pool: 40, validation: 16 },
            None => Source::Scenes { pool: 300, validation: 100 },
        };
        let (seeds, iterations, labels) = if demo.quick { (1, 2, 8) } else { (3, 5, 20) };
        Ok(Self {
            source,
            seeds: 1..=demo.seeds.unwrap_or(seeds),
            iterations: demo.iterations.unwrap_or(iterations),
            labels: demo.labels.unwrap_or(labels),
            executor: executor::choose(demo.executor.as_deref())?,
            given: parameters::parse(&demo.training_parameters)?,
            quick: demo.quick,
        })
    }

    /// Returns the parameters of training: those that suit the demo, as far as the executor has
    /// them where it says what it has, and those that the user gave.
    pub(super) async fn training(&self, workspace: &Workspace) -> Result<Parameters> {
        let known = parameters::known(workspace, &self.executor, &[TmiKind::Training]).await?;
        let mut training = usual(self.quick);
        training.retain(|name, _| known.is_empty() || known.contains(name));
        training.extend(self.given.clone());
        Ok(training)
    }

    /// Returns what the report is about.
    pub(super) fn title(&self) -> String {
        match &self.source {
            Source::Scenes { .. } => "rendered scenes".to_owned(),
            Source::Voc { folder, .. } => {
                folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
            }
        }
    }
}

/// Returns parameters with which the default executor learns something in a few seconds.
fn usual(quick: bool) -> Parameters {
    let steps = if quick { 10 } else { 200 };
    [
        ("width", json!(0.5)),
        ("image_size", json!(if quick { 96 } else { 192 })),
        ("steps", json!(steps)),
        ("evaluations", json!(1)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Returns the name of a way to choose images.
pub(crate) fn strategy_name(selection: Selection) -> &'static str {
    match selection {
        Selection::Mined => "mined",
        Selection::Random => "random",
    }
}
