use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use ymir_core::{Annotation, AssetId, Attributes, Record, UnknownClasses, Version, VersionId};

/// One change of a dataset. Several changes of an asset apply in their order.
///
/// Annotations are counted from 0, in the order in which a record lists them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DatasetEdit {
    /// Puts a record in, in place of that of the same asset. Its image is in the workspace.
    Put(Record),
    /// Puts the image of a file in, with these attributes and annotations, in place of the record
    /// of the same image.
    PutImage {
        /// The image file, of which the workspace keeps a copy.
        file: PathBuf,
        /// The attributes of the asset.
        attributes: Attributes,
        /// The annotations.
        annotations: Vec<Annotation>,
    },
    /// Sets attributes of an asset; `None` removes one.
    SetAttributes {
        /// The asset.
        asset: AssetId,
        /// The attributes by name; others stay as they are.
        attributes: BTreeMap<String, Option<String>>,
    },
    /// Replaces all annotations of an asset.
    SetAnnotations {
        /// The asset.
        asset: AssetId,
        /// Its annotations.
        annotations: Vec<Annotation>,
    },
    /// Adds annotations to those of an asset.
    AddAnnotations {
        /// The asset.
        asset: AssetId,
        /// What to add.
        annotations: Vec<Annotation>,
    },
    /// Replaces one annotation of an asset. Needs [`EditOptions::expect`].
    ReplaceAnnotation {
        /// The asset.
        asset: AssetId,
        /// Which annotation.
        index: usize,
        /// The new one.
        annotation: Annotation,
    },
    /// Removes annotations of an asset. Needs [`EditOptions::expect`].
    RemoveAnnotations {
        /// The asset.
        asset: AssetId,
        /// Which annotations.
        indices: Vec<usize>,
    },
    /// Takes the record of an asset out. Its image stays in the workspace as long as a version
    /// needs it.
    Remove(AssetId),
}

impl DatasetEdit {
    /// Returns whether the change means annotations by their place.
    pub(super) fn counts_annotations(&self) -> bool {
        matches!(self, Self::ReplaceAnnotation { .. } | Self::RemoveAnnotations { .. })
    }
}

/// How to edit a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditOptions {
    /// Why, for people: the commit message; one is made up where it is absent.
    pub message: Option<String>,
    /// The version that the changes were made for. If it is not the newest any more, nothing
    /// changes and the edit ends with `Conflict`. Without it, changes apply to the newest version.
    pub expect: Option<VersionId>,
    /// What to do with class names that the workspace does not have.
    pub unknown_classes: UnknownClasses,
    /// Makes the dataset if there is none of its name.
    pub create: bool,
}

/// What an edit changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EditReport {
    /// The version with the changes; the newest there was, if nothing changed.
    pub version: Version,
    /// Whether nothing changed, so that no version was made.
    pub unchanged: bool,
    /// Records that are new.
    pub added: u64,
    /// Records that are different.
    pub changed: u64,
    /// Records that are gone.
    pub removed: u64,
    /// Annotations that are new or different.
    pub annotations_added: u64,
    /// Annotations that are gone or different.
    pub annotations_removed: u64,
    /// Classes that were added to the workspace.
    pub classes_added: Vec<String>,
    /// Annotations that were left out because the workspace does not have their class.
    pub annotations_ignored: u64,
}
