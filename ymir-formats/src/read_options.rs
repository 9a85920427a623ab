use std::path::PathBuf;

/// What of a source is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Only the images that a list names: the name of a split (`train` for
    /// `ImageSets/Main/train.txt`), or the path of a text file with a line per image: its name
    /// with or without folder and extension; a `1`, `0` or `-1` after it, as in Pascal VOC's lists
    /// per class, is passed over.
    pub list: Option<PathBuf>,
    /// Whether images without an annotation file are taken, as images without objects. By default
    /// they are skipped and named in the report, since a forgotten annotation file must not turn
    /// into the statement that nothing is on the image.
    pub without_annotations: bool,
}
