use serde::{Deserialize, Serialize};
use ymir_core::{ClassId, ErrorReport, Version};

/// What the import of a repository of the original did: complete, nothing is left out of its lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MirReport {
    /// The folder that the images were taken from; none if none were needed.
    pub media: Option<String>,
    /// The file that the class table was read from.
    pub labels: Option<String>,
    /// The branches and the datasets that they became, sorted.
    pub datasets: Vec<MirDataset>,
    /// The versions, in the order in which they were made: none before what it was made from.
    pub versions: Vec<MirVersion>,
    /// What is in the repository and became no version, with the reason.
    pub skipped: Vec<MirSkipped>,
    /// The classes of the original and what they mean here, by the original's numbers; those that
    /// only annotations name come last.
    pub classes: Vec<MirClass>,
    /// The models.
    pub models: Vec<MirModel>,
    /// Images that were looked up by their SHA-1 and are in the workspace now, each under its own
    /// id; 0 if all versions had been imported before.
    pub images: u64,
    /// Images that versions have and the media folder does not, or not rightly: the versions were
    /// made without them.
    pub left_out: Vec<MirLeftOut>,
    /// What the original has and the new versions do not, other than whole versions and images.
    pub not_carried: Vec<MirNotCarried>,
}

impl MirReport {
    /// Returns how many versions are new.
    pub fn made(&self) -> usize {
        self.versions.iter().filter(|version| version.is_new).count()
    }

    /// Returns whether all versions could be read, and all of their images.
    pub fn is_complete(&self) -> bool {
        let damaged = |skipped: &MirSkipped| skipped.kind == MirSkip::Damaged;
        !self.skipped.iter().any(damaged) && self.left_out.is_empty()
    }
}

/// A branch of the original and the dataset it became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirDataset {
    /// The branch.
    pub branch: String,
    /// The name of the dataset, and of the prediction set if there is one; another than the
    /// branch's where that is no valid name.
    pub name: String,
    /// How many versions it has.
    pub versions: usize,
}

/// A version of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MirVersion {
    /// The original's name, `branch@task`.
    pub name: String,
    /// The original's commit.
    pub commit: String,
    /// The version it became.
    pub version: Version,
    /// The prediction set beside it, if there were predictions.
    pub predictions: Option<Version>,
    /// Whether it was made now; else it had been imported before.
    pub is_new: bool,
    /// Assets that the original has.
    pub assets: u64,
    /// Assets among them that were left out.
    pub left_out: u64,
}

/// What became no version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MirSkipped {
    /// The tag or branch.
    pub name: String,
    /// The original's commit.
    pub commit: String,
    /// Why, for programs.
    pub kind: MirSkip,
    /// Why, for people.
    pub reason: String,
    /// For a damaged commit: what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReport>,
    /// For a failed task: the original's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_code: Option<i32>,
}

impl MirSkipped {
    pub(super) fn new(name: &str, commit: &str, kind: MirSkip, reason: &str) -> Self {
        let (name, commit, reason) = (name.to_owned(), commit.to_owned(), reason.to_owned());
        Self { name, commit, kind, reason, error: None, return_code: None }
    }

    pub(super) fn damaged(name: &str, commit: &str, error: ErrorReport) -> Self {
        let mut skipped = Self::new(name, commit, MirSkip::Damaged, &error.message);
        skipped.error = Some(error);
        skipped
    }
}

/// Why something became no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MirSkip {
    /// It has no assets, as after `mir init` or an import of a model.
    Empty,
    /// Its task failed.
    Failed,
    /// It cannot be read.
    Damaged,
    /// It is no dataset of the original.
    NoDataset,
    /// It is a branch without commits of its own.
    NoCommit,
    /// None of its images is there.
    NoImages,
}

/// A class of the original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirClass {
    /// The original's number; several annotations may disagree with each other where no table
    /// says it.
    pub number: i32,
    /// The name.
    pub name: String,
    /// The class it is here; none if its annotations were left out, or kept under their name.
    pub class: Option<ClassId>,
    /// What was done.
    pub outcome: MirClassOutcome,
    /// How many annotations of the versions that were not imported before have it.
    pub annotations: u64,
    /// Its aliases that mean another class here and were not taken over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_aliases: Vec<String>,
}

/// What was done with a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MirClassOutcome {
    /// The workspace had it, under this name or an alias.
    Mapped,
    /// It was added.
    Added,
    /// Its annotations are kept under their name, outside the table.
    Kept,
    /// Its annotations were left out.
    Ignored,
}

/// A model of the original.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MirModel {
    /// The tag of the task that made it.
    pub name: String,
    /// The SHA-1 of its package.
    pub hash: String,
    /// The version it became; none without its package.
    pub version: Option<Version>,
    /// Whether that was made now.
    pub is_new: bool,
    /// Why it became none.
    pub reason: Option<String>,
}

/// An image that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirLeftOut {
    /// The SHA-1.
    pub sha1: String,
    /// The name of the file when the original imported it.
    pub file_name: String,
    /// How many versions lack it.
    pub versions: u64,
    /// Why, for programs.
    pub kind: MirLeftOutKind,
    /// Why, for people.
    pub reason: String,
}

/// Why an image was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MirLeftOutKind {
    /// The media folder does not have it.
    Missing,
    /// The file has other bytes than its name says.
    WrongContent,
    /// It is no image of a known kind, or a damaged one.
    BadImage,
    /// It cannot be read.
    Unreadable,
}

/// What was not carried over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirNotCarried {
    /// The original's name of the version.
    pub name: String,
    /// What, for people.
    pub what: String,
    /// How often.
    pub count: u64,
}
