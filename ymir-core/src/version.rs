use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    ClassTable, Error, Model, Name, ObjectType, Result, Summary, TaskRecord, Timestamp, VersionId,
};

/// What a branch of versions holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BranchKind {
    /// Assets with their ground truth.
    Dataset,
    /// What a model said about a dataset version.
    Prediction,
    /// A trained model.
    Model,
    /// The definition and the state of a project.
    Project,
}

impl BranchKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Dataset, Self::Prediction, Self::Model, Self::Project];

    /// Returns the plural under which the refs of this kind are kept: `datasets` for example.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Dataset => "datasets",
            Self::Prediction => "predictions",
            Self::Model => "models",
            Self::Project => "projects",
        }
    }
}

/// A named series of versions, `datasets/train` for example.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Branch {
    /// What it holds.
    pub kind: BranchKind,
    /// Its name, unique within its kind.
    pub name: Name,
}

impl Branch {
    /// Returns the branch of a kind with a name.
    pub fn new(kind: BranchKind, name: Name) -> Self {
        Self { kind, name }
    }

    /// Returns the dataset branch of a name.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is no valid [`Name`].
    pub fn dataset(name: &str) -> Result<Self> {
        Ok(Self::new(BranchKind::Dataset, Name::new(name)?))
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.plural(), self.name)
    }
}

/// Which version of a branch is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selector {
    /// The newest.
    Latest,
    /// The one with this number, counted from 1.
    Number(u64),
    /// The one whose id starts with these hexadecimal digits (4 at least).
    Id(String),
}

/// A version as people write it: `name`, `name@latest`, `name@v3` or `name@<commit>`.
///
/// ```
/// use ymir_core::{Selector, VersionSpec};
///
/// let spec: VersionSpec = "train@v3".parse()?;
/// assert_eq!(spec.name.as_str(), "train");
/// assert_eq!(spec.selector, Selector::Number(3));
/// # Ok::<(), ymir_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionSpec {
    /// The name of the branch.
    pub name: Name,
    /// Which of its versions.
    pub selector: Selector,
}

impl FromStr for VersionSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, selector) = text.split_once('@').unwrap_or((text, "latest"));
        let number = selector.strip_prefix('v').and_then(|n| n.parse().ok()).filter(|n| *n > 0);
        let is_hex = selector.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let selector = match number {
            _ if selector == "latest" => Selector::Latest,
            Some(number) => Selector::Number(number),
            None if is_hex && (4..=2 * VersionId::MAX_LEN).contains(&selector.len()) => {
                Selector::Id(selector.into())
            }
            None => {
                let message = "expected a version such as name, name@latest, name@v3 or name@<commit> (4 to 64 digits)";
                return Err(Error::invalid(message).with("version", text));
            }
        };
        Ok(Self { name: Name::new(name)?, selector })
    }
}

impl fmt::Display for VersionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.selector {
            Selector::Latest => write!(f, "{}@latest", self.name),
            Selector::Number(n) => write!(f, "{}@v{n}", self.name),
            Selector::Id(id) => write!(f, "{}@{id}", self.name),
        }
    }
}

/// One version of a branch: immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The id.
    pub id: VersionId,
    /// The branch it was committed to.
    pub branch: Branch,
    /// Its number on the branch, counted from 1.
    pub number: u64,
    /// The version before it on the branch.
    pub parent: Option<VersionId>,
    /// When it was committed.
    pub created: Timestamp,
    /// The identity of its content: equal for two versions with equal records.
    pub content: VersionId,
    /// The first line of the commit message.
    pub message: String,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@v{}", self.branch.name, self.number)
    }
}

/// What a prediction set was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PredictionInfo {
    /// The model that predicted.
    pub model: VersionId,
    /// The dataset version that it looked at.
    pub dataset: VersionId,
}

/// What a version says about itself, beside its records.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// What its annotations are.
    pub object_type: ObjectType,
    /// The class table at the time of the commit.
    pub classes: ClassTable,
    /// The counts of its records.
    pub summary: Summary,
    /// The task that made it.
    pub task: TaskRecord,
    /// For a prediction set: what it was made from.
    pub prediction: Option<PredictionInfo>,
    /// For a model: its stages and files.
    pub model: Option<Model>,
    /// For a project: its definition and state, as JSON.
    pub project: Option<String>,
}
