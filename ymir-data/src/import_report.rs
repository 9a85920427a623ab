use serde::{Deserialize, Serialize};
use ymir_core::{CaseMatch, Version};
use ymir_formats::{Dropped, Duplicate, Lost, Skipped};

/// What an import did: complete, nothing is left out of its lists.
///
/// Paths are relative to the source, and in the order of the paths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The version that was made.
    pub version: Version,
    /// Assets that the source gave the version.
    pub imported: u64,
    /// Annotations on them.
    pub annotations: u64,
    /// Assets among them without any annotation.
    pub negatives: u64,
    /// Files with the same bytes as another.
    pub duplicates: Vec<Duplicate>,
    /// Files that were not taken.
    pub skipped: Vec<Skipped>,
    /// Objects that were not taken, of files that were.
    pub dropped: Vec<Dropped>,
    /// Boxes that reached out of their image and were cut at its edge.
    pub clipped: u64,
    /// Annotation files that tell another size than the image file has; their boxes were taken as
    /// they are.
    pub size_mismatches: Vec<String>,
    /// The names that were taken as a class which has them in another case, sorted.
    #[serde(default)]
    pub case_matches: Vec<CaseMatch>,
    /// The names that the class table did not have, sorted.
    pub unknown_classes: Vec<UnknownClass>,
    /// Those of them that were added to it, sorted.
    pub added_classes: Vec<String>,
    /// Annotations that were left out because of their unknown class.
    pub ignored_annotations: u64,
    /// What the source says that records have no place for, by what it is, sorted.
    #[serde(default)]
    pub lost: Vec<Lost>,
}

/// A class name that the table did not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnknownClass {
    /// The name, as it was found first.
    pub name: String,
    /// How many annotations have it.
    pub count: u64,
}
