use serde::{Deserialize, Serialize};

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
