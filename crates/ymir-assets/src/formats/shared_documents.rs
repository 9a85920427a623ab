//! Formats in which one file, a document, annotates many images.

use std::path::{Path, PathBuf};

use ymir_core::Result;

use super::ImportOptions;
use super::assemble::Entry;
use super::draft::Draft;
use super::image_index::ImageIndex;
use super::list;
use super::pair::Pair;
use super::scan::{looks_like_image, scan_files};

/// The images and documents of a source.
pub(super) struct SharedDocuments {
    pub(super) index: ImageIndex,
    /// What is known of each image of the index; none for one that no document names so far.
    pub(super) entries: Vec<Option<Entry>>,
    /// The documents, in the order of their paths.
    pub(super) paths: Vec<PathBuf>,
}

impl SharedDocuments {
    /// Finds the images of a source, and the files that are documents.
    pub(super) fn scan(draft: &mut Draft, is_document: fn(&Path) -> bool) -> Result<Self> {
        let files = scan_files(&draft.source.clone(), &mut draft.skipped)?;
        let (images, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|path| looks_like_image(path));
        let index = ImageIndex::new(images);
        let entries = index.images().iter().map(|_| None).collect();
        let paths = others.into_iter().filter(|path| is_document(path)).collect();
        Ok(Self { index, entries, paths })
    }

    /// Gives the draft what the documents said of each image, and the images that none names as
    /// what lacks annotations.
    pub(super) fn finish(self, draft: &mut Draft, options: &ImportOptions) -> Result<()> {
        for (image, entry) in self.index.images().iter().zip(self.entries) {
            match entry {
                Some(entry) => draft.entries.push(entry),
                None => {
                    let pair = Pair { image: image.clone(), annotation: None };
                    draft.add(pair, options.without_annotations);
                }
            }
        }
        list::limit(draft, options)
    }
}
