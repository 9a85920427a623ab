//! Formats in which one file, a document, annotates many images.

use std::path::{Path, PathBuf};

use ymir_core::Result;

use super::assemble::Said;
use super::draft::{Draft, Lead};
use super::image_index::ImageIndex;
use super::list;
use super::read_options::ReadOptions;
use super::scan::{Scanned, scan_files};
use super::splits::{SPLIT, SplitValues};
use crate::support::Sorter;
use crate::support::spill;

/// The images and documents of a source.
pub(super) struct SharedDocuments {
    pub(super) index: ImageIndex,
    /// The documents, in the order of their paths.
    pub(super) paths: Vec<PathBuf>,
    /// By image, the first document that names it, and its splits.
    named: Vec<(Option<u32>, u32)>,
    /// What was said, by image.
    said: Sorter,
}

impl SharedDocuments {
    /// Finds the images of a source, and the files that are documents.
    pub(super) fn scan(draft: &mut Draft, is_document: fn(&Path) -> bool) -> Result<Self> {
        let Scanned { images, others } = scan_files(&draft.source.clone(), &mut draft.skipped)?;
        let named = vec![(None, SplitValues::NONE); images.len() as usize];
        let paths = others.paths().filter(|path| is_document(path)).collect();
        let said = Sorter::new(&draft.aside);
        Ok(Self { index: ImageIndex::new(images), paths, named, said })
    }

    /// Takes what a document, by its number, says about an image, and the split that it puts the
    /// image in, empty where it does not say.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub(super) fn say(
        &mut self,
        draft: &mut Draft,
        image: u32,
        document: usize,
        mut said: Said,
        split: &str,
    ) -> Result<()> {
        let (named, splits) = &mut self.named[image as usize];
        named.get_or_insert(document as u32);
        said.document = document as u32;
        if let Some(split) = said.attributes.remove(SPLIT) {
            // As of every attribute, the last value counts.
            *splits = draft.splits.replace(*splits, &split);
        }
        *splits = draft.splits.with(*splits, split);
        self.said.push(image, &spill::encode(&said)?)
    }

    /// Gives the draft what the documents said of each image, and the images that none names as
    /// what lacks annotations.
    pub(super) fn finish(self, draft: &mut Draft, options: &ReadOptions) -> Result<()> {
        let Self { index, paths, named, said } = self;
        let paths: Vec<u32> = paths.iter().map(|path| draft.names.push(path)).collect();
        for (i, (document, splits)) in (0..).zip(named) {
            let path = index.images.path(i);
            match document {
                Some(document) => {
                    let annotation = Some(paths[document as usize]);
                    let image = draft.names.push(&path);
                    draft.leads.push(Lead { image, annotation, splits, told: Some(i) });
                }
                None => draft.add(&path, None, splits, options.without_annotations),
            }
        }
        draft.told = Some(said.sorted()?);
        list::limit(draft, options)
    }
}
