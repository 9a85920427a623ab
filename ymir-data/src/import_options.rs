use std::path::PathBuf;

use ymir_core::{Transfer, UnknownClasses};

/// How a dataset is brought in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// What to do with class names that the workspace's table does not have.
    pub unknown_classes: UnknownClasses,
    /// How the image files are taken over. A hard link costs no space, and whoever then writes
    /// into the original in place breaks the workspace's copy. A reference leaves the files where
    /// they are, which an archive has no place for.
    pub transfer: Transfer,
    /// Only the images that a list names: the name of a split (`train` for
    /// `ImageSets/Main/train.txt`), or the path of a text file with a line per image: its name
    /// with or without folder and extension; a `1`, `0` or `-1` after it, as in Pascal VOC's lists
    /// per class, is passed over.
    pub list: Option<PathBuf>,
    /// Whether images without an annotation file are taken, as images without objects. By default
    /// they are skipped and named in the report, since a forgotten annotation file must not turn
    /// into the statement that nothing is on the image.
    pub without_annotations: bool,
    /// Whether the records are added to those of the branch's newest version, in place of those
    /// with the same asset, instead of standing alone.
    pub append: bool,
    /// Skips images that look like one before them in the order of the paths, or like one that the
    /// newest version has where they are appended to it: those whose difference hashes differ in at
    /// most so many of 64 bits, as [`near_duplicates`](crate::operations::near_duplicates) tells.
    /// Images that are there already are none of them. All images are decoded, also those of the
    /// newest version. Needs the feature `decode`.
    pub skip_near_duplicates: Option<u32>,
}
