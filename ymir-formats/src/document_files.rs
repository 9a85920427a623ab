use std::path::Path;

use ymir_core::Result;

use super::draft::Draft;
use super::file_index::FileIndex;
use super::files::{Files, without_extension};
use super::list;
use super::pair::{by_places, bytes};
use super::read_options::ReadOptions;
use super::report::SkipReason;
use super::scan::{Scanned, scan_files};
use super::splits::{self, SplitValues};

/// Finds images and the files of an extension that belong to them: those that stand beside the
/// image with its name, or are the only ones of its name. A folder with the name of a split, at the
/// top or below `images`, is one.
pub(super) fn find_pairs(
    draft: &mut Draft,
    options: &ReadOptions,
    extension: &str,
    is_other: impl Fn(&Path) -> bool,
) -> Result<()> {
    let Scanned { images, others } = scan_files(&draft.source.clone(), &mut draft.skipped)?;
    let is_document = |i: &u32| {
        let path = others.below(*i);
        path.extension().is_some_and(|e| e == extension) && !is_other(path)
    };
    let documents = FileIndex::new(&others, (0..others.len()).filter(is_document), |path, key| {
        key(bytes(path.file_stem().unwrap_or_default().as_ref()));
    });
    let places = by_places(&others);
    let mut taken = vec![false; others.len() as usize];
    for i in 0..images.len() {
        let image = images.below(i);
        let here = places.find(&others, bytes(without_extension(image)));
        let beside = here.into_iter().find(|i| is_document(i) && !taken[*i as usize]);
        let annotation = beside.or_else(|| {
            let stem = image.file_stem().unwrap_or_default();
            let mut named = documents.find(&others, bytes(stem.as_ref()));
            named.retain(|i| !taken[*i as usize]);
            named.first().filter(|_| named.len() == 1).copied()
        });
        let splits = split_of(draft, image);
        let path = annotation.map(|i| others.path(i));
        draft.add(&images.path(i), path.as_deref(), splits, options.without_annotations);
        annotation.into_iter().for_each(|i| taken[i as usize] = true);
    }
    let reason = "there is no image of its name";
    skip_rest(draft, &others, (0..others.len()).filter(is_document), &taken, reason);
    list::limit(draft, options)
}

/// Returns the split that the folders of an image tell.
fn split_of(draft: &mut Draft, below: &Path) -> u32 {
    let folders = below.parent().into_iter().flatten().map(|f| f.to_string_lossy());
    let split = folders.filter(|folder| folder != "images").take(1).find(|f| splits::is_common(f));
    split.map_or(SplitValues::NONE, |split| draft.splits.with(SplitValues::NONE, &split))
}

/// Reports the annotation files that no image took.
pub(super) fn skip_rest(
    draft: &mut Draft,
    files: &Files,
    all: impl Iterator<Item = u32>,
    taken: &[bool],
    reason: &str,
) {
    for i in all.filter(|i| !taken[*i as usize]) {
        draft.skip(&files.path(i), SkipReason::NoImage, reason);
    }
}
