use serde::{Deserialize, Serialize};
use ymir_core::{CaseMatch, Version};

use super::losses::Lost;

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

/// A file with the same bytes as another one: both are one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The file.
    pub path: String,
    /// The file with the same bytes that comes first in the order of the paths; its name and
    /// annotations were taken.
    pub first: String,
    /// Whether its annotations are others than those that were taken.
    pub annotations_differ: bool,
}

/// A file that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The file, or the line of the list.
    pub path: String,
    /// Why, for programs.
    pub kind: SkipReason,
    /// Why, for people, with the place in the file where there is one.
    pub reason: String,
}

/// Why a file was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SkipReason {
    /// It is an image without an annotation file.
    NoAnnotation,
    /// It is an annotation file without an image.
    NoImage,
    /// It is an annotation file that may belong to several images, or one of several to an image.
    Ambiguous,
    /// It is an annotation file that cannot be understood; its image is not taken either.
    BadAnnotation,
    /// It is no image of a kind that is known, or a damaged one.
    BadImage,
    /// It looks like another image, and such are skipped.
    NearDuplicate,
    /// It cannot be read.
    Unreadable,
    /// The list names it, and it is not there.
    NotThere,
    /// It is an entry of an archive whose name leads out of it, a link, or one that is there twice.
    Unsafe,
}

/// An object that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The annotation file.
    pub path: String,
    /// The number of the object in it, counted from 1.
    pub object: u32,
    /// Why.
    pub reason: String,
}

/// A class name that the table did not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnknownClass {
    /// The name, as it was found first.
    pub name: String,
    /// How many annotations have it.
    pub count: u64,
}
