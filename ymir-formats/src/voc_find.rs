use std::path::Path;

use ymir_core::Result;

use super::assemble::Entry;
use super::document::Document;
use super::draft::Draft;
use super::files::Files;
use super::intake::{Refusal, read_annotation};
use super::list::{self, Nameable};
use super::pair::{Orphan, pair};
use super::read_options::ReadOptions;
use super::reader::Reader;
use super::scan::{Folders, Found, MASKS, scan};
use super::splits::{self, SplitValues};

/// What is said of masks.
const MASKS_UNREAD: &str = "masks beside the boxes (the format masks reads them)";

/// Pascal VOC: an XML file per image, splits as lists of names.
#[derive(Debug)]
pub(super) struct VocReader;

impl Reader for VocReader {
    fn find(&mut self, draft: &mut Draft, options: &ReadOptions) -> Result<()> {
        let found = scan(&draft.source.clone(), &mut draft.skipped)?;
        let lists = match &options.list {
            Some(list) => list::find(list, &draft.source, found.iter().map(|f| &f.folders))?,
            None => Vec::new(),
        };
        for found in &found {
            draft.losses.add_many(MASKS_UNREAD, masks(&found.folders.root));
        }
        let mut unmet: Option<Vec<String>> = None;
        for (i, found) in found.iter().enumerate() {
            match (&options.list, lists.get(i)) {
                (None, _) => {
                    add(draft, found, None, options)?;
                }
                (Some(_), Some(Some(list))) => {
                    let here = add(draft, found, Some(list), options)?;
                    // One list for several datasets: an entry is unmet if none of them meets it.
                    unmet = Some(match unmet {
                        Some(before) => before.into_iter().filter(|e| here.contains(e)).collect(),
                        None => here,
                    });
                }
                (Some(_), _) => {}
            }
        }
        draft.skip_unmet(unmet.unwrap_or_default());
        Ok(())
    }

    fn read(&self, entry: &Entry) -> Result<Option<Document>, Refusal> {
        entry.annotation.as_deref().map(read_annotation).transpose()
    }
}

/// Returns how many masks of objects or classes stand beside the annotations.
fn masks(root: &Path) -> u64 {
    let files = MASKS.iter().filter_map(|folder| std::fs::read_dir(root.join(folder)).ok());
    let is_mask = |path: &Path| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    files.flatten().flatten().filter(|file| is_mask(&file.path())).count() as u64
}

/// Adds the images of a dataset, or of it those that a list names; returns the entries of the list
/// that name nothing.
fn add(
    draft: &mut Draft,
    found: &Found,
    list: Option<&Path>,
    options: &ReadOptions,
) -> Result<Vec<String>> {
    let Found { folders, images, annotations } = found;
    let (pairs, mut orphans) = pair(found);
    let (mut is_wanted, mut unmet) = (None, Vec::new());
    if let Some(list) = list {
        let mut lone = Files::new(&folders.root);
        for orphan in &orphans {
            lone.push(&orphan.annotation);
        }
        let mut lone = Nameable::new(folders, &lone, 0..lone.len());
        let mut images = Nameable::new(folders, images, 0..images.len());
        unmet = list::mark(list, &mut [&mut images, &mut lone])?;
        let mut named = lone.named.iter();
        orphans.retain(|_| *named.next().unwrap_or(&false));
        is_wanted = Some(images.named);
    }
    for Orphan { annotation, kind, reason } in orphans {
        draft.skip(&annotation, kind, reason);
    }
    let splits = marked_splits(&mut draft.splits, folders, images)?;
    for (i, (annotation, splits)) in (0..).zip(pairs.into_iter().zip(splits)) {
        if is_wanted.as_ref().is_none_or(|wanted: &Vec<bool>| wanted[i as usize]) {
            let annotation = annotation.map(|annotation| annotations.path(annotation));
            let path = images.path(i);
            draft.add(&path, annotation.as_deref(), splits, options.without_annotations);
        }
    }
    Ok(unmet)
}

/// Returns for each image which lists of splits name it. `trainval` is none where `train` or `val`
/// are.
pub(super) fn marked_splits(
    values: &mut SplitValues,
    folders: &Folders,
    images: &Files,
) -> Result<Vec<u32>> {
    let mut marked = vec![SplitValues::NONE; images.len() as usize];
    let mut files: Option<Nameable<'_>> = None;
    for folder in ["Main", "Segmentation"] {
        let mut lists = list::split_lists(&folders.root, folder);
        lists.retain(|(name, _)| splits::is_common(name));
        for (name, path) in lists {
            let files =
                files.get_or_insert_with(|| Nameable::new(folders, images, 0..images.len()));
            files.named.fill(false);
            list::mark(&path, &mut [&mut *files])?;
            for (marked, _) in marked.iter_mut().zip(&files.named).filter(|(_, named)| **named) {
                *marked = values.with(*marked, &name);
            }
        }
    }
    Ok(marked)
}
