use std::fmt::Debug;

use super::assemble::Entry;
use super::document::Document;
use super::draft::Draft;
use super::intake::Refusal;
use super::read_options::ReadOptions;

/// A format, as an import reads it.
pub(super) trait Reader: Debug + Send + Sync {
    /// Finds the images of the source and adds each: with its annotation file, or with the number by
    /// which a file speaks of it that is about several images.
    fn find(&mut self, draft: &mut Draft, options: &ReadOptions) -> ymir_core::Result<()>;

    /// Reads the annotation file of an image; nothing, if [`find`](Self::find) said all.
    fn read(&self, _entry: &Entry) -> Result<Option<Document>, Refusal> {
        Ok(None)
    }

    /// Says what is known only now that all files were read.
    fn finish(&self, _draft: &mut Draft) {}
}
